"""`rasa train nlu` and `rasa shell nlu`, with no component but ours."""

import json
from pathlib import Path

import pytest
from bot import NLU, QUICK, UNSEEN, Bot, component_files, intent_of
from encoders import make_encoder


def test_classifier_alone_in_the_pipeline_is_trained_on_every_example(trained: Bot):
    assert trained.manifest["labels"] == sorted(NLU)
    assert trained.manifest["training"]["examples"] == sum(map(len, NLU.values()))


def test_archive_holds_json_safetensors_onnx_and_tokenizer_alone(trained: Bot):
    names = component_files(trained.archives[-1])
    assert {"model.json", "head.safetensors", "adapter/adapter_config.json", "onnx/model.onnx"} <= set(names)
    assert {Path(name).suffix for name in names} <= {".json", ".safetensors", ".onnx", ".txt"}


def test_archive_takes_less_than_forty_megabytes(trained: Bot):
    assert trained.archives[-1].stat().st_size < 40_000_000


def test_shell_gives_right_intents_to_unseen_messages(answers: list[dict]):
    assert {row["text"]: intent_of(row) for row in answers} == UNSEEN


def test_shell_ranks_every_intent_by_confidence(answers: list[dict]):
    for row in answers:
        confidences = [entry["confidence"] for entry in row["intent_ranking"]]
        assert row["intent_ranking"][0] == row["intent"]
        assert {entry["name"] for entry in row["intent_ranking"]} == set(NLU)
        assert confidences == sorted(confidences, reverse=True)
        assert 0.5 < sum(confidences) < 1 + 1e-6


@pytest.mark.slow
def test_lora_recipe_for_distilbert_is_carried_out_as_written(tmp_path: Path):
    recipe = {
        "method": "lora",
        "lora_r": 8,
        "lora_alpha": 16,
        "lora_dropout": 0.05,
        "lora_target_modules": ["q_lin", "v_lin"],
        "learning_rate": 2e-4,
        "batch_size": 32,
        "epochs": 10,
        "min_steps": 0,
        "weight_decay": 0.01,
        "warmup_ratio": 0.05,
        "pooling": "cls",
        "max_length": 32,
    }
    encoder = make_encoder(tmp_path / "distilbert", "distilbert")
    bot = Bot(tmp_path / "bot").write({"encoder": str(encoder), **recipe})
    bot.train()
    files = component_files(bot.archives[-1])
    adapter = json.loads(files["adapter/adapter_config.json"])
    assert (adapter["r"], adapter["lora_alpha"], adapter["lora_dropout"]) == (8, 16, 0.05)
    assert sorted(adapter["target_modules"]) == ["q_lin", "v_lin"]
    assert bot.manifest["pooling"] == "cls"
    assert bot.manifest["training"]["epochs"] == 10
    assert {name: bot.manifest["options"][name] for name in recipe} == recipe


@pytest.mark.slow
def test_one_intent_trains_with_a_warning_and_answers_none(tmp_path: Path, tiny_encoder: Path):
    bot = Bot(tmp_path).write({"encoder": str(tiny_encoder), **QUICK}, nlu={"greet": NLU["greet"]})
    result = bot.train()
    assert "needs examples of at least two intents" in result.output
    (row,) = bot.parse("hello")
    assert row["intent"] == {"name": None, "confidence": 0.0}
    assert row["intent_ranking"] == []
