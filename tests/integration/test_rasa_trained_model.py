"""`rasa-bert-intent train`, and `rasa train nlu` that takes what it wrote."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from bot import NLU, QUICK, Bot, component_files, environment, rasa_bert_intent, wait_for
from encoders import make_encoder
from folders import contents

OURS = "BertIntentClassifier"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    """A bot that has not been trained, and beside its `config.yml` the model that `rasa-bert-intent train` made."""
    folder = tmp_path_factory.mktemp("bot")
    make_encoder(folder / "encoder")
    bot = Bot(folder).write({"encoder": "encoder", **QUICK, "trained_model": "big"})
    result = rasa_bert_intent("train", "data", "--config", "config.yml", "--output", "big", cwd=folder)
    assert result.status == 0, result.output
    assert "big: 4 intents" in result.stdout
    assert "trained_model: big" in result.stdout
    return bot


@pytest.fixture(scope="module")
def taken(trained: Bot, tmp_path_factory: pytest.TempPathFactory) -> Bot:
    """The bot after `rasa train nlu`."""
    bot = trained.copy(tmp_path_factory.mktemp("taken"))
    result = bot.train()
    assert result.components_trained == [OURS]
    assert result.output.count("Taken from big, nothing is trained: encoder encoder, 4 intents") == 1
    assert result.output.count(f"All {sum(map(len, NLU.values()))} examples of the bot were seen in its training.") == 1
    assert "Fine-tuning" not in result.output
    return bot


def _stored(bot: Bot) -> dict[str, bytes]:
    return {name: content for name, content in component_files(bot.archives[-1]).items() if name != "model.json"}


def test_archive_holds_the_model_and_answers(taken: Bot):
    assert _stored(taken) == {n: c for n, c in contents(taken.folder / "big").items() if n != "model.json"}
    (row,) = taken.parse("good evening to you")
    assert {entry["name"] for entry in row["intent_ranking"]} == set(NLU)


@pytest.mark.slow
def test_model_is_the_one_that_rasa_would_have_trained(taken: Bot, tmp_path: Path):
    bot = taken.copy(tmp_path).write({"encoder": "encoder", **QUICK})
    assert "Fine-tuning" in bot.train().output
    ours, expected = _stored(bot), _stored(taken)
    assert ours.keys() == expected.keys()
    weights = [name for name in expected if name.endswith(".safetensors")]
    assert {name: ours[name] for name in weights} == {name: expected[name] for name in weights}


@pytest.mark.slow
def test_same_model_is_restored_from_the_cache_and_a_newer_one_in_its_place_is_taken(taken: Bot, tmp_path: Path):
    bot = taken.copy(tmp_path)
    assert bot.train().components_restored == [OURS]
    again = ["--config", "config.yml", "--output", "big", "--force", "--option", "random_seed=7"]
    assert rasa_bert_intent("train", "data", *again, cwd=bot.folder).status == 0
    assert bot.train().components_trained == [OURS]
    assert _stored(bot) != _stored(taken)
    assert bot.manifest["options"]["random_seed"] == 7


@pytest.mark.slow
def test_examples_that_it_has_not_seen_are_named_in_one_line(taken: Bot, tmp_path: Path):
    bot = taken.copy(tmp_path)
    bot.write_nlu("data/nlu.yml", {**NLU, "greet": [*NLU["greet"], "hello again"]})
    bot.train().told_in_one_line("1 of 25 examples was not seen in its training: 'hello again'.")


@pytest.mark.slow
def test_finetuning_trains_the_taken_model_on(taken: Bot, tmp_path: Path):
    bot = taken.copy(tmp_path)
    bot.write_nlu("data/nlu.yml", {**NLU, "greet": [*NLU["greet"], "hello again"]})
    result = bot.train("--finetune")
    result.told_in_one_line("Finetuning trains the bot's last model on; big is left alone.")
    assert bot.manifest["training"]["examples"] == 25
    assert _stored(bot)["head.safetensors"] != _stored(taken)["head.safetensors"]


@pytest.mark.slow
def test_unknown_intents_are_refused_in_one_line(trained: Bot, tmp_path: Path):
    bot = trained.copy(tmp_path)
    bot.write_nlu("data/nlu.yml", {**NLU, "thank": ["thanks", "thank you"]})
    result = bot.rasa("train", "nlu")
    assert result.status != 0
    assert bot.archives == []
    result.told_in_one_line("big does not know the intent 'thank'", "Train it again", "or remove trained_model")


@pytest.mark.slow
@pytest.mark.parametrize("what", ["missing", "half", "encoder"])
def test_what_does_not_fit_is_told_in_one_line_before_anything_is_trained(what: str, trained: Bot, tmp_path: Path):
    bot = trained.copy(tmp_path)
    options = {"encoder": "encoder", **QUICK, "trained_model": "big"}
    counted = [{"name": "WhitespaceTokenizer"}, {"name": "CountVectorsFeaturizer"}]
    if what == "missing":
        expected = "trained_model: nowhere does not exist."
        options["trained_model"] = "nowhere"
    elif what == "half":
        expected = "trained_model: big/head.safetensors is missing."
        (bot.folder / "big" / "head.safetensors").unlink()
    else:
        expected = "and config.yml says encoder, which is another."
        make_encoder(bot.folder / "encoder", seed=1)
    result = bot.write(options, before=counted).rasa("train", "nlu")
    assert result.status != 0
    result.told_in_one_line(expected)
    assert result.components_trained == []
    assert bot.archives == []


@pytest.mark.slow
def test_training_that_is_killed_leaves_the_former_model(trained: Bot, tmp_path: Path):
    bot = trained.copy(tmp_path)
    former = contents(bot.folder / "big")
    arguments = ["data", "--config", "config.yml", "--output", "big", "--force", "--option", "min_steps=1000000"]
    log = tmp_path / "log"
    for how in (signal.SIGKILL, signal.SIGINT):
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "rasa_bert_intent.cli", "train", *arguments],
                cwd=bot.folder,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment(),
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        try:
            wait_for(lambda: "step/s" in log.read_text("utf-8", errors="replace"), process, log)
            process.send_signal(how)
            status = process.wait(120)
        finally:
            process.kill()
            process.wait()
        assert status == {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130}[how]
        assert contents(bot.folder / "big") == former
        assert "Traceback" not in log.read_text("utf-8")
    assert log.read_text("utf-8").rstrip().endswith("interrupted")
