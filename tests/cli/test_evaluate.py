"""`rasa-bert-intent evaluate` on a tiny model, without Rasa."""

import json
import os
import sys
from pathlib import Path

import pytest
from folders import files

from rasa_bert_intent.cli import main
from rasa_bert_intent.config import Options
from rasa_bert_intent.serving import load_to_serve
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


def test_directory_gets_the_report_in_every_form_and_the_card(
    model: Path, data: Path, examples: Examples, tmp_path: Path, capsys: pytest.CaptureFixture
):
    (tmp_path / "outside.txt").write_text("is it raining tomorrow\nqwer asdf\n", "utf-8")
    folder = tmp_path / "new" / "report"
    assert _evaluate(model, data, "--out-of-scope", tmp_path / "outside.txt", "--output", folder) == 0
    assert (folder / "report.md").read_text("utf-8") == capsys.readouterr().out
    report = json.loads((folder / "report.json").read_text("utf-8"))
    confidences = load_to_serve(model).predict_proba(examples[0], batch_size=1)
    assert report["mean_confidence"] == pytest.approx(confidences.max(axis=1).mean())
    assert report["examples"] == len(examples[0])
    assert sum(pair["count"] for pair in report["confusions"]) == round((1 - report["accuracy"]) * len(examples[0]))
    assert report["out_of_scope"]["examples"] == 2
    assert 0 <= report["out_of_scope"]["auroc"] <= 1
    assert report["fallback"]["rule"] == "balanced"
    assert {row["intent"] for row in report["intents"]} == set(examples[1])
    assert files(folder) == ["model_card.md", "report.html", "report.json", "report.md"]
    assert f"<h1>{model} on {data}</h1>" in (folder / "report.html").read_text("utf-8")
    assert main(["card", str(model), "--report", str(folder / "report.json")]) == 0
    assert capsys.readouterr().out == (folder / "model_card.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["scores.json", "scores.md", "scores.html"])
def test_file_gets_the_form_of_its_ending(name: str, model: Path, data: Path, tmp_path: Path):
    assert _evaluate(model, data, "--output", tmp_path / name) == 0
    assert (tmp_path / name).read_text("utf-8")[0] == {"scores.json": "{", "scores.md": "#", "scores.html": "<"}[name]
    assert {path.name for path in tmp_path.iterdir()} == {"data.jsonl", name}


def test_without_the_extra_a_directory_gets_all_but_html_and_a_line_says_so(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "plotly", None)
    assert _evaluate(model, data, "--output", tmp_path / "report") == 0
    assert files(tmp_path / "report") == ["model_card.md", "report.json", "report.md"]
    assert "report.html is left out" in (told := capsys.readouterr().err)
    assert "pip install 'rasa-bert-intent[report]'" in told
    assert told.count("\n") == 1


def test_without_the_extra_html_is_refused_before_the_model_is_loaded(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "plotly", None)
    assert _evaluate(tmp_path / "none", data, "--output", tmp_path / "scores.html") == 1
    assert "pip install 'rasa-bert-intent[report]'" in (told := capsys.readouterr().err)
    assert told.count("\n") == 1


def test_text_that_no_tokenizer_takes_is_told_with_its_line(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    data.write_text('{"text": "half \\ud83d a face", "intent": "greet"}\n', "utf-8")
    assert _evaluate(tmp_path / "none", data) == 1
    assert "data.jsonl, line 1: 'half \\ud83d a face' holds a lone surrogate" in capsys.readouterr().err


def test_name_of_a_file_may_hold_any_byte(model: Path, data: Path, tmp_path: Path):
    odd = data.rename(tmp_path / os.fsdecode(b"bad\xe9.jsonl"))
    assert _evaluate(model, odd, "--output", tmp_path / "report") == 0
    assert json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))["data"] == str(tmp_path / "bad?.jsonl")
    assert files(tmp_path / "report") == ["model_card.md", "report.html", "report.json", "report.md"]


def test_this_folder_is_told_by_its_name(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "nlu.yml").write_text("nlu:\n- intent: greet\n  examples: |\n    - hi\n", "utf-8")
    monkeypatch.chdir(tmp_path / "mine")
    assert _evaluate(model, ".", "--output", tmp_path / "scores.json") == 0
    assert json.loads((tmp_path / "scores.json").read_text("utf-8"))["data"] == "mine"


def test_card_goes_to_a_file_and_mistakes_are_one_line(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main(["card", str(model), "--output", str(tmp_path / "card.md")]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "card.md").read_text("utf-8").startswith("---\n")
    for arguments, message in (
        ([tmp_path / "none"], "does not exist"),
        ([model, "--report", tmp_path / "none.json"], "none.json cannot be read"),
        ([model, "--output", tmp_path / "none" / "card.md"], "--output: the folder"),
    ):
        assert main(["card", *map(str, arguments)]) == 1
        told = capsys.readouterr().err
        assert message in told
        assert told.count("\n") == 1


def test_a_card_takes_the_place_of_no_other_file(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    mine = tmp_path / "model_card.md"
    mine.write_text("# My bot\n")
    for arguments in (["card", model, "--output", mine], ["evaluate", model, data, "--output", tmp_path]):
        assert main(list(map(str, arguments))) == 1
        assert "is there and no card that was written by us" in capsys.readouterr().err
        assert mine.read_text() == "# My bot\n"
    mine.write_text("")
    for _ in range(2):  # but that of an empty one, or of a former card
        assert main(["card", str(model), "--output", str(mine)]) == 0


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
    assert _evaluate(tmp_path / "none", data, "--output", tmp_path / "scores.pdf") == 1
    assert "scores.pdf ends in .pdf. Give a file .json, .md or .html, or a directory." in capsys.readouterr().err
    assert _evaluate(tmp_path / "none", data, "--output", data / "scores.json") == 1
    assert "data.jsonl cannot be made (" in capsys.readouterr().err


def test_a_blank_text_is_not_scored(model: Path, data: Path, tmp_path: Path):
    with data.open("a", encoding="utf-8") as rows:
        rows.write('{"text": " ", "intent": "greet"}\n')
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    _evaluate(model, data, "--output", after)
    data.write_text("".join(data.read_text("utf-8").splitlines(keepends=True)[:-1]), "utf-8")
    _evaluate(model, data, "--output", before)
    assert json.loads(after.read_text("utf-8"))["examples"] == json.loads(before.read_text("utf-8"))["examples"]
