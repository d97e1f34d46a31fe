"""Quick searches: data and options of a `tune` that takes seconds a trial, run in processes of their own."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import yaml

from rasa_bert_intent.config_file import COMPONENT
from rasa_bert_intent.tuning.storage import open_storage

Examples = tuple[list[str], list[str]]
Start = Callable[..., subprocess.Popen[str]]

QUICK = {"method": "head", "min_steps": 0, "epochs": 2, "max_length": 32, "pooling": "mean", "engine": "torch"}
# Two trainings a trial of two epochs each.
SMALL = ("--folds", "2", "--trainings", "1", "--options", "head_learning_rate,label_smoothing")


def jsonl(path: Path, examples: Examples) -> Path:
    rows = [{"text": text, "intent": intent} for text, intent in zip(*examples, strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def configure(folder: Path, **options: object) -> None:
    config = {"language": "en", "pipeline": [{"name": "WhitespaceTokenizer"}, {"name": COMPONENT, **options}]}
    (folder / "config.yml").write_text(yaml.safe_dump(config), "utf-8")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@contextmanager
def started_in(folder: Path) -> Iterator[Start]:
    """Gives what starts the command in a folder, with further arguments; no process outlives the block."""
    started = []

    def start_one(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "rasa_bert_intent.cli", "tune", "data.jsonl", "--config", "config.yml", *SMALL]
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            # who starts the tests in the background may have turned Ctrl-C off
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        started.append(process)
        return process

    try:
        yield start_one
    finally:
        for process in started:
            process.kill()
            process.communicate()


def begun(address: str) -> int:
    """Trials that a worker is at, or has ended."""
    try:
        study = optuna.load_study(storage=open_storage(address), study_name="tune")
    except KeyError:
        return 0
    return sum("worker" in trial.user_attrs for trial in study.trials)
