"""What `rasa train nlu` trains again, and what it takes from its cache."""

import json
import shutil
from pathlib import Path

import pytest
from bot import NLU, QUICK, Bot, python_that
from encoders import make_encoder

OURS = "BertIntentClassifier"


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    """A trained bot on a tiny encoder, which lies in its folder and is named there by a relative path."""
    folder = tmp_path_factory.mktemp("quick")
    make_encoder(folder / "encoder")
    bot = Bot(folder).write({"encoder": "encoder", **QUICK})
    assert bot.train().components_trained == [OURS]
    return bot


def test_same_data_and_partly_given_options_are_not_trained_again(quick: Bot, tmp_path: Path):
    bot = quick.copy(tmp_path)
    first = bot.manifest
    result = bot.train()
    assert result.components_trained == []
    assert result.components_restored == [OURS]
    assert bot.manifest == first


@pytest.mark.slow
def test_added_example_is_trained_on(quick: Bot, tmp_path: Path):
    bot = quick.copy(tmp_path)
    bot.write_nlu("data/nlu.yml", {**NLU, "greet": [*NLU["greet"], "hello again"]})
    assert bot.train().components_trained == [OURS]
    assert bot.manifest["training"]["examples"] == sum(map(len, NLU.values())) + 1


def test_an_added_synonym_trains_nothing_and_one_line_says_so(quick: Bot, tmp_path: Path):
    bot = quick.copy(tmp_path)
    first = bot.manifest
    synonym = {"synonym": "bedroom", "examples": "- sleeping room\n"}
    bot.write_yaml("data/synonyms.yml", {"version": "3.1", "nlu": [synonym]})
    result = bot.train()
    assert result.components_trained == [OURS]  # by Rasa's rule
    assert result.output.count("its model is used again, nothing is trained") == 1
    assert "Fine-tuning" not in result.output
    assert bot.manifest == first


@pytest.mark.slow
def test_the_same_training_is_done_again_when_both_caches_are_deleted(quick: Bot, tmp_path: Path):
    bot = quick.copy(tmp_path)
    shutil.rmtree(bot.folder / ".rasa" / "cache_bert_intent")
    assert bot.train().components_restored == [OURS]
    shutil.rmtree(bot.folder / ".rasa" / "cache")
    assert "Fine-tuning" in bot.train().output


@pytest.mark.slow
def test_changed_option_is_trained_with_and_reverting_restores_from_the_cache(quick: Bot, tmp_path: Path):
    bot = quick.copy(tmp_path)
    first = bot.manifest
    bot.write({"encoder": "encoder", **QUICK, "epochs": 2})
    assert bot.train().components_trained == [OURS]
    assert bot.manifest["training"]["epochs"] == 2
    bot.write({"encoder": "encoder", **QUICK})
    assert bot.train().components_restored == [OURS]
    assert bot.manifest == first


@pytest.mark.slow
def test_other_version_of_the_package_trains_again(quick: Bot, tmp_path: Path):
    bot = quick.copy(tmp_path / "new")
    newer = python_that(tmp_path, "import rasa_bert_intent.version\nrasa_bert_intent.version.__version__ = '99.0'\n")
    assert bot.train(**newer).components_trained == [OURS]
    assert bot.manifest["version"] == "99.0"


@pytest.mark.slow
@pytest.mark.parametrize("what", ["weights", "pooling", "tokenizer"])
def test_changed_content_of_the_encoder_directory_is_trained_on(what: str, quick: Bot, tmp_path: Path):
    bot = quick.copy(tmp_path)
    encoder = bot.folder / "encoder"
    if what == "weights":
        make_encoder(encoder, seed=1)
    elif what == "pooling":
        (encoder / "1_Pooling").mkdir()
        (encoder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}), "utf-8")
    else:
        file = encoder / "tokenizer.json"
        tokenizer = json.loads(file.read_text("utf-8"))
        tokenizer["normalizer"]["lowercase"] = False
        file.write_text(json.dumps(tokenizer), "utf-8")
    assert bot.train().components_trained == [OURS]
