"""`rasa-bert-intent predict --ray`, the real command: its processes and it itself are killed in its midst."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from ports import free_port

from rasa_bert_intent.cli import main

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("ray", "pandas", "pyarrow")),
    reason="needs Ray Data: pip install 'rasa-bert-intent[ray]'",
)

ROWS = 20_000

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """JSON lines, of each hundred of which two are bad."""
    lines = [json.dumps({"text": f"play song {number}"}) for number in range(1, ROWS + 1)]
    lines[49::100] = ["{"] * (ROWS // 100)
    lines[99::100] = ['{"text": ""}'] * (ROWS // 100)
    (tmp_path / "messages.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path / "messages.jsonl"


@pytest.fixture
def start(quick_model: Path, source: Path) -> Iterator[Start]:
    """Starts the command with an output and further arguments; none outlives the test."""
    started = []

    def start_one(output: Path, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "rasa_bert_intent.cli", "predict", quick_model, "--input", source]
        with _log(output).open("ab") as log:
            process = subprocess.Popen(
                [*map(str, command), "--output", str(output), "--chunk-size", "100", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONWARNINGS": "ignore"},
            )
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def cluster() -> Iterator[str]:
    """The address of a Ray of two CPUs that is not the command's own."""
    port = free_port()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # Ray's sockets have short paths
        options = ["--include-dashboard=false", "--disable-usage-stats", "--object-store-memory=100000000"]
        command = [Path(sys.executable).with_name("ray"), "start", "--head", "--block", "--node-ip-address=127.0.0.1"]
        ray = psutil.Popen(
            [*map(str, command), f"--port={port}", "--num-cpus=2", f"--temp-dir={folder}", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 120
            while not Path(folder, "ray_current_cluster").exists():
                assert ray.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield f"127.0.0.1:{port}"
        finally:
            for process in (ray, *ray.children(recursive=True)):
                process.kill()


def _log(output: Path) -> Path:
    return output.with_suffix(".log")


def _said(output: Path) -> list[str]:
    """The lines of a log, but those of the bar."""
    lines = re.split(r"[\r\n]+", _log(output).read_text("utf-8"))
    return [line for line in lines if line and "B/s" not in line and "B [" not in line]


def _parts(output: Path) -> int:
    return len(list(output.glob("part-*")))


def _wait_for(parts: int, output: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 300
    while _parts(output) < parts:
        assert process.poll() is None, _said(output)
        assert time.monotonic() < deadline, _said(output)
        time.sleep(0.01)


def _workers(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes that hold the model."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [child.pid for child in children if child.is_running() and "MapWorker" in " ".join(child.cmdline())]


def _check(output: Path) -> None:
    """Every row is there exactly once, in order, and nothing else is."""
    lines = {
        kind: [json.loads(line) for file in sorted(output.glob(f"{kind}-*.jsonl")) for line in file.open("rb")]
        for kind in ("part", "bad")
    }
    assert [row["row"] for row in lines["part"]] == [n for n in range(1, ROWS + 1) if n % 50]
    assert [row["row"] for row in lines["bad"]] == [n for n in range(1, ROWS + 1) if n % 50 == 0]
    assert all(row["text"] == f"play song {row['row']}" for row in lines["part"])
    assert Counter(row["reason"] for row in lines["bad"]) == {"not JSON": ROWS // 100, "no text": ROWS // 100}
    assert not list(output.glob(".*"))


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_a_killed_run_is_gone_on_with(start: Start, tmp_path: Path):
    output = tmp_path / "results"
    first = start(output, "--ray", "--ray-workers", "2")
    _wait_for(20, output, first)
    assert len(_workers(first)) == 2
    os.kill(_workers(first)[0], signal.SIGKILL)
    _wait_for(_parts(output) + 20, output, first)
    processes = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.wait()
    done = _parts(output)
    assert done < ROWS // 100
    _, left = psutil.wait_procs(processes, timeout=30)
    assert not left
    again = start(output, "--ray", "--ray-workers", "2")
    _wait_for(done + 10, output, again)
    os.kill(_workers(again)[0], signal.SIGKILL)
    assert again.wait(300) == 0, _said(output)
    _check(output)
    assert f"{ROWS * 98 // 100:,} scored, {ROWS * 2 // 100:,} bad, in {ROWS // 100} chunks" in _said(output)[-1]
    here = start(tmp_path / "here")
    assert here.wait(300) == 0, _said(tmp_path / "here")
    for file in (tmp_path / "here").glob("*-*.jsonl"):
        assert (output / file.name).read_bytes() == file.read_bytes()


@pytest.mark.slow
def test_a_run_begun_here_ends_on_ray(start: Start, tmp_path: Path):
    output = tmp_path / "results"
    here = start(output)
    _wait_for(20, output, here)
    here.kill()
    here.wait()
    done = _parts(output)
    on_ray = start(output, "--ray", "--ray-workers", "1")
    assert on_ray.wait(300) == 0, _said(output)
    _check(output)
    assert _said(output)[-1].startswith(f"{ROWS:,} rows, {done * 100:,} of them earlier: ")


@pytest.mark.slow
def test_on_a_cluster_a_killed_run_is_gone_on_with_too(cluster: str, start: Start, tmp_path: Path):
    output = tmp_path / "results"
    arguments = ("--ray", "--ray-address", cluster)
    killed = start(output, *arguments)
    _wait_for(20, output, killed)
    killed.kill()
    killed.wait()
    assert start(output, *arguments).wait(300) == 0, _said(output)
    _check(output)


@pytest.mark.slow
def test_what_a_worker_finds_wrong_is_told_in_one_line(start: Start, tmp_path: Path):
    output = tmp_path / "results"
    assert start(output).wait(300) == 0
    part = output / "part-000003.jsonl"
    part.write_text("".join(part.read_text("utf-8").splitlines(keepends=True)[1:]), "utf-8")
    _log(output).write_text("")
    assert start(output, "--ray", "--ray-workers", "1").wait(300) == 1
    assert _said(output) == [
        f"error: {part} and its bad rows are 99, expected 100: it was changed. Delete it, and run again."
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ray"], "--ray needs --output"),
        (["--output", "DIR", "--ray-workers", "2"], "--ray-workers and --ray-address need --ray"),
        (["--output", "DIR", "--ray", "--ray-workers", "0"], "--ray-workers is 0; expected 1 or more"),
    ],
    ids=" ".join,
)
def test_mistakes_are_told_in_one_line(
    arguments: list[str], message: str, quick_model: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    paths = {"DIR": str(tmp_path / "results")}
    command = ["predict", str(quick_model), "--input", str(source), *(paths.get(word, word) for word in arguments)]
    assert main(command) == 1
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_without_ray_data_it_is_told_what_to_install(
    quick_model: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "pandas" else found(name, *more)
    )
    command = ["predict", str(quick_model), "--input", str(source), "--output", str(tmp_path / "results"), "--ray"]
    assert main(command) == 1
    assert capsys.readouterr().err == "error: --ray needs Ray Data: pip install 'rasa-bert-intent[ray]'\n"
    assert not (tmp_path / "results").exists()
