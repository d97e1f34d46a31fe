"""Real processes that train together."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ports import free_port
from safetensors.numpy import load_file

CURVE = Path(__file__).with_name("curve.py")
CLI = ("-m", "rasa_bert_intent.cli")
SECONDS = 300
ONE_THREAD = {"OMP_NUM_THREADS": "1"}  # for each process of a training on this machine


def torchrun(*command: str | Path, processes: int = 2, restarts: int = 0, **popen: Any) -> subprocess.Popen[str]:
    """Starts a command of Python's by torchrun on this machine."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return subprocess.Popen(
        [*launcher, "--max-restarts", str(restarts), *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **ONE_THREAD},
        **popen,
    )


def by_hand(*command: str | Path) -> list[subprocess.Popen[str]]:
    """Starts two processes that train together, which nobody looks after."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    world = {**os.environ, **ONE_THREAD, **place}
    return [
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**world, "RANK": rank, "LOCAL_RANK": rank},
        )
        for rank in ("0", "1")
    ]


def end_of(process: subprocess.Popen[str]) -> str:
    """What a process printed, once it has ended."""
    output, _ = process.communicate(timeout=SECONDS)
    return output


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
    """Waits until something is so, as long as a process runs; returns it."""
    until = time.monotonic() + SECONDS
    while not (result := condition()):
        assert process.poll() is None, end_of(process)
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)
    return result


def jobs_file(folder: Path, *jobs: dict[str, Any]) -> Path:
    """Jobs as curve.py takes them."""
    path = folder / "jobs.json"
    path.write_text(json.dumps(jobs), "utf-8")
    return path


def steps_of(job: dict[str, Any]) -> list[tuple[int, float]]:
    """Every step that a job did, in order, with its loss."""
    lines = (Path(job["folder"]) / "steps.jsonl").read_text("utf-8").splitlines()
    return [(each["step"], each["loss"]) for each in map(json.loads, lines)]


def weights_of(job: dict[str, Any], rank: int = 0) -> dict[str, bytes]:
    """What a process ended with, bit for bit."""
    weights = load_file(Path(job["folder"]) / f"{rank}.safetensors")
    return {name: value.tobytes() for name, value in weights.items()}
