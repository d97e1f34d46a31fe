"""`rasa-bert-intent predict` and `evaluate` on what `rasa train` wrote."""

import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import BinaryIO

import pytest
from bot import NLU, UNSEEN, Bot, environment, extract_component, intent_of, rasa_bert_intent


def test_predict_says_of_the_archive_what_the_shell_says(trained: Bot, answers: list[dict]):
    result = rasa_bert_intent("predict", trained.archives[-1], *UNSEEN)
    assert result.status == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["text"] for row in rows] == list(UNSEEN)
    for row, expected in zip(rows, answers, strict=True):
        assert row["intent"]["name"] == expected["intent"]["name"]
        # int8 takes one scale for all messages of a batch, and between examples and gibberish P(in scope) is steep
        assert row["intent"]["confidence"] == pytest.approx(expected["intent"]["confidence"], abs=0.1)


def test_predict_reads_lines_for_a_model_directory(trained: Bot, tmp_path: Path):
    model = extract_component(trained.archives[-1], tmp_path / "model")
    result = rasa_bert_intent("predict", model, stdin="\n".join(UNSEEN) + "\n")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["text"]: intent_of(row) for row in rows} == UNSEEN


def _until_closed(terminal: BinaryIO) -> bytes:
    content = b""
    try:
        while part := terminal.read(4096):
            content += part
    except OSError:  # Linux tells the end of a terminal so
        pass
    return content


def test_predict_shows_its_progress_in_a_terminal_while_the_answers_go_to_a_file(trained: Bot, tmp_path: Path):
    lines = tmp_path / "lines.txt"
    lines.write_text("hello there\n\n" * 3000, "utf-8")
    terminal, end = os.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "rasa_bert_intent.cli", "predict", trained.folder / "models", "--input", lines]
    with (tmp_path / "rows.jsonl").open("w") as rows:
        subprocess.run(command, stdout=rows, stderr=end, env=environment(), timeout=300, check=True)
    os.close(end)
    with os.fdopen(terminal, "rb", buffering=0) as shown:
        assert b"3.00k/3.00k" in _until_closed(shown)
    assert len((tmp_path / "rows.jsonl").read_text("utf-8").splitlines()) == 3000


def test_evaluate_scores_the_newest_archive_of_a_folder(trained: Bot, tmp_path: Path):
    nlu = {intent: [text] for text, intent in UNSEEN.items()} | {"bye": ["hello there", "see you tomorrow"]}
    data = Bot(tmp_path).write_nlu("nlu.yml", nlu)
    result = rasa_bert_intent("evaluate", trained.folder / "models", data, "--output", tmp_path / "scores.json")
    assert result.status == 0, result.output
    assert "5 examples: accuracy 0.8000" in result.stdout
    scores = json.loads((tmp_path / "scores.json").read_text("utf-8"))
    assert (scores["examples"], scores["accuracy"]) == (5, 0.8)
    assert {row["intent"]: row["recall"] for row in scores["intents"]} == {**dict.fromkeys(NLU, 1.0), "bye": 0.5}


def test_truncated_archive_is_told_in_one_line(trained: Bot, tmp_path: Path):
    whole = trained.archives[-1].read_bytes()
    (tmp_path / "half.tar.gz").write_bytes(whole[: len(whole) // 2])
    result = rasa_bert_intent("predict", tmp_path / "half.tar.gz", "hello")
    assert result.status == 1
    assert result.stdout == ""
    result.told_in_one_line("half.tar.gz is damaged", "Train again")


def test_missing_model_and_missing_data_are_told_in_one_line(trained: Bot, tmp_path: Path):
    no_model = rasa_bert_intent("predict", tmp_path / "none.tar.gz", "hello")
    assert no_model.status == 1
    no_model.told_in_one_line("none.tar.gz does not exist")
    no_data = rasa_bert_intent("evaluate", trained.archives[-1], tmp_path / "none.yml")
    assert no_data.status == 1
    no_data.told_in_one_line("none.yml")
