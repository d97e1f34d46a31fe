"""`rasa-bert-intent train` on a tiny encoder, in this process; tests/integration kills the real command."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from folders import contents, files

from rasa_bert_intent import seen
from rasa_bert_intent.cli import main
from rasa_bert_intent.storage import load_seen, read_manifest

Examples = tuple[list[str], list[str]]


@pytest.fixture
def data(examples: Examples, tmp_path: Path) -> Path:
    by_intent: dict[str, list[str]] = {}
    for text, intent in zip(*examples, strict=True):
        by_intent.setdefault(intent, []).append(text)
    nlu = [
        {"intent": intent, "examples": "".join(f"- {text}\n" for text in texts)} for intent, texts in by_intent.items()
    ]
    path = tmp_path / "nlu.yml"
    path.write_text(yaml.safe_dump({"version": "3.1", "nlu": nlu}, sort_keys=False), "utf-8")
    return path


@pytest.fixture
def config(tiny_encoder: Path, tmp_path: Path) -> Path:
    """A bot's config.yml, which already says where the model will be."""
    options = {"encoder": str(tiny_encoder), "method": "head", "epochs": 2, "min_steps": 0, "max_length": 32}
    ours = {"name": "rasa_bert_intent.BertIntentClassifier", **options, "trained_model": str(tmp_path / "model")}
    pipeline = [{"name": "WhitespaceTokenizer"}, ours, {"name": "FallbackClassifier", "threshold": 0.3}]
    path = tmp_path / "config.yml"
    path.write_text(yaml.safe_dump({"recipe": "default.v1", "language": "en", "pipeline": pipeline}), "utf-8")
    return path


def _train(*arguments: str | Path) -> int:
    return main(["train", *map(str, arguments)])


def _told(capsys: pytest.CaptureFixture) -> str:
    """The error, which is one line."""
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    return line


def test_model_of_rasa_data_has_the_options_of_config_yml_and_is_served(
    data: Path, config: Path, examples: Examples, tmp_path: Path, capsys: pytest.CaptureFixture
):
    model = tmp_path / "new" / "model"
    assert _train(data, "--config", config, "--option", "epochs=3", "--output", model) == 0
    assert f"trained_model: {model}" in capsys.readouterr().out
    manifest = read_manifest(model)
    assert (manifest["options"]["epochs"], manifest["options"]["max_length"]) == (3, 32)
    assert manifest["options"]["trained_model"] is None
    assert manifest["labels"] == sorted(set(examples[1]))
    assert sorted(load_seen(model)) == sorted(seen.hashes(*examples))
    assert files(tmp_path / "new") == [f"model/{name}" for name in files(model)]
    assert main(["predict", str(model), "hello"]) == 0
    assert json.loads(capsys.readouterr().out)["intent"]["name"] in manifest["labels"]


def test_what_rasa_logs_is_logged(data: Path, config: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with data.open("a", encoding="utf-8") as file:
        file.write("- intent: thank\n  examples: |\n    - Hello\n")
    assert _train(data, "--config", config, "--output", tmp_path / "model") == 0
    assert "'hello' stands under the intents greet, thank: keep it under one." in caplog.text
    assert "Recipe for 25 examples of 5 intents" in caplog.text
    assert "Trained on 25 examples of 5 intents" in caplog.text


def test_table_is_read_as_convert_writes_it(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    table = tmp_path / "mails.csv"
    rows = ["what,kind", "hello there,say hi", " hello there ,say hi", "see you,bye", "so long,bye", ",bye"]
    table.write_text("\n".join(rows) + "\n", "utf-8")
    columns = ["--text-column", "what", "--label-column", "kind"]
    assert _train(table, *columns, "--config", config, "--output", tmp_path / "model") == 0
    notes = capsys.readouterr().err
    assert "label 'say hi' is written as intent 'say_hi'" in notes
    assert "1 row left out, without a text or a label: line 6" in notes
    assert read_manifest(tmp_path / "model")["training"]["examples"] == 3
    expected = seen.hashes(["hello there", "see you", "so long"], ["say_hi", "bye", "bye"])
    assert sorted(load_seen(tmp_path / "model")) == sorted(expected)


def _massive_row(number: int, split: str, intent: str, text: str) -> dict[str, Any]:
    scenario = intent.split("_")[0]
    row = {"id": str(number), "locale": "en-US", "partition": split, "scenario": scenario, "intent": intent}
    return {**row, "utt": text, "annot_utt": text}


def test_of_massive_the_training_split_alone_is_trained_on(config: Path, tmp_path: Path):
    rows = [
        _massive_row(0, "train", "audio_off", "lights off"),
        _massive_row(1, "train", "play_music", "play some jazz"),
        _massive_row(2, "train", "play_music", "play some jazz"),
        _massive_row(3, "dev", "play_music", "play rock"),
        _massive_row(4, "test", "audio_off", "music off"),
    ]
    (tmp_path / "en-US.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    massive = tmp_path / "massive"
    massive.mkdir()
    (tmp_path / "en-US.jsonl").rename(massive / "en-US.jsonl")
    for number, source in enumerate((massive, massive / "en-US.jsonl")):
        model = tmp_path / f"model{number}"
        assert _train(source, "--config", config, "--output", model) == 0
        expected = seen.hashes(["lights off", "play some jazz"], ["audio_off", "play_music"])
        assert sorted(load_seen(model)) == sorted(expected)
    assert _train(massive, "--split", "train", "dev", "--config", config, "--output", tmp_path / "both") == 0
    assert read_manifest(tmp_path / "both")["training"]["examples"] == 3


def test_former_model_is_replaced_with_force_alone(
    data: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    model = tmp_path / "model"
    assert _train(data, "--config", config, "--output", model) == 0
    former = contents(model)
    assert _train(data, "--config", config, "--output", model) == 1
    assert "holds a model. Name another folder, or replace it with --force." in _told(capsys)
    assert contents(model) == former
    assert _train(data, "--config", config, "--option", "epochs=1", "--output", model, "--force") == 0
    assert read_manifest(model)["options"]["epochs"] == 1
    (model / "notes.txt").write_text("mine", "utf-8")
    assert _train(data, "--config", config, "--output", model, "--force") == 1
    assert "holds 'notes.txt', which is no model of ours" in _told(capsys)


def test_training_that_fails_leaves_the_former_model(
    data: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    model = tmp_path / "model"
    assert _train(data, "--config", config, "--output", model) == 0
    former = contents(model)
    assert _train(data, "--config", config, "--option", "max_length=512", "--output", model, "--force") == 1
    assert "max_length: " in _told(capsys)
    assert contents(model) == former
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yml", "model", "nlu.yml"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--option", "epoch=3"], "epoch: unknown option (did you mean 'epochs'?)"),
        (["--option", "epochs"], "--option: expected key=value, such as epochs=4, got 'epochs'"),
        (["--option", "epochs=[3"], "--option epochs=[3: the value cannot be read as YAML"),
        (["--option", "trained_model=m"], "--option trained_model: train makes a model"),
        (["--config", "none.yml"], "--config: none.yml cannot be read (No such file or directory)"),
        (["--split", "train", "dev"], "--split is not for DATA, which is taken for Rasa NLU data"),
        (["--delimiter", "tab"], "--delimiter is not for DATA, which is taken for Rasa NLU data"),
        (["--label-column", "intent"], "--text-column is missing; the first row of DATA is"),
        (["--output", "DATA"], "nlu.yml is a file; expected a folder"),
        (["--output", "DATA/model"], "--output: nothing can be written in DATA"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_told_in_one_line_before_anything_is_trained(
    arguments: list[str], message: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    given = [argument.replace("DATA", str(data)) for argument in arguments]
    output = [] if "--output" in arguments else ["--output", tmp_path / "model"]
    delimiter = ["--delimiter", "pipe"] if "--label-column" in arguments else []
    assert _train(data, *output, *given, *delimiter) == 1
    assert message.replace("DATA", str(data)) in _told(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["nlu.yml"]


def test_data_that_is_missing_is_told_in_one_line(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    assert _train(tmp_path / "none", "--config", config, "--output", tmp_path / "model") == 1
    assert "none does not exist" in _told(capsys)
