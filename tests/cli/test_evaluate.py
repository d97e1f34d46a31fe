"""`rasa-bert-intent evaluate` on a tiny model, without Rasa."""

import json
from pathlib import Path

import pytest

from rasa_bert_intent.cli import main
from rasa_bert_intent.config import Options
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.training.fit import fit

Examples = tuple[list[str], list[str]]


def _train(examples: Examples, encoder: Path, directory: Path, **changes: object) -> Path:
    quick = {"method": "head", "min_steps": 0, "epochs": 2, "max_length": 32, "pooling": "mean"}
    options = Options.from_config({"encoder": str(encoder), **quick, **changes})
    fit(*examples, options, progress=False).save(directory)
    return directory


@pytest.fixture(scope="module")
def model(examples: Examples, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _train(examples, tiny_encoder, tmp_path_factory.mktemp("trained") / "model")


@pytest.fixture
def data(examples: Examples, tmp_path: Path) -> Path:
    rows = [{"text": text, "intent": intent} for text, intent in zip(*examples, strict=True)]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def _evaluate(*arguments: str | Path) -> int:
    return main(["evaluate", *map(str, arguments)])


def test_directory_gets_the_report_in_both_forms(
    model: Path, data: Path, examples: Examples, tmp_path: Path, capsys: pytest.CaptureFixture
):
    (tmp_path / "outside.txt").write_text("is it raining tomorrow\nqwer asdf\n", "utf-8")
    folder = tmp_path / "new" / "report"
    assert _evaluate(model, data, "--out-of-scope", tmp_path / "outside.txt", "--output", folder) == 0
    assert (folder / "report.md").read_text("utf-8") == capsys.readouterr().out
    report = json.loads((folder / "report.json").read_text("utf-8"))
    confidences = IntentModel.load(model).predict_proba(examples[0])
    assert report["mean_confidence"] == pytest.approx(confidences.max(axis=1).mean())
    assert report["examples"] == len(examples[0])
    assert sum(pair["count"] for pair in report["confusions"]) == round((1 - report["accuracy"]) * len(examples[0]))
    assert report["out_of_scope"]["examples"] == 2
    assert 0 <= report["out_of_scope"]["auroc"] <= 1
    assert report["fallback"]["rule"] == "balanced"
    assert {row["intent"] for row in report["intents"]} == set(examples[1])


@pytest.mark.parametrize("name", ["scores.json", "scores.md"])
def test_file_gets_the_form_of_its_ending(name: str, model: Path, data: Path, tmp_path: Path):
    assert _evaluate(model, data, "--output", tmp_path / name) == 0
    assert (tmp_path / name).read_text("utf-8")[0] == {"scores.json": "{", "scores.md": "#"}[name]
    assert {path.name for path in tmp_path.iterdir()} == {"data.jsonl", name}


def test_intent_named_out_of_scope_is_not_scored(model: Path, data: Path, tmp_path: Path):
    with data.open("a", encoding="utf-8") as file:
        file.write('{"text": "is it raining", "intent": "weather"}\n')
    output = tmp_path / "scores.json"
    assert _evaluate(model, data, "--out-of-scope-intent", "weather", "--output", output) == 0
    report = json.loads(output.read_text("utf-8"))
    assert (report["out_of_scope"]["examples"], report["out_of_scope"]["intent_is_known"]) == (1, False)
    assert report["unknown_intents"] == []


def test_confidences_are_those_that_rasa_sees(examples: Examples, tiny_encoder: Path, data: Path, tmp_path: Path):
    options = {"ranking_length": 1, "renormalize_confidences": True, "out_of_scope_score": "none"}
    _train(examples, tiny_encoder, tmp_path / "model", **options)
    assert _evaluate(tmp_path / "model", data, "--output", tmp_path / "scores.json") == 0
    assert json.loads((tmp_path / "scores.json").read_text("utf-8"))["mean_confidence"] == 1.0


def test_output_that_cannot_be_is_told_before_the_model_is_loaded(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    assert _evaluate(tmp_path / "none", data, "--output", tmp_path / "scores.html") == 1
    assert "scores.html ends in .html. Give a file .json or .md, or a directory." in capsys.readouterr().err
    assert _evaluate(tmp_path / "none", data, "--output", data / "scores.json") == 1
    assert "data.jsonl cannot be made (" in capsys.readouterr().err
