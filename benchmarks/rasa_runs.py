"""What the benchmarks share: running Rasa and measuring it, naming the machine, means with their spread."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
ENVIRONMENT = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "PYTHONWARNINGS": "ignore", "HF_HUB_OFFLINE": "1"}


# Linux counts what the parent holds at the start into a process's peak: so a small one starts it, and tells.
_STARTER = """
import os, subprocess, sys
_, status, usage = os.wait4(subprocess.Popen(sys.argv[2:]).pid, 0)
open(sys.argv[1], "w").write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run(folder: Path, *arguments: str, **environment: str) -> dict[str, float]:
    """Runs `python -m ARGUMENTS` in a folder; returns its seconds and the peak of its memory in MB."""
    start = time.perf_counter()
    peak = folder / "peak"
    command = [sys.executable, "-c", _STARTER, str(peak), sys.executable, "-m", *arguments]
    with (folder / "log").open("w") as log:
        status = subprocess.run(
            command, cwd=folder, env={**ENVIRONMENT, **environment}, stdout=log, stderr=log, check=False
        ).returncode
    if status != 0:
        sys.exit((folder / "log").read_text()[-3000:])
    return {"seconds": round(time.perf_counter() - start, 1), "peak_mb": round(int(peak.read_text()) / 1024)}


def worker(folder: Path, script: str, *arguments: str) -> dict[str, float]:
    """Runs a script that stands beside this one, as `run` does."""
    beside = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return run(folder, script, *arguments, PYTHONPATH=beside)


def trained_and_scored(folder: Path, script: str, train: str, test: str, model: str) -> dict[str, float]:
    """What a script that trains without Rasa costs, and its scores (without_rasa.py)."""
    took = worker(folder, script, train, model)
    worker(folder, script, test, model, "--score", "scores.json")
    return {**took, **json.loads((folder / "scores.json").read_text())}


def existing(path: str) -> Path:
    """For argparse: a path of something that is there."""
    if not Path(path).exists():
        raise argparse.ArgumentTypeError(f"{path} does not exist")
    return Path(path)


def limit_threads(count: int) -> None:
    """For all runs to come, TensorFlow's among them."""
    names = ("OMP_NUM_THREADS", "RASA_BERT_INTENT_NUM_THREADS", "TF_INTRA_OP_PARALLELISM_THREADS")
    ENVIRONMENT.update(dict.fromkeys((*names, "TF_INTER_OP_PARALLELISM_THREADS"), str(count)))


def taken() -> dict[str, Any]:
    """When, by which commit and by which versions a result was measured."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=RESULTS, capture_output=True, text=True
    )
    versions = {}
    for name in ("rasa", "tensorflow", "torch", "transformers", "onnxruntime", "scikit-learn", "setfit"):
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return {"date": date.today().isoformat(), "commit": commit.stdout.strip(), "versions": versions}


def manifest(archive: Path) -> dict[str, Any]:
    """What a model in Rasa's archive says of itself."""
    with tarfile.open(archive) as tar:
        member = next(one for one in tar.getmembers() if one.name.endswith("/model.json"))
        content = tar.extractfile(member)
        assert content is not None
        return json.load(content)


def results(name: str) -> Any:
    """What a benchmark has found: its JSON file, or those of all runs in its folder."""
    folder = RESULTS / name
    if folder.is_dir():
        return [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    return json.loads((RESULTS / f"{name}.json").read_text())


def write_table(name: str, table: Callable[[Any], str]) -> None:
    """Writes what a benchmark has found as Markdown."""
    (RESULTS / f"{name}.md").write_text(table(results(name)))


_QUICK_INT8 = {"VNNI": "avx512_vnni", "AMX": "amx_int8"}  # by the names that Linux gives


def machine() -> str:
    """The processor and the library that calculates."""
    import torch

    cpu, flags = platform.processor() or platform.machine(), []
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), cpu)
        flags = next((line for line in lines if line.startswith("flags")), "").split()
    can = [torch.backends.cpu.get_cpu_capability(), *(name for name, flag in _QUICK_INT8.items() if flag in flags)]
    return f"{os.cpu_count()} cores of {cpu} ({', '.join(can)}), torch {torch.__version__}"


def spread(values: list[float], digits: int) -> str:
    """The mean ± the standard deviation."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"
