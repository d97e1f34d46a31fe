"""What serving costs: loading, memory, one message in the process, and over HTTP, each pipeline beside the others.

    python benchmarks/serving.py

Every pipeline is trained on the example bot's own examples, for few epochs: how well it answers is measured elsewhere.
All of them are loaded in processes of their own and answer the same messages in turns, so that a machine's moods fall
on all alike; so do their servers over HTTP, while those that are not asked wait. The clients share the machine's cores
with the server. Writes benchmarks/results/serving.json and serving.md.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pipelines import ENGINES, bare, config, diet, logistic_regression, ours
from rasa_runs import ENVIRONMENT, RESULTS, machine, manifest, run, taken, write_table

ROOT = Path(__file__).resolve().parents[1]
PIPELINES = {
    **{f"ours, {engine}": ours(**options) for engine, options in ENGINES.items()},
    "DIET": diet(epochs=2),  # which also looks for entities, as Rasa's default pipeline does
    "DIET, intents alone": diet(epochs=2, entity_recognition=False),
    "LogisticRegression": logistic_regression(),
    "bare Rasa, no classifier": bare(),
}
CLIENTS = (1, 4, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="turns that each pipeline gets")
    parser.add_argument("--messages", type=int, default=100, help="messages a turn")
    parser.add_argument("--http-rounds", type=int, default=5, help="turns that each server gets")
    parser.add_argument("--http-seconds", type=float, default=3, help="of load a turn, for each number of clients")
    args = parser.parse_args()
    if min(args.rounds, args.messages, args.http_rounds) < 1 or args.http_seconds <= 0:
        parser.error("rounds, messages and seconds are 1 at least")
    with tempfile.TemporaryDirectory() as scratch:
        bot = Path(scratch)
        archives = {name: train(bot, name, pipeline) for name, pipeline in PIPELINES.items()}
        texts = messages(bot / "train.json")
        rows = in_process(archives, texts, args.rounds, args.messages)
        for name, http in over_http(bot, archives, texts, args).items():
            rows[name] |= {"archive_mb": archives[name].stat().st_size / 1e6, "http": http}
            print(name, rows[name], flush=True)
    turns = {"rounds": args.rounds, "messages": args.messages, "http_rounds": args.http_rounds}
    result = {"machine": machine(), **turns, "rows": rows, **taken()}
    (RESULTS / "serving.json").write_text(json.dumps(result, indent=1) + "\n")
    write_table("serving", table)


def train(bot: Path, name: str, pipeline: list[dict[str, Any]]) -> Path:
    (bot / "config.yml").write_text(config(pipeline))
    (bot / "domain.yml").write_text('version: "3.1"\n')
    nlu = str(ROOT / "example_bot" / "data" / "nlu")
    run(bot, "rasa", "train", "nlu", "--nlu", nlu, "--fixed-model-name", name)
    if not (bot / "train.json").exists():
        run(bot, "rasa", "data", "convert", "nlu", "--data", nlu, "--out", "train.json", "--format", "json")
    archive = bot / "models" / f"{name}.tar.gz"
    if name.startswith("ours, onnx"):
        assert manifest(archive)["training"]["engine"] == name.removeprefix("ours, ")
    return archive


def messages(file: Path) -> list[str]:
    """Two hundred of the bot's own examples, in an order that is always the same."""
    examples = json.loads(file.read_text("utf-8"))["rasa_nlu_data"]["common_examples"]
    texts = sorted({example["text"] for example in examples})
    random.Random(0).shuffle(texts)
    return texts[:200]


class Worker:
    """A bot loaded in a process of its own."""

    def __init__(self, archive: Path) -> None:
        command = [sys.executable, str(Path(__file__).with_name("serving_worker.py")), str(archive)]
        self._process = subprocess.Popen(
            command,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.loaded = self._answer()

    def seconds(self, texts: list[str], whole: bool) -> list[float]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"texts": texts, "whole": whole}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("ANSWER "):
                return json.loads(line.removeprefix("ANSWER "))
        sys.exit(f"a worker ended with status {self._process.wait()}")

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


def in_process(archives: dict[str, Path], texts: list[str], rounds: int, count: int) -> dict[str, dict[str, Any]]:
    for archive in archives.values():
        Worker(archive).close()  # afterwards all libraries are in the memory that the system reads files into
    workers = {name: Worker(archive) for name, archive in archives.items()}
    kinds = {"parse_message": True, "process": False}
    # The other classifiers need what the components before them computed.
    kinds_of = {name: [kind for kind, whole in kinds.items() if whole or "ours" in name] for name in workers}
    seconds_of: dict[str, dict[str, list[list[float]]]] = {name: {kind: [] for kind in kinds} for name in workers}
    for turn in range(rounds + 1):
        chosen = [texts[(turn * count + i) % len(texts)] for i in range(count)]
        for kind, whole in kinds.items():
            for name, worker in workers.items():
                if kind not in kinds_of[name]:
                    continue
                seconds = worker.seconds(chosen, whole)
                if turn:  # the first one warms up
                    seconds_of[name][kind].append(seconds)
    rows: dict[str, dict[str, Any]] = {}
    for name, worker in workers.items():
        rows[name] = dict(worker.loaded)
        for kind in kinds_of[name]:
            turns = 1000 * np.asarray(seconds_of[name][kind])
            for percent in (50, 95, 99):
                rows[name][f"{kind}_p{percent}_ms"] = float(np.percentile(turns, percent))
            medians = np.median(turns, axis=1)
            rows[name][f"{kind}_p50_ms_spread"] = [float(medians.min()), float(medians.max())]
        worker.close()
    return rows


def over_http(
    bot: Path, archives: dict[str, Path], texts: list[str], args: argparse.Namespace
) -> dict[str, dict[str, dict[str, Any]]]:
    """Of each pipeline and number of clients, medians of the turns."""
    with ExitStack() as servers:
        ports = {name: servers.enter_context(rasa_server(bot, archive))[0] for name, archive in archives.items()}
        turns: dict[str, dict[str, list[dict[str, float]]]] = {
            name: {str(clients): [] for clients in CLIENTS} for name in ports
        }
        for turn in range(args.http_rounds + 1):
            for clients in CLIENTS:
                for name, port in ports.items():
                    found = load([port], texts, clients, args.http_seconds if turn else 1)
                    if turn:  # the first one warms up
                        turns[name][str(clients)].append(found)
    return {name: {clients: of_turns(found) for clients, found in each.items()} for name, each in turns.items()}


def of_turns(turns: list[dict[str, float]]) -> dict[str, Any]:
    rates = [turn["per_second"] for turn in turns]
    medians = {key: float(np.median([turn[key] for turn in turns])) for key in turns[0]}
    return {**medians, "per_second_spread": [min(rates), max(rates)]}


@contextmanager
def rasa_server(bot: Path, archive: Path, **environment: str) -> Iterator[tuple[int, int]]:
    """`rasa run` inside the block; gives its port and its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--enable-api", "-i", "127.0.0.1", "-p", str(port), "-m", str(archive)]
    server = subprocess.Popen(
        [sys.executable, "-m", "rasa", "run", *options],
        cwd=bot,
        env={**ENVIRONMENT, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _answers(port):
            if server.poll() is not None:
                sys.exit(f"rasa run ended with status {server.returncode}")
            time.sleep(1)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(60)


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/status")
        return connection.getresponse().status == 200
    except OSError:
        return False


def load(ports: Sequence[int], texts: list[str], clients: int, seconds: float) -> dict[str, float]:
    """Clients, spread over servers, that each ask again as soon as they have their answer."""
    taken: list[float] = []
    finished: list[int] = []
    unanswered: list[str] = []
    end = time.perf_counter() + seconds

    def ask(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", ports[first % len(ports)], timeout=60)
        number = first
        while time.perf_counter() < end:
            body = json.dumps({"text": texts[number % len(texts)]})
            number += clients
            start = time.perf_counter()
            connection.request("POST", "/model/parse", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
            if response.status != 200:
                raise RuntimeError(f"/model/parse answered {response.status}")
            taken.append(time.perf_counter() - start)
            if json.loads(answer)["intent"]["name"] is None:
                unanswered.append(body)
        finished.append(first)

    start = time.perf_counter()
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(finished) == clients, "a client failed: see above"
    p50, p99 = 1000 * np.quantile(taken, [0.5, 0.99])
    return {
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "per_second": len(taken) / (time.perf_counter() - start),
        "requests": len(taken),
        "without_intent": len(unanswered),
    }


def table(result: dict[str, Any]) -> str:
    clients = " | ".join(f"HTTP, {n} client{'s' * (n > 1)}: p50 / p99 ms, requests/s" for n in CLIENTS)
    lines = [
        "# Serving",
        "",
        f"`python benchmarks/serving.py`, on {result['machine']}. {result['rounds']} turns of {result['messages']} "
        "messages in the process, the pipelines taking turns, and the percentiles of all; in brackets the least and "
        f"greatest median of a turn. Over HTTP {result['http_rounds']} turns, the servers taking turns and sharing the "
        "cores with the clients: medians of the turns, and the range of requests/s. Loading is `Agent.load` for the "
        "second time, and how much of it the components take, libraries included: before them Rasa unpacks the "
        "archive, twice. Memory is the resident set after one message, and how much more it is than before loading, "
        "when Rasa, and with it TensorFlow and scikit-learn, was imported.",
        "",
        "| pipeline | load: in all / components, s | memory after load: in all / added, MB | archive, MB "
        "| classifier's `process`: p50 / p95 / p99, ms "
        f"| `Agent.parse_message`: p50 / p95 / p99, ms | {clients} |",
        "| --- " * (6 + len(CLIENTS)) + "|",
    ]
    for name, row in result["rows"].items():
        loading = f"{row['load_seconds']:.2f} / {row['components_seconds']:.2f}"
        memory = f"{row['rss_mb']:.0f} / {row['added_mb']:.0f}"
        cells = [name, loading, memory, f"{row['archive_mb']:.1f}"]
        for kind in ("process", "parse_message"):
            if f"{kind}_p50_ms" not in row:
                cells.append("")
                continue
            low, high = row[f"{kind}_p50_ms_spread"]
            quantiles = " / ".join(f"{row[f'{kind}_{q}_ms']:.2f}" for q in ("p50", "p95", "p99"))
            cells.append(f"{quantiles} ({low:.2f} to {high:.2f})")
        for one in (row["http"][str(n)] for n in CLIENTS):
            low, high = one["per_second_spread"]
            cells.append(
                f"{one['p50_ms']:.1f} / {one['p99_ms']:.1f}, {one['per_second']:.0f} ({low:.0f} to {high:.0f})"
            )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
