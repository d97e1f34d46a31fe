"""Bulk scoring: rows/s and memory by the number of rows, two kills with their restarts, and workers on Ray.

    python benchmarks/bulk.py                          an hour on two cores
    python benchmarks/bulk.py --rows --ray-workers     with the small encoder alone; the other tables stay

A generator writes the messages as CSV: the example bot's own, varied, a hundredth of a percent of them bad. `--rows`
are scored by the default encoder, `--small-rows` by a random one of two layers of 128: what a row costs that is not
the encoder's arithmetic, and five million in minutes. The greatest number of each is scored by a run that is killed
(SIGKILL) twice at random moments and started again; afterwards every row of the results is compared with the
generator's: number, text and order. Memory is the resident set of the process at its peak; on Ray, the proportional set
size (PSS: what is shared counts once) of all processes, Ray's own among them.
Writes bulk.json and bulk.md in benchmarks/results.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
from pipelines import ENGINES, ours
from rasa_runs import ENVIRONMENT, RESULTS, machine, write_table
from serving import ROOT, train

from rasa_bert_intent.data.examples import read_examples

_BEFORE = ("", "", "", "", "please ", "hey, ", "ok ", "could you ", "i want to ", "hi there, ")
_AFTER = ("", "", "", "", " please", " now", " thanks", " again", " for me", " today")
_BAD_EVERY = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--small-rows", type=int, nargs="*", default=[100_000, 5_000_000])
    parser.add_argument("--ray-rows", type=int, default=100_000, help="rows for each number of workers")
    parser.add_argument("--ray-workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--model", type=Path, help="an archive for --rows and Ray (default: the example bot's)")
    parser.add_argument("--note", default="", help="what else the machine was doing, for the table")
    parser.add_argument("--scratch", type=Path, help="folder for input and results (default: the system's)")
    args = parser.parse_args()
    of = {"here": args.rows, "small": args.small_rows, "ray": args.ray_workers}
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
        folder = Path(scratch)
        file = RESULTS / "bulk.json"
        result: dict[str, Any] = {"here": [], "small": [], "ray": []}
        result |= json.loads(file.read_text()) if file.exists() else {}
        result |= {kind: [] for kind, asked in of.items() if asked}
        on = {"machine": f"{machine()} ({args.note})" if args.note else machine()}
        models = {"small": small_model(folder / "small")} if args.small_rows else {}
        if args.rows or args.ray_workers:
            models["here"] = args.model or train(folder, "ours, onnx int8", ours(**ENGINES["onnx int8"]))
        encoders = {"here": args.model.name if args.model else "all-MiniLM-L6-v2", "small": "random, 2 layers of 128"}
        for kind in ("here", "small"):
            for rows in sorted(of[kind]):
                source = write(folder / f"{rows}.csv", rows)
                kills = 2 if rows == max(of[kind]) else 0
                found = measure(models[kind], source, folder / f"{kind}-{rows}", rows, kills)
                result[kind].append({**found, **on, "encoder": encoders[kind]})
                keep(result)
        source = write(folder / "ray.csv", args.ray_rows if args.ray_workers else 0)
        for workers in args.ray_workers:
            output = folder / f"on-ray-{workers}"
            options = ["--ray", "--ray-workers", str(workers)]
            found = measure(models["here"], source, output, args.ray_rows, 0, *options)
            result["ray"].append({"workers": workers, **found, **on})
            keep(result)


def keep(result: dict[str, Any]) -> None:
    (RESULTS / "bulk.json").write_text(json.dumps(result, indent=1) + "\n")
    write_table("bulk", table)


def messages() -> Iterator[str]:
    """The example bot's messages, varied, without end and always the same."""
    texts = sorted(set(read_examples(ROOT / "example_bot" / "data" / "nlu")[0]))
    chance = random.Random(0)
    number = 0
    while True:
        number += 1
        text = f"{chance.choice(_BEFORE)}{chance.choice(texts)}{chance.choice(_AFTER)}"
        yield "" if number % _BAD_EVERY == 0 else text


def small_model(folder: Path) -> Path:
    """A model that serves by ONNX as any does, with a random encoder that takes next to no time."""
    import torch
    from transformers import AutoModel, BertConfig

    from rasa_bert_intent import Options, fit
    from rasa_bert_intent.encoder import find_encoder
    from rasa_bert_intent.network import load_tokenizer

    tokenizer = load_tokenizer(find_encoder(Options().encoder).path)
    torch.manual_seed(0)
    sizes = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}
    AutoModel.from_config(BertConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder / "encoder")
    tokenizer.save_pretrained(folder / "encoder")
    options = Options.from_config({"encoder": str(folder / "encoder"), **ENGINES["onnx int8"]})
    fit(*read_examples(ROOT / "example_bot" / "data" / "nlu"), options, progress=False).save(folder / "model")
    return folder / "model"


def write(path: Path, rows: int) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows(enumerate(islice(messages(), rows), 1))
    return path


def measure(model: Path, source: Path, output: Path, rows: int, kills: int, *options: str) -> dict[str, Any]:
    """Scores a file in as many runs as it takes, and checks what came out."""
    chance = random.Random(rows)
    chunks = -(-rows // 10_000)
    done_at_kills = sorted(chance.sample(range(1, chunks - 1), kills)) if chunks > kills + 1 else []
    seconds, peak = 0.0, 0.0
    for until in (*done_at_kills, None):
        took, memory = run(model, source, output, until, chance.random(), *options)
        seconds, peak = seconds + took, max(peak, memory)
    check(output, rows)
    found = {"rows": rows, "kills": len(done_at_kills), "seconds": round(seconds, 1), "peak_mb": round(peak)}
    found["rows_per_second"] = round(rows / seconds)
    found["summary"] = json.loads((output / "summary.json").read_text("utf-8"))
    print(found, flush=True)
    return found


def run(model: Path, source: Path, output: Path, until: int | None, delay: float, *options: str) -> tuple[float, float]:
    """One run, killed a moment after it left so many parts; gives its seconds and the peak of its memory in MB."""
    command = [sys.executable, "-m", "rasa_bert_intent.cli", "predict", str(model)]
    begin, peak = time.perf_counter(), 0.0
    with output.with_suffix(".log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--input", str(source), "--output", str(output), *options],
            env=ENVIRONMENT,
            stdout=log,
            stderr=log,
        )
        while process.poll() is None:
            with suppress(psutil.NoSuchProcess, FileNotFoundError):
                peak = max(peak, on_all(process.pid) if options else peak_of(process.pid))
            if until is not None and len(list(output.glob("part-*"))) >= until:
                time.sleep(delay)
                process.kill()
            time.sleep(0.5)
    expected = -signal.SIGKILL if until is not None else 0
    if process.returncode != expected:
        sys.exit(
            f"ended with {process.returncode}, expected {expected}: {output.with_suffix('.log').read_text()[-2000:]}"
        )
    return time.perf_counter() - begin, peak


def peak_of(pid: int) -> float:
    """The greatest resident set of a process so far, in MB."""
    return int(re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[0]) / 1024


def on_all(pid: int) -> float:
    """MB of a process and all that it started."""
    parent = psutil.Process(pid)
    total = 0
    for each in (parent, *parent.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += each.memory_full_info().pss
    return total / 1024**2


def check(output: Path, rows: int) -> None:
    """Compares every row of the results with what the generator made, and stops where one differs."""
    found = results(output, "part")
    bad = results(output, "bad")
    for number, text in enumerate(islice(messages(), rows), 1):
        row = next(found if text else bad)
        if row["row"] != number or (text and row["text"] != text):
            sys.exit(f"row {number} is {row}, expected {text!r}")
    if next(found, None) or next(bad, None) or list(output.glob(".*")):
        sys.exit(f"{output} holds more than {rows} rows")


def results(output: Path, kind: str) -> Iterator[dict[str, Any]]:
    for file in sorted(output.glob(f"{kind}-*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def table(result: dict[str, Any]) -> str:
    measured = (("the default encoder", result["here"]), ("the small one", result["small"]), ("Ray", result["ray"]))
    machines = [f"{name}: {one}" for name, rows in measured for one in sorted({row["machine"] for row in rows})]
    lines = [
        "# Bulk scoring",
        "",
        f"`python benchmarks/bulk.py` ({'; '.join(machines)}). Messages of the "
        "example bot, varied; ONNX; CSV in, JSON lines out, in parts of 10,000 rows. A run that was killed "
        "was started again, and its seconds are those of all its runs together. After each, every row was found "
        "exactly once, in order, with its own text, or in a file of bad rows.",
        "",
        "| encoder | rows | killed | s | rows/s | scored | bad | peak memory, MB |",
        "| --- " * 8 + "|",
    ]
    lines += [
        f"| {row['encoder']} | {row['rows']:,} | {row['kills']} times | {row['seconds']:,.0f} | "
        f"{row['rows_per_second']:,} | {row['summary']['scored']:,} | {row['summary']['bad']:,} | {row['peak_mb']} |"
        for row in (*result["here"], *result["small"])
    ]
    if result["ray"]:
        lines += [
            "",
            "On Ray (`--ray`), its start and end included; memory is of all processes, Ray's own among them.",
            "",
            "| workers | rows | s | rows/s | scored | bad | peak memory, MB |",
            "| --- " * 7 + "|",
        ]
    for row in result["ray"]:
        lines.append(
            f"| {row['workers']} | {row['rows']:,} | {row['seconds']:,.0f} | {row['rows_per_second']:,} | "
            f"{row['summary']['scored']:,} | {row['summary']['bad']:,} | {row['peak_mb']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
