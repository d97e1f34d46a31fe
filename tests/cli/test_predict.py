import io
import json
import os
import subprocess
import sys

import pytest

from rasa_bert_intent.cli import main
from rasa_bert_intent.training.fit import fit


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_encoder, examples):
    from rasa_bert_intent.config import Options

    rates = {"learning_rate": 5e-3, "head_learning_rate": 5e-2}
    options = Options.from_config(
        {"encoder": str(tiny_encoder), "max_length": 32, "min_steps": 60, "engine": "torch", **rates}
    )
    directory = tmp_path_factory.mktemp("trained") / "model"
    fit(*examples, options, progress=False).save(directory)
    return directory


def predicted(capsys, *arguments: str) -> list[dict]:
    assert main(["predict", *arguments]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_message_gets_its_intent_and_how_much_it_is_in_scope(model, capsys):
    known, strange = predicted(capsys, str(model), "play some jazz", "qzx kwv jjj bbb")
    assert (known["text"], known["intent"]["name"]) == ("play some jazz", "play_music")
    assert known["intent_ranking"][0] == known["intent"]
    for row in (known, strange):
        assert sum(entry["confidence"] for entry in row["intent_ranking"]) == pytest.approx(row["p_in_scope"])
    assert strange["p_in_scope"] < known["p_in_scope"] <= 1


def test_lines_of_a_file_in_their_order_without_the_empty_ones(model, capsys, tmp_path):
    (tmp_path / "messages.txt").write_text("\ufeffhello\n\nturn it off\n", encoding="utf-8")
    rows = predicted(capsys, str(model), "--input", str(tmp_path / "messages.txt"))
    assert [row["text"] for row in rows] == ["hello", "turn it off"]


def test_lines_of_a_file_are_those_of_output(model, capsys, tmp_path):
    source = tmp_path / "messages.txt"
    source.write_bytes(b"one\rtwo\nthree\r\ncaf\xe9\n")
    assert [row["text"] for row in predicted(capsys, str(model), "--input", str(source))] == ["one\rtwo", "three"]
    predicted_too = [str(model), "--input", str(source), "--output", str(tmp_path / "parts")]
    assert main(["predict", *predicted_too]) == 0
    rows = (tmp_path / "parts" / "part-000000.jsonl").read_text().splitlines()
    assert [json.loads(row)["text"] for row in rows] == ["one\rtwo", "three"]


def test_little_output_into_a_closed_pipe_is_no_noise(model):
    read, write = os.pipe()
    os.close(read)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "rasa_bert_intent.cli", "predict", str(model), "hello"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_lines_of_standard_input_whatever_their_encoding(model, capsys, monkeypatch):
    piped = io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfhello\ncaf\xe9\n"), encoding="ascii")
    monkeypatch.setattr("sys.stdin", piped)
    assert [row["text"] for row in predicted(capsys, str(model))] == ["hello", "caf\ufffd"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["MODEL", "hello", "--input", "x"], "give messages or --input, not both"),
        (["MODEL", "--input", "nowhere.txt"], "nowhere.txt is no file"),
        (["nowhere", "hello"], "nowhere does not exist"),
        (["please " * 60], "File name too long"),
    ],
    ids=str,
)
def test_a_mistake_is_told_in_one_line(model, arguments, message, capsys):
    assert main(["predict", *[str(model) if argument == "MODEL" else argument for argument in arguments]]) != 0
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error
