"""Rasa workers that share one server against as many that each load the model: requests/s, latency, memory.

    python benchmarks/shared_serving.py

The example bot's model (few epochs: how well it answers is measured elsewhere), 64 clients on two workers, each worker
a `rasa run` of its own. The two ways take turns. Memory is the proportional set size (PSS: what is shared counts once)
of all processes, the server's and Ray's among them. Writes shared_serving.json and shared_serving.md in
benchmarks/results.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from pipelines import ENGINES, ours
from rasa_runs import ENVIRONMENT, RESULTS, machine, write_table
from serving import load, messages, rasa_server, train

COLUMNS = ("p50_ms", "p99_ms", "workers_mb", "server_mb", "requests", "without_intent")
WAYS = ("each worker its own model", "one server for all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--replicas", default="1")
    parser.add_argument("--engine", choices=list(ENGINES), default=next(iter(ENGINES)), help="what holds the model")
    parser.add_argument("--rounds", type=int, default=5, help="turns that each way gets")
    parser.add_argument("--seconds", type=float, default=10, help="of load a turn")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        bot = Path(scratch)
        archive = train(bot, f"ours, {args.engine}", ours(**ENGINES[args.engine]))
        texts = messages(bot / "train.json")
        url, server = stack.enter_context(shared_server(archive, args.replicas))
        remote = {"RASA_BERT_INTENT_ENGINE": "remote", "RASA_BERT_INTENT_REMOTE_URL": url}
        workers = {
            way: [stack.enter_context(rasa_server(bot, archive, **environment)) for _ in range(args.workers)]
            for way, environment in zip(WAYS, ({}, remote), strict=True)
        }
        ports = {way: [port for port, _ in these] for way, these in workers.items()}
        turns: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for turn in range(args.rounds + 1):
            for way in WAYS:
                result = load(ports[way], texts, args.clients, args.seconds if turn else 2)
                if turn:  # the first one warms up
                    turns[way].append(result)
                    print(way, result, flush=True)
        rows = {way: {**summary(turns[way]), "workers_mb": pss(pid for _, pid in workers[way])} for way in WAYS}
        rows[WAYS[0]]["server_mb"], rows[WAYS[1]]["server_mb"] = 0.0, pss([server])
    settings = {name: getattr(args, name) for name in ("clients", "workers", "replicas", "engine", "rounds", "seconds")}
    result = {"machine": machine(), **settings, "rows": rows}
    (RESULTS / "shared_serving.json").write_text(json.dumps(result, indent=1) + "\n")
    write_table("shared_serving", table)


@contextmanager
def shared_server(archive: Path, replicas: str) -> Iterator[tuple[str, int]]:
    """`rasa-bert-intent serve` inside the block; gives its address and its process id."""
    command = [sys.executable, "-m", "rasa_bert_intent.cli", "serve", str(archive), "--replicas", replicas]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready = re.search(r"http://\S+:\d+", process.stdout.readline())
        if ready is None:
            sys.exit("the server did not start")
        yield ready[0], process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def pss(pids: Iterator[int] | Sequence[int]) -> float:
    """MB of some processes and all that they started."""
    processes = [each for pid in pids for each in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))]
    return sum(each.memory_full_info().pss for each in processes) / 1e6


def summary(turns: list[dict[str, float]]) -> dict[str, Any]:
    """Medians of the turns, with the least and the greatest."""
    row: dict[str, Any] = {
        name: float(np.median([turn[name] for turn in turns])) for name in ("per_second", "p50_ms", "p99_ms")
    }
    rates = [turn["per_second"] for turn in turns]
    row["per_second_spread"] = [min(rates), max(rates)]
    row |= {name: sum(turn[name] for turn in turns) for name in ("requests", "without_intent")}
    return row


def table(result: dict[str, Any]) -> str:
    lines = [
        "# Shared serving",
        "",
        f"`python benchmarks/shared_serving.py`, on {result['machine']}. {result['clients']} clients on "
        f"{result['workers']} Rasa workers, {result['engine']}, {result['replicas']} replica(s). Medians of "
        f"{result['rounds']} turns of {result['seconds']:g} s, the two ways taking turns; in brackets the least and "
        "greatest turn. Memory is PSS; Ray is part of the server.",
        "",
        "| | requests/s | p50, ms | p99, ms | workers, MB | server, MB | requests | without an intent |",
        "| --- " * 8 + "|",
    ]
    for way, row in result["rows"].items():
        low, high = row["per_second_spread"]
        rounded = [f"{row[name]:.0f}" for name in COLUMNS]
        lines.append("| " + " | ".join([way, f"{row['per_second']:.0f} ({low:.0f} to {high:.0f})", *rounded]) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
