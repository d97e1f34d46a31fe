"""`rasa-bert-intent train` by several processes, the real command: its processes and it itself are killed."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml
from folders import contents
from ports import free_port

from rasa_bert_intent.cli import main
from rasa_bert_intent.cpus import available_cpus
from rasa_bert_intent.storage import read_manifest

Examples = tuple[list[str], list[str]]
Start = Callable[..., subprocess.Popen[str]]

TOGETHER = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
ALONE = [sys.executable]
ON_RAY = ("--ray-workers", "2")

needs_ray = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("ray", "pandas", "pyarrow")),
    reason="needs Ray Train: pip install 'rasa-bert-intent[ray]'",
)
needs_two_cpus = pytest.mark.skipif(available_cpus() < 2, reason="needs two CPUs")


@pytest.fixture
def data(examples: Examples, tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    rows = [{"text": text, "intent": intent} for text, intent in zip(*examples, strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def config(tiny_encoder: Path, tmp_path: Path) -> Path:
    """300 steps, of a few milliseconds each."""
    options = {"encoder": str(tiny_encoder), "method": "lora", "min_steps": 300, "max_length": 32, "device": "cpu"}
    path = tmp_path / "options.yml"
    path.write_text(yaml.safe_dump({**options, "batch_size": 8, "num_threads": 1, "engine": "torch"}), "utf-8")
    return path


@pytest.fixture
def start(data: Path, config: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts the command by a launcher with further arguments; none outlives the test."""
    started = []

    def start_one(launcher: list[str], output: Path, *arguments: str | Path) -> subprocess.Popen[str]:
        command = [*launcher, "-m", "rasa_bert_intent.cli", "train", data, "--config", config, "--output", output]
        process = subprocess.Popen(
            [*map(str, command), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"},
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.wait()


def _end(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def _weights(model: Path) -> dict[str, bytes]:
    """All numbers of a model, bit for bit."""
    weights = {name: content for name, content in contents(model).items() if name.endswith(".safetensors")}
    assert {"head.safetensors", "ngrams.safetensors", "adapter/adapter_model.safetensors"} <= weights.keys()
    return weights


def _wait_for_step(step: int, checkpoints: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 300
    while not any(int(path.name[11:]) >= step for path in checkpoints.glob("epochs/checkpoint-*")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.01)


def _ray_workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found = psutil.Process(process.pid).children(recursive=True)
    return [child for child in found if "RayTrainWorker" in " ".join(child.cmdline())]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [ALONE, TOGETHER], ids=["one process", "torchrun"])
def test_killed_command_goes_on_to_the_same_model(launcher: list[str], start: Start, tmp_path: Path):
    whole, model, checkpoints = tmp_path / "whole", tmp_path / "model", tmp_path / "checkpoints"
    told = _end(start(launcher, whole))
    assert told.count("Trained on 24 examples") == 1
    assert told.count("For a bot, set in its config.yml") == 1
    more = ("--checkpoints", checkpoints, "--checkpoint-every", "20")
    process = start(launcher, model, *more)
    _wait_for_step(60, checkpoints, process)
    process.kill()
    process.wait()
    assert not model.exists()
    time.sleep(2)  # until those that the launcher started have noticed
    told = _end(start(launcher, model, *more))
    assert f"Goes on from {checkpoints}, after step " in told
    assert _weights(model) == _weights(whole)
    training = read_manifest(model)["training"]
    assert (training["steps"], training["processes"]) == (300, 1 if launcher is ALONE else 2)
    assert not checkpoints.exists()


@pytest.mark.slow
@needs_ray
@needs_two_cpus
def test_on_ray_killed_workers_and_a_killed_command_go_on_to_the_model_of_torchrun(start: Start, tmp_path: Path):
    whole, model, checkpoints = tmp_path / "whole", tmp_path / "model", tmp_path / "checkpoints"
    _end(start(TOGETHER, whole))
    more = (*ON_RAY, "--checkpoints", checkpoints, "--checkpoint-every", "10")
    process = start(ALONE, model, *more)
    _wait_for_step(40, checkpoints, process)
    workers = _ray_workers(process)
    assert len(workers) == 2
    everything = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(everything, timeout=60)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
    process = start(ALONE, model, *more)
    _wait_for_step(100, checkpoints, process)
    _ray_workers(process)[1].send_signal(signal.SIGKILL)
    told = _end(process)
    assert told.count("Goes on from") == 2
    assert told.count("For a bot, set in its config.yml") == 1
    assert _weights(model) == _weights(whole)
    training = read_manifest(model)["training"]
    assert (training["steps"], training["processes"]) == (300, 2)
    assert not checkpoints.exists()


class Cluster:
    """A Ray of nodes with a CPU each, on this machine; none is the command's own."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        self.nodes: list[psutil.Popen] = []

    def add_node(self) -> psutil.Popen:
        port = self.address.rpartition(":")[2]
        where = [f"--address={self.address}"]
        if not self.nodes:
            where = ["--head", f"--port={port}", f"--temp-dir={self._folder}", "--include-dashboard=false"]
        command = [Path(sys.executable).with_name("ray"), "start", "--block", "--node-ip-address=127.0.0.1", *where]
        node = psutil.Popen(
            [*map(str, command), "--num-cpus=1", "--object-store-memory=100000000", "--disable-usage-stats"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.nodes.append(node)
        return node

    @staticmethod
    def kill(node: psutil.Popen) -> None:
        """At once, with all that run on it."""
        with contextlib.suppress(psutil.NoSuchProcess):  # it may be killed already
            for process in (*node.children(recursive=True), node):
                process.kill()
        node.wait()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # Ray's sockets have short paths
        cluster = Cluster(folder)
        try:
            cluster.add_node()
            until = time.monotonic() + 120
            while not Path(folder, "ray_current_cluster").exists():
                assert cluster.nodes[0].poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
            cluster.add_node()
            yield cluster
        finally:
            for node in cluster.nodes:
                cluster.kill(node)


@pytest.mark.slow
@needs_ray
@needs_two_cpus
def test_on_a_cluster_a_lost_machine_is_replaced(start: Start, cluster: Cluster, tmp_path: Path):
    whole, model, checkpoints = tmp_path / "whole", tmp_path / "model", tmp_path / "checkpoints"
    _end(start(TOGETHER, whole))
    more = (*ON_RAY, "--ray-address", cluster.address, "--checkpoints", checkpoints, "--checkpoint-every", "10")
    process = start(ALONE, model, *more)
    _wait_for_step(40, checkpoints, process)
    cluster.kill(cluster.nodes[1])
    cluster.add_node()
    told = _end(process)
    assert told.count("Goes on from") == 1
    assert _weights(model) == _weights(whole)
    assert not checkpoints.exists()
    assert not list(tmp_path.glob(".model.*"))


@pytest.mark.slow
@needs_ray
@needs_two_cpus
def test_error_of_a_worker_on_ray_is_told_in_one_line(start: Start, tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "notes.txt").write_text("mine")
    process = start(ALONE, tmp_path / "model", *ON_RAY, "--checkpoints", tmp_path / "checkpoints")
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    lines = [line for line in output.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert f"--checkpoints {tmp_path}/checkpoints: it holds 'notes.txt', which is no checkpoint." in lines[0]
    assert "Traceback" not in output


def _told(capsys: pytest.CaptureFixture) -> str:
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--checkpoint-every", "0"], "--checkpoint-every: expected a whole number from 1, got 0."),
        (["--checkpoints", "OUTPUT/kept"], "kept lies in --output, which is replaced. Name another folder."),
        (["--checkpoints", "DATA/kept"], "data.jsonl/kept: it cannot be written"),
        (["--ray-address", "auto"], "--ray-address needs --ray-workers"),
        (["--ray-workers", "0"], "--ray-workers: expected 1 to "),
        (["--ray-workers", "4000"], "--ray-workers: expected 1 to "),
    ],
    ids=" ".join,
)
def test_mistakes_are_told_in_one_line(
    arguments: list[str], message: str, data: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    if "--ray-workers" in arguments:
        pytest.importorskip("ray")
    output = tmp_path / "model"
    given = [each.replace("DATA", str(data)).replace("OUTPUT", str(output)) for each in arguments]
    assert main(["train", str(data), "--config", str(config), "--output", str(output), *given]) == 1
    assert message in _told(capsys)
    assert not output.exists()


def test_without_ray_the_command_names_the_extra(
    data: Path, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "ray", None)
    given = ["train", str(data), "--config", str(config), "--output", str(tmp_path / "model"), *ON_RAY]
    assert main(given) == 1
    assert "--ray-workers needs Ray Train: pip install 'rasa-bert-intent[ray]'" in _told(capsys)


# As torchrun starts the second of sixteen processes.
_LAUNCHED = {"RANK": "1", "WORLD_SIZE": "16", "LOCAL_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "process 2 of 16: batch_size: 8 examples a step are too few for 16 processes. Start at most 8, or give a"),
        (ON_RAY, "process 2 of 16: --ray-workers starts the processes itself. Run the command without torchrun"),
    ],
    ids=["batch_size", "Ray"],
)
def test_what_cannot_be_done_together_is_told_by_each_process(
    arguments: tuple[str, ...], message: str, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if arguments:
        pytest.importorskip("ray")
    for name, value in _LAUNCHED.items():
        monkeypatch.setenv(name, value)
    process = start(ALONE, tmp_path / "model", *arguments)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    assert output.splitlines()[-1].startswith(f"error: {message}")
