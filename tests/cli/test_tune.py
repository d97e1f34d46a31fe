"""`rasa-bert-intent tune` as a user runs it, on a tiny encoder, without Rasa."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from folders import contents, files
from searches import QUICK, SMALL, Examples, Start, begun, configure, jsonl, started_in, table

from rasa_bert_intent.cli import main
from rasa_bert_intent.config import Options
from rasa_bert_intent.config_file import COMPONENT, read_config


@pytest.fixture
def folder(examples: Examples, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with data.jsonl and config.yml."""
    jsonl(tmp_path / "data.jsonl", examples)
    configure(tmp_path, encoder=str(tiny_encoder), **QUICK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tune(*arguments: str) -> int:
    return main(["tune", "data.jsonl", "--config", "config.yml", *SMALL, *arguments])


def test_a_search_from_beginning_to_end_and_again(folder: Path, capsys: pytest.CaptureFixture):
    assert tune("--trials", "4") == 0
    out, err = capsys.readouterr()
    assert files(folder / "tuning") == ["pipeline.yml", "report.html", "search.txt", "study.db", "trials.csv"]
    assert err.startswith(
        "searching head_learning_rate, label_smoothing by macro-F1 on 2-fold cross-validation of 19 ex"
    )
    assert re.findall(r"^\[(\d)/4\] trial (\d): ", err, re.MULTILINE) == [(str(n + 1), str(n)) for n in range(4)]
    rows = table(folder / "tuning" / "trials.csv")
    assert [row["trial"] for row in rows] == ["0", "1", "2", "3"]
    assert (rows[0]["head_learning_rate"], rows[0]["label_smoothing"]) == ("0.003", "0.1")
    best = max(rows, key=lambda row: float(row["macro-f1"] or 0))
    assert f"macro-F1 {best['macro-f1']} by trial" in out
    # What is printed is what lies in the file, and a config that trains.
    (entry,) = yaml.safe_load(out[out.index("pipeline:") : out.index("\n\n", out.index("pipeline:"))])["pipeline"]
    assert {"name": COMPONENT, **read_config(folder / "tuning" / "pipeline.yml")} == entry
    assert entry["method"] == "head"
    Options.from_config(entry)
    assert out.splitlines()[-1].startswith(("No gain", "No sure gain", "A gain of"))
    page = (folder / "tuning" / "report.html").read_text("utf-8")
    figures = dict(re.findall(r'<script type="application/json" id="(\w+)">(.*?)</script>', page, re.DOTALL))
    assert {"history", "looks"} <= set(figures)
    assert json.loads(figures["history"])["data"][0]["y"][0] == pytest.approx(float(rows[0]["macro-f1"]), abs=1e-4)
    assert page.count('<tr><td class="number">') == 4
    # Again: nothing is left to do, and the same is told.
    assert tune("--trials", "4") == 0
    again = capsys.readouterr()
    assert again.out == out
    assert "going on after 4 of 4 trials" in again.err
    assert " trial " not in re.sub("comparing trial .*", "", again.err)
    assert table(folder / "tuning" / "trials.csv") == rows
    # More trials: it goes on.
    assert tune("--trials", "5") == 0
    assert len(table(folder / "tuning" / "trials.csv")) == 5


def test_development_examples_and_test_examples_of_ones_own(
    folder: Path, examples: Examples, capsys: pytest.CaptureFixture
):
    for name in ("dev", "test"):
        jsonl(folder / f"{name}.jsonl", ([f"{name}: {text}" for text in examples[0][::2]], examples[1][::2]))
    arguments = ["--dev", "dev.jsonl", "--test", "test.jsonl", "--metric", "accuracy", "--trials", "2"]
    assert main(["tune", "data.jsonl", "--config", "config.yml", *SMALL[2:], *arguments]) == 0
    out, err = capsys.readouterr()
    assert "by accuracy on 12 development examples; 12 examples are set aside" in err
    assert "2 trials on 12 development examples: accuracy " in out


def test_without_the_extra_report_all_but_the_page_is_written(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "plotly", None)
    assert tune("--trials", "1") == 0
    assert files(folder / "tuning") == ["pipeline.yml", "search.txt", "study.db", "trials.csv"]
    out, err = capsys.readouterr()
    assert "pip install 'rasa-bert-intent[report]'" in err
    assert out.endswith("No gain: no trial was better than the defaults. Keep them.\n")


def test_another_search_in_the_same_place_is_refused_and_nothing_is_lost(
    folder: Path, examples: Examples, capsys: pytest.CaptureFixture
):
    assert tune("--trials", "1") == 0
    before = contents(folder / "tuning")
    jsonl(folder / "data.jsonl", (examples[0][:-1], examples[1][:-1]))
    assert tune("--trials", "2") == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("error: --study: ")
    assert "holds a search with other examples. Go on with those of that search, or give another" in told
    jsonl(folder / "data.jsonl", examples)
    assert tune("--trials", "2", "--metric", "accuracy") == 1
    assert "holds a search with other --metric." in capsys.readouterr().err
    assert tune("--trials", "1", "--name", "second") == 1
    told = "tuning holds pipeline.yml of another search (tune in study.db). Give another --output, or the --study and"
    assert told in capsys.readouterr().err
    for study in ("other.db", "sqlite:///other.db", "postgresql://me:secret@127.0.0.1:1/x"):
        assert tune("--trials", "1", "--study", study) == 1
        assert told in capsys.readouterr().err
    assert contents(folder / "tuning") == before
    second = ["--trials", "1", "--name", "second", "--study", "tuning/study.db", "--output", "second"]
    assert tune(*second) == 0
    assert (folder / "second" / "search.txt").read_text("utf-8") == "second in ../tuning/study.db\n"
    assert tune(*second) == 0
    (folder / "tuning").rename(folder / "moved")
    assert tune("--trials", "1", "--output", "moved") == 0


def test_a_trained_model_of_the_config_is_left_out_of_the_entry(folder: Path, capsys: pytest.CaptureFixture):
    configure(folder, **read_config(folder / "config.yml"), trained_model="models")
    assert tune("--trials", "1") == 0
    out, err = capsys.readouterr()
    assert "--config: trained_model is left out" in err
    assert "trained_model" not in out
    assert "trained_model" not in read_config(folder / "tuning" / "pipeline.yml")


def test_defaults_that_cannot_be_trained_with_are_told_and_mended(folder: Path, capsys: pytest.CaptureFixture):
    encoder = read_config(folder / "config.yml")["encoder"]
    configure(folder, **{**QUICK, "encoder": encoder, "method": "lora", "lora_target_modules": ["nonsense"]})
    assert tune("--trials", "2") == 1
    told = capsys.readouterr().err.splitlines()
    assert told[-1].startswith("error: the defaults cannot be trained with: lora_target_modules: ")
    configure(folder, **{**QUICK, "encoder": encoder})
    assert tune("--trials", "2") == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "data.jsonl holds no example with a text and an intent"),
        ('{"message": "hi", "label": "greet"}\n', "data.jsonl, line 1: expected a JSON object with text or utt"),
        ('{"text": "hi", "intent": "greet"}\n' * 20, "of 1 text, repeats not counted, none can be set aside"),
        (
            "".join(f'{{"text": "hi {n}", "intent": "greet"}}\n' for n in range(20)),
            "16 examples of 1 intent are too few",
        ),
    ],
    ids=["empty", "wrong columns", "one text", "one intent"],
)
def test_bad_data_is_told_in_one_line(content: str, told: str, folder: Path, capsys: pytest.CaptureFixture):
    (folder / "data.jsonl").write_text(content, "utf-8")
    assert tune() == 1
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert files(folder) == ["config.yml", "data.jsonl"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read"),
        ("pipeline: [", "cannot be read as YAML"),
        ("", "is neither a config.yml of Rasa nor a mapping of options"),
        (
            "pipeline:\n- name: DIETClassifier\n",
            "has BertIntentClassifier 0 times, expected once; it has DIETClassifier",
        ),
        (f"pipeline:\n- name: {COMPONENT}\n- name: {COMPONENT}\n", "BertIntentClassifier 2 times"),
        (f"pipeline:\n- name: {COMPONENT}\n  lora_rank: 8\n", "lora_rank: unknown option (did you mean 'lora_r'?)"),
        (f"pipeline:\n- name: {COMPONENT}\n  encoder: none/such\n", "none/such"),
    ],
    ids=["missing", "no YAML", "empty", "no entry", "two entries", "unknown option", "no encoder"],
)
def test_a_bad_config_is_told_in_one_line(content: str | None, told: str, folder: Path, capsys: pytest.CaptureFixture):
    (folder / "config.yml").unlink() if content is None else (folder / "config.yml").write_text(content, "utf-8")
    assert main(["tune", "data.jsonl", "--config", "config.yml"]) == 1
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--options", "learning_speed"], "--options: 'learning_speed' is not searched. Name some of method, "),
        (["--options", "lora_r"], "--options: lora_r has no other value that goes with the options of config.yml"),
        (["--time", "soon"], "--time: expected a time such as 90s, 30m, 8h or 1h30m, got 'soon'"),
        (["--time", "1h30"], "--time: expected a time such as 90s, 30m, 8h or 1h30m, got '1h30'"),
        (["--time", "0m"], "--time: expected a time such as"),
        (["--trials", "0"], "--trials: expected a whole number from 1, got 0"),
        (["--workers", "0"], "--workers: expected a whole number from 1, got 0"),
        (["--folds", "1"], "--folds: expected a whole number from 2, got 1"),
        (["--test-fraction", "1"], "--test-fraction: expected a number above 0 and below 1, got 1"),
        (["--study", "none/study.db"], "--study: the folder none does not exist"),
        (["--study", "data.jsonl"], "data.jsonl cannot be read or written (file is not a database)"),
        (["--study", "postgresql://me:secret@127.0.0.1:1/x"], "--study: "),
        (["--output", "data.jsonl"], "--output: data.jsonl cannot be made"),
        (["--test", "none.jsonl"], "none.jsonl does not exist"),
        (
            ["--dev", "none.jsonl"],
            "--folds is not for none.jsonl, which is taken for development examples, in the place of folds",
        ),
        (
            ["--test", "none.jsonl", "--test-fraction", ".3"],
            "--test-fraction is not for none.jsonl, which is taken for test examples, in the place of a share",
        ),
    ],
)
def test_bad_arguments_are_told_in_one_line(
    arguments: list[str], told: str, folder: Path, capsys: pytest.CaptureFixture
):
    before = (folder / "data.jsonl").read_bytes()
    assert tune(*arguments) == 1
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert "secret" not in err
    assert (folder / "data.jsonl").read_bytes() == before


def test_files_that_are_of_no_search_here_are_not_written_over(folder: Path, capsys: pytest.CaptureFixture):
    (folder / "tuning").mkdir()
    (folder / "tuning" / "pipeline.yml").write_text("mine", "utf-8")
    assert tune() == 1
    told = "tuning holds pipeline.yml of another search (no search.txt says which). Give another --output"
    assert told in capsys.readouterr().err
    assert files(folder / "tuning") == ["pipeline.yml"]
    (folder / "tuning" / "search.txt").write_text("tune in study.db\n", "utf-8")  # but the study is gone
    assert tune() == 1
    assert "study.db is not there). Give another --output" in capsys.readouterr().err


def test_without_optuna_the_command_says_what_to_install(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert tune() == 1
    assert capsys.readouterr().err == "error: optuna is not installed: pip install 'rasa-bert-intent[tune]'\n"


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts the command in a process of its own; none outlives the test."""
    with started_in(folder) as start_one:
        yield start_one


def _children(pid: int) -> list[int]:
    """The processes whose parent it is."""
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(child) for child in found.stdout.split()]


def _lives(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def _begun(folder: Path) -> int:
    file = folder / "tuning" / "study.db"
    return begun(f"sqlite:///{file}") if file.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_search_that_is_stopped_in_the_middle_goes_on(how: signal.Signals, folder: Path, start: Start):
    search = start("--trials", "40", "--workers", "2")
    while _begun(folder) < 4:
        assert search.poll() is None, search.communicate()
        time.sleep(0.5)
    workers = _children(search.pid)
    search.send_signal(how)
    _, told = search.communicate(timeout=300)
    if how == signal.SIGINT:
        assert search.returncode == 130
        assert "what was found is kept: the same command goes on" in told
        assert "Traceback" not in told
    deadline = time.time() + 30
    while any(map(_lives, workers)) and time.time() < deadline:
        time.sleep(0.2)
    assert not any(map(_lives, workers))
    before = _begun(folder)
    done = start("--trials", str(before + 3), "--workers", "2")
    out, err = done.communicate(timeout=900)
    assert done.returncode == 0, err
    assert f"{before + 3} trials on 2-fold" in out
    rows = table(folder / "tuning" / "trials.csv")
    ended = [row for row in rows if row["state"] in ("complete", "broken off")]
    again = [row for row in rows if row["state"] == "tried again"]
    assert len(ended) == before + 3
    assert len(rows) == len(ended) + len(again)
    assert len(again) <= 2
    for row in again:
        drawn = {name: row[name] for name in ("head_learning_rate", "label_smoothing") if row[name]}  # before it died
        assert any(drawn.items() <= other.items() for other in ended)


@pytest.mark.slow
def test_the_same_command_in_a_second_terminal_joins(folder: Path, start: Start):
    searches = [start("--trials", "8") for _ in range(2)]
    told = [search.communicate(timeout=900) for search in searches]
    assert [search.returncode for search in searches] == [0, 0], told
    assert told[0][0] == told[1][0]
    rows = table(folder / "tuning" / "trials.csv")
    assert sum(row["state"] != "tried again" for row in rows) == 8
    assert len({row["worker"] for row in rows}) == 2


@pytest.mark.slow
def test_a_worker_that_dies_leaves_its_trial_to_the_other(folder: Path, start: Start):
    search = start("--trials", "12", "--workers", "2")
    while _begun(folder) < 3:
        assert search.poll() is None, search.communicate()
        time.sleep(0.5)
    victim = next(
        child for child in _children(search.pid) if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text("utf-8")
    )
    os.kill(victim, signal.SIGKILL)
    out, err = search.communicate(timeout=900)
    assert search.returncode == 0, err
    assert "ended: killed by SIGKILL; 1 left" in err
    assert "12 trials on 2-fold" in out
