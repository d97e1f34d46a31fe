"""`rasa-bert-intent predict --output`, the real command: killed in its midst, and run again."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rasa_bert_intent.cli import main

ROWS = 6000


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A CSV with line breaks in its texts; every hundredth row has none, and one has a column too many."""
    with (tmp_path / "messages.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "message"])
        for number in range(1, ROWS + 1):
            text = "" if number % 100 == 0 else f"play song\nnumber {number}"
            writer.writerow([number, text, *(["x"] if number == 7 else [])])
    return tmp_path / "messages.csv"


def _start(model: Path, table: Path, output: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rasa_bert_intent.cli", "predict", model, "--input", table, "--output", output]
    with log.open("wb") as file:
        return subprocess.Popen(
            [*map(str, command), "--text-column", "message", "--chunk-size", "100"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def _kill_after(parts: int, process: subprocess.Popen[bytes], output: Path, log: Path) -> int:
    """Kills a run once it has left so many parts; returns how many there are then."""
    deadline = time.monotonic() + 300
    try:
        while len(list(output.glob("part-*"))) < parts:
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL, log.read_text("utf-8")
    return len(list(output.glob("part-*")))


def _lines(output: Path, kind: str) -> list[dict]:
    texts = [file.read_text("utf-8") for file in sorted(output.glob(f"{kind}-*.jsonl"))]
    return [json.loads(line) for line in "".join(texts).splitlines()]


def test_every_row_is_there_exactly_once_after_two_kills(quick_model: Path, table: Path, tmp_path: Path):
    output, log = tmp_path / "results", tmp_path / "log"
    first = _kill_after(3, _start(quick_model, table, output, log), output, log)
    second = _kill_after(first + 3, _start(quick_model, table, output, log), output, log)
    assert 3 <= first < second < ROWS / 100  # it was stopped in its midst, twice
    process = _start(quick_model, table, output, log)
    assert process.wait(300) == 0, log.read_text("utf-8")
    scored, bad = _lines(output, "part"), _lines(output, "bad")
    assert [row["row"] for row in scored] == [n for n in range(1, ROWS + 1) if n % 100 and n != 7]
    assert all(row["text"] == f"play song\nnumber {row['row']}" for row in scored)
    assert {row["row"]: row["reason"] for row in bad} == {
        7: "3 columns, the first row has 2",
        **dict.fromkeys(range(100, ROWS + 1, 100), "no text"),
    }
    assert len(scored) + len(bad) == ROWS
    assert not list(output.glob(".*"))
    summary = log.read_text("utf-8").splitlines()[-1]
    assert f"6,000 rows, {second * 100:,} of them earlier: {len(scored):,} scored, {len(bad)} bad" in summary
    whole = _start(quick_model, table, tmp_path / "whole", tmp_path / "log_of_whole")
    assert whole.wait(300) == 0
    for file in (tmp_path / "whole").glob("*-*.jsonl"):
        assert (output / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hello", "--output", "DIR"], "--output needs --input"),
        (["--output", "DIR"], "--output needs --input"),
        (["--input", "TABLE", "--output", "DIR"], "--text-column is missing; "),
        (["hello", "--text-column", "text"], "--text-column is for --input of .csv, "),
        (["hello", "--chunk-size", "-4"], "--chunk-size needs --output"),
        (["--input", "TABLE", "--form", "parquet"], "--form needs --output"),
        (["hello", "--quotes", "csv"], "--quotes is for --input of .csv, .tsv, .tab."),
        (["--input", "LINES", "--output", "DIR", "--delimiter", ";"], "--delimiter is for --input of .csv, "),
        (["--input", "TABLE", "--output", "DIR", "--chunk-size", "0"], "--chunk-size is 0; expected 1 or more"),
        (["--input", "TABLE", "--output", "TABLE", "--text-column", "2"], "is no empty folder and no job's"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_told_in_one_line(
    arguments: list[str], message: str, quick_model: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    (tmp_path / "messages.txt").write_text("hello\n")
    paths = {"DIR": str(tmp_path / "results"), "TABLE": str(table), "LINES": str(tmp_path / "messages.txt")}
    assert main(["predict", str(quick_model), *(paths.get(argument, argument) for argument in arguments)]) == 1
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_rows_of_a_table_are_printed_and_bad_ones_told(
    quick_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    (tmp_path / "messages.jsonl").write_text('{"text": "hello"}\n' + "x\n" * 7 + '{"text": "bye"}\n', "utf-8")
    assert main(["predict", str(quick_model), "--input", str(tmp_path / "messages.jsonl")]) == 0
    printed = capsys.readouterr()
    assert [json.loads(line)["text"] for line in printed.out.splitlines()] == ["hello", "bye"]
    assert printed.err.splitlines()[0] == "row 2 is left out: not JSON"
    assert printed.err.splitlines()[-1] == "... 7 rows in all are left out; --output writes them to files"
    assert len(printed.err.splitlines()) == 6


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to tell its memory")
def test_memory_does_not_grow_with_the_input(quick_model: Path, tmp_path: Path):
    """Peaks of a short and a long input, which lies in memory nowhere as a whole: 40 MB of lines."""
    # Bad but the first one: only reading and writing are measured.
    line = json.dumps({"text": " ", "more": "x" * 20_000}) + "\n"
    peaks = []
    for times in (100, 2000):
        source = tmp_path / f"{times}.jsonl"
        source.write_text('{"text": "hello"}\n' + line * times, "utf-8")
        code = (
            "import sys; from rasa_bert_intent.cli import main; status = main(sys.argv[1:]); "
            "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))); "
            "sys.exit(status)"
        )
        arguments = ["predict", quick_model, "--input", source, "--output", tmp_path / str(times), "--chunk-size", "50"]
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=True
        )
        summary = json.loads((tmp_path / str(times) / "summary.json").read_text())
        assert (summary["rows"], summary["scored"]) == (times + 1, 1), summary
        peaks.append(int(done.stdout.splitlines()[-1]) / 1024)
    assert peaks[1] - peaks[0] < 20, peaks
