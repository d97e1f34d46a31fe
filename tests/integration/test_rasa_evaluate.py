"""`rasa test nlu`."""

import json
import random
from pathlib import Path

import pytest
from bot import NLU, UNSEEN, Bot, rasa_bert_intent


def _report(folder: Path) -> dict:
    return json.loads((folder / "intent_report.json").read_text("utf-8"))


def _write_unseen(bot: Bot) -> Path:
    return bot.write_nlu("test_nlu.yml", {intent: [text] for text, intent in UNSEEN.items()})


def test_report_counts_every_intent_of_unseen_messages(trained: Bot, tmp_path: Path):
    data = _write_unseen(Bot(tmp_path))
    result = trained.rasa("test", "nlu", "--nlu", data, "--out", tmp_path / "results", "--no-plot")
    assert result.status == 0, result.output
    report = _report(tmp_path / "results")
    assert report["accuracy"] == 1.0
    assert {intent: report[intent]["support"] for intent in NLU} == dict.fromkeys(NLU, 1)


@pytest.mark.slow
def test_cross_validation_tests_every_example_once(tmp_path: Path):
    bot = Bot(tmp_path).write({"min_steps": 60})
    result = bot.rasa("test", "nlu", "--cross-validation", "-f", "2", "--nlu", "data", "--out", "results", "--no-plot")
    assert result.status == 0, result.output
    assert result.components_trained == ["BertIntentClassifier"] * 2
    report = _report(tmp_path / "results")
    assert {intent: report[intent]["support"] for intent in NLU} == {intent: len(NLU[intent]) for intent in NLU}
    assert report["accuracy"] > 0.6


@pytest.mark.slow
def test_five_examples_of_each_massive_intent_give_a_useful_model(massive_dir: Path, tmp_path: Path):
    from rasa_bert_intent.data.examples import read_examples

    converted = tmp_path / "massive"
    done = rasa_bert_intent(
        "convert", massive_dir, "--output-dir", converted, "--locale", "en-US", "--max-per-intent", "5",
        "--split", "train", "dev", "--no-entities",
    )  # fmt: skip
    assert done.status == 0, done.output
    bot = Bot(tmp_path).write({"min_steps": 300})
    bot.train("--nlu", converted / "train")
    assert bot.manifest["training"]["intents"] == 60

    texts, intents = read_examples(converted / "dev")
    chosen: dict[str, list[str]] = {}
    for text, intent in random.Random(0).sample(list(zip(texts, intents, strict=True)), 300):
        chosen.setdefault(intent, []).append(text)
    bot.write_nlu("dev.yml", chosen)
    result = bot.rasa("test", "nlu", "--nlu", "dev.yml", "--out", "results", "--no-plot")
    assert result.status == 0, result.output
    report = _report(tmp_path / "results")
    assert report["weighted avg"]["support"] == pytest.approx(300, abs=3)  # Rasa drops duplicates
    assert report["accuracy"] > 0.6
