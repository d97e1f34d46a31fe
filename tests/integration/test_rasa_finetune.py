"""`rasa train nlu --finetune`."""

from pathlib import Path

import pytest
from bot import NLU, UNSEEN, Bot, checksum, intent_of

ADDED = {**NLU, "bye": [*NLU["bye"], "i am off now, take care", "catch you later"]}


@pytest.fixture(scope="module")
def finetuned(trained: Bot, tmp_path_factory: pytest.TempPathFactory) -> Bot:
    """The trained bot, trained on with two examples more and half of the epochs."""
    bot = trained.copy(tmp_path_factory.mktemp("finetuned"))
    bot.write_nlu("data/nlu.yml", ADDED)
    result = bot.train("--finetune", "--epoch-fraction", "0.5")
    assert result.components_trained == ["BertIntentClassifier"]
    return bot


def test_finetuned_model_knows_old_and_added_examples(finetuned: Bot):
    assert finetuned.manifest["training"]["examples"] == sum(map(len, ADDED.values()))
    rows = finetuned.parse("i am off now, take care", *UNSEEN)
    assert {row["text"]: intent_of(row) for row in rows} == {"i am off now, take care": "bye", **UNSEEN}


def test_epoch_fraction_scales_epochs_and_least_steps(trained: Bot, finetuned: Bot):
    before, after = trained.manifest, finetuned.manifest
    assert (before["options"]["epochs"], before["training"]["epochs"]) == (5, 60)  # min_steps: 60, one step an epoch
    assert (after["options"]["epochs"], after["training"]["epochs"]) == (3, 30)


def test_new_intent_is_refused_in_one_line_and_leaves_the_models_alone(trained: Bot, tmp_path: Path):
    bot = trained.copy(tmp_path)
    bot.write_nlu("data/nlu.yml", {**NLU, "thank": ["thanks", "thank you", "many thanks"]})
    before = {path.name: checksum(path) for path in bot.archives}
    result = bot.rasa("train", "nlu", "--finetune")
    assert result.status != 0
    result.told_in_one_line("InvalidConfigException", "finetun")
    assert {path.name: checksum(path) for path in bot.archives} == before


@pytest.mark.slow
def test_finetuning_again_on_the_same_data_trains_and_is_not_taken_from_the_cache(finetuned: Bot, tmp_path: Path):
    bot = finetuned.copy(tmp_path)
    result = bot.train("--finetune", "--epoch-fraction", "0.5")
    assert result.components_trained == ["BertIntentClassifier"]
    assert result.components_restored == []
    # Trained on from another model, so that the same examples lead elsewhere.
    assert bot.manifest["files"]["head.safetensors"] != finetuned.manifest["files"]["head.safetensors"]
