"""Mistakes are told in one line, before time is spent on them."""

from pathlib import Path
from typing import Any

import pytest
from bot import NLU, Bot, Result, component_files, repack

COUNTED = [
    {"name": "WhitespaceTokenizer"},
    {"name": "CountVectorsFeaturizer"},
]


def test_every_mistake_in_the_options_is_named_before_anything_is_trained(tmp_path: Path):
    mistakes = {"epoch": 3, "batch_sise": 8, "method": "lroa", "learning_rate": "fast", "store_encoder": "yes"}
    bot = Bot(tmp_path).write(mistakes, before=COUNTED)
    result = bot.rasa("train", "nlu")
    assert result.status != 0
    result.told_in_one_line(
        "InvalidConfigException",
        "5 mistakes",
        "epoch: unknown option (did you mean 'epochs'?)",
        "batch_sise: unknown option (did you mean 'batch_size'?)",
        "method: expected one of auto, lora, full, head, got 'lroa'",
        "learning_rate: expected a number from 0 to 1 or null, got 'fast'",
        "store_encoder: expected true or false or null, got 'yes'",
    )
    assert result.components_trained == []
    assert bot.archives == []


@pytest.fixture(scope="module")
def no_encoder(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What `rasa train nlu` says where the encoder is a directory that does not exist."""
    bot = Bot(tmp_path_factory.mktemp("no_encoder")).write({"encoder": "/no/such/encoder"}, before=COUNTED)
    result = bot.rasa("train", "nlu")
    assert bot.archives == []
    return result


def test_encoder_directory_that_does_not_exist_is_told_in_one_line(no_encoder: Result):
    assert no_encoder.status != 0
    no_encoder.told_in_one_line("encoder: the directory '/no/such/encoder' does not exist")


def test_encoder_that_is_nowhere_is_told_before_anything_is_trained(no_encoder: Result):
    assert no_encoder.components_trained == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param({"nonsense": 3, "epocs": 4}, ["InvalidConfigException", "2 mistakes", "nonsense", "'epochs'"]),
        pytest.param({"encoder": "/no/such/encoder"}, ["encoder: the directory"], marks=pytest.mark.slow),
        pytest.param({"trained_model": "nowhere"}, ["trained_model: nowhere does not"], marks=pytest.mark.slow),
    ],
)
def test_mistake_is_told_in_one_line_under_force_too(options: dict[str, Any], told: list[str], tmp_path: Path):
    bot = Bot(tmp_path).write(options, before=COUNTED)
    result = bot.rasa("train", "--force", "--skip-validation")
    assert result.status != 0
    result.told_in_one_line(*told)
    assert bot.archives == []


@pytest.mark.slow
def test_hub_id_that_is_nowhere_is_told_in_one_line(tmp_path: Path):
    bot = Bot(tmp_path).write({"encoder": "no-such-owner/no-such-encoder"}, before=COUNTED)
    result = bot.rasa("train", "nlu")
    assert result.status != 0
    assert bot.archives == []
    assert result.components_trained == []
    result.told_in_one_line("encoder: 'no-such-owner/no-such-encoder'", "HF_HUB_OFFLINE", "hf download")


def test_altered_file_in_the_archive_is_told_in_one_line(trained: Bot, tmp_path: Path):
    def alter(name: str, content: bytes) -> bytes:
        return content[:-1] + bytes([content[-1] ^ 1]) if name.endswith("head.safetensors") else content

    archive = repack(trained.archives[-1], tmp_path / "altered.tar.gz", alter)
    good = component_files(trained.archives[-1])
    assert [name for name, content in component_files(archive).items() if content != good[name]] == ["head.safetensors"]
    result = trained.rasa("shell", "nlu", "--model", archive, stdin="hello\n")
    assert result.status != 0
    assert result.parses == []
    result.told_in_one_line("head.safetensors is damaged or was altered", "Train again")


@pytest.mark.slow
def test_wrong_number_of_threads_in_the_environment_is_told_in_one_line(trained: Bot):
    result = trained.rasa("shell", "nlu", stdin="hello\n", RASA_BERT_INTENT_NUM_THREADS="abc")
    assert result.status != 0
    result.told_in_one_line("RASA_BERT_INTENT_NUM_THREADS", "a whole number from 1", "'abc'")


@pytest.mark.slow
def test_gpu_asked_for_where_there_is_none_is_warned_of_and_the_cpu_serves(trained: Bot):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    result = trained.rasa("shell", "nlu", stdin="hello\n", RASA_BERT_INTENT_DEVICE="cuda")
    result.told_in_one_line("Using the CPU", "device: 'cuda'")
    assert [row["intent"]["name"] for row in result.parses] == ["greet"]


@pytest.mark.slow
def test_gpu_asked_for_in_training_where_there_is_none_is_an_error(tmp_path: Path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    bot = Bot(tmp_path).write({"device": "cuda"}, nlu=NLU)
    result = bot.rasa("train", "nlu")
    assert result.status != 0
    result.told_in_one_line("device: 'cuda' was asked for", "Use auto or cpu")
    assert bot.archives == []
