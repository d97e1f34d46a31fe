"""`rasa-bert-intent check`, in this process."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rasa_bert_intent.cli import main

NLU = """\
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
    - hey [there](place)
    - good morning
    - good evening
    - hi
- intent: bye
  examples: |
    - Good evening!
    - see you
    - so long
    - bye
    - good night
- intent: rare
  examples: |
    - what is the weather
"""


@pytest.fixture
def nlu(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "nlu.yml"
    path.parent.mkdir()
    path.write_text(NLU, "utf-8")
    return path


def test_report_names_file_and_line_of_every_side(nlu, tmp_path, capsys):
    test = tmp_path / "test.jsonl"
    test.write_text('{"text": "new", "intent": "bye"}\n{"text": "hey there", "intent": "greet"}\n', "utf-8")
    assert main(["check", str(nlu.parent), "--test", str(test), "--fast"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "[1] The same text under several intents. Keep it under the right one:",
        f"- {nlu}:8   greet  'good evening'",
        f"  {nlu}:12  bye    'Good evening!'  (but for case or punctuation)",
        "",
        "[1] Training examples that stand in the test data, whose scores they flatter. Remove them on one side:",
        f"- {str(nlu) + ':6':{len(str(test)) + 2}}  greet  'hey there'",
        f"  {str(test) + ':2':{len(str(nlu)) + 2}}  greet  'hey there'  (verbatim)",
        "",
        "[1] Intents with few examples, which are hardly learned. Add examples, or merge the intent:",
        f"- {nlu}:19  rare  'what is the weather'  (rare has 1 example)",
        "",
        "11 examples of 3 intents: 1 conflict, 1 in_test, 1 few_examples",
    ]


def test_json_has_every_finding_whatever_is_shown(nlu, tmp_path, capsys):
    nlu.write_text(NLU.replace("- see you", "- hello"), "utf-8")
    assert main(["check", str(nlu), "--fast", "--limit", "1", "--output", str(tmp_path / "found.json")]) == 0
    assert "... and 1 more: see --limit and --output" in capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert (found["examples"], found["intents"]) == (11, 3)
    assert found["counts"] == {"conflict": 2, "in_test": 0, "few_examples": 1, "mislabelled": 0, "near_duplicate": 0}
    assert found["findings"][0] == {
        "kind": "conflict",
        "note": "",
        "score": None,
        "examples": [
            {"file": str(nlu), "line": 5, "intent": "greet", "text": "hello"},
            {"file": str(nlu), "line": 13, "intent": "bye", "text": "hello"},
        ],
    }


def test_strict_is_for_ci(nlu, capsys):
    assert main(["check", str(nlu), "--fast", "--strict"]) == 1
    clean = NLU.replace("    - Good evening!\n", "    - ciao\n").partition("- intent: rare")[0]
    nlu.write_text(clean, "utf-8")
    assert main(["check", str(nlu), "--fast", "--strict"]) == 0
    assert capsys.readouterr().out.endswith("10 examples of 2 intents: nothing found\n")


def test_an_encoder_is_asked_for_what_shows_by_meaning(nlu, tiny_encoder, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    monkeypatch.setitem(sys.modules, "cleanlab.filter", None)
    assert main(["check", str(nlu), "--encoder", str(tiny_encoder)]) == 0
    out = capsys.readouterr().out
    assert "1 conflict" in out
    assert "wrong labels were not looked for: cleanlab is not installed: pip install 'rasa-bert-intent[doctor]'" in out


@pytest.mark.parametrize("content", [None, "", "nlu:\n- intent: a\n  examples: |\n    - b\n bad\n"])
def test_data_that_cannot_be_read_is_told_in_one_line(nlu, content, capsys):
    nlu.unlink() if content is None else nlu.write_text(content, "utf-8")
    assert main(["check", str(nlu), "--fast"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"error: {nlu}")
    assert told.err.count("\n") == 1


def test_folder_for_the_output_is_looked_for_before_anything_is_done(nlu, tmp_path, capsys):
    assert main(["check", str(nlu), "--fast", "--output", str(tmp_path / "none" / "found.json")]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"error: --output: the folder {tmp_path / 'none'} does not exist. Make it, or name another.\n"
    assert main(["check", str(nlu), "--fast", "--output", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"error: --output: {tmp_path} is a folder. Name a file.\n"


def test_output_never_takes_the_place_of_the_data(nlu, capsys):
    for data in (nlu, nlu.parent):
        assert main(["check", str(data), "--fast", "--output", str(nlu.parent / ".." / "data" / "nlu.yml")]) == 1
        assert "nlu.yml is what is read, or would be next time. Name another file." in capsys.readouterr().err
    assert nlu.read_text("utf-8") == NLU
    for name in ("found.json", "found.txt"):
        assert main(["check", str(nlu.parent), "--fast", "--output", str(nlu.parent / name)]) == 0


def test_findings_are_written_whatever_becomes_of_the_text(nlu, tmp_path, monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

        def fileno(self):
            return os.open(os.devnull, os.O_WRONLY)

    monkeypatch.setattr("sys.stdout", Closed())
    main(["check", str(nlu), "--fast", "--output", str(tmp_path / "found.json")])
    assert json.loads((tmp_path / "found.json").read_text("utf-8"))["findings"]


def test_a_terminal_that_is_not_utf8_shows_escapes(nlu):
    nlu.write_text(NLU + "    - कल 😀\n", "utf-8")
    command = [sys.executable, "-m", "rasa_bert_intent.cli", "check", str(nlu.parent), "--fast"]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    nlu.with_name("more.yml").write_text(NLU.replace("greet", "क"), "utf-8")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "\\u0915" in done.stdout


def test_encoder_that_would_not_be_loaded_is_refused(nlu, capsys):
    assert main(["check", str(nlu), "--fast", "--encoder", "./nowhere"]) == 1
    assert capsys.readouterr().err == "error: --encoder is not for --fast, which takes none: leave out one of them.\n"


def test_name_of_a_file_may_hold_any_byte(nlu, capsys):
    odd = nlu.rename(nlu.with_name(os.fsdecode(b"bad\xe9.yml")))
    assert main(["check", str(odd), "--fast"]) == 0
    assert "bad\\udce9.yml:8 " in capsys.readouterr().out


def test_missing_encoder_is_told_in_one_line(nlu, capsys):
    assert main(["check", str(nlu), "--encoder", "./nowhere"]) == 1
    assert capsys.readouterr().err.startswith("error: encoder: ")
