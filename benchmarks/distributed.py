"""How much faster a training gets with more processes, and what they send each other.

    python benchmarks/distributed.py [--rounds 3] [--steps 150]

Trains on the example bot's own data with the default encoder, by LoRA and in full, in one process and in two of
torchrun on this machine; the rounds take turns. What a step sends is counted where DistributedDataParallel sends it,
and compared with the weights that are trained; the losses of one and two processes are compared without dropout. From
the times a model tells how long steps would take on more machines. Writes benchmarks/results/distributed.json and
distributed.md.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from rasa_runs import ENVIRONMENT, RESULTS, machine, spread, write_table

DATA = Path(__file__).parents[1] / "example_bot" / "data" / "nlu"
METHODS = ("lora", "full")
BATCH, HALF = 32, 16
WARM_UP = 20  # steps that are not timed
COMPARED = 60  # steps whose losses are compared

# processes, threads of each, examples a step
RUNS = {
    "1 process, 1 thread": (1, 1, BATCH),
    "1 process, 2 threads": (1, 2, BATCH),
    "2 processes, 1 thread each": (2, 1, BATCH),
    "1 process, 1 thread, half the batch": (1, 1, HALF),
}
ONE, TWO_THREADS, TWO, SMALL = RUNS

WORKERS = (2, 4, 8, 16, 32, 64)
BATCHES = (32, 512)
GIGABITS = (1, 10, 100)
LATENCY = 50e-6  # seconds of a message between two machines, by TCP in one data centre


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=150, help="of a training")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        measure(**args.one)
        return
    turns: dict[str, dict[str, list[float]]] = {method: {name: [] for name in RUNS} for method in METHODS}
    for _ in range(args.rounds):
        for method in METHODS:
            for name, (processes, threads, batch) in RUNS.items():
                answer = run(processes, threads, method=method, batch=batch, steps=args.steps)
                turns[method][name].append(answer["seconds_a_step"])
                print(method, name, answer["seconds_a_step"], flush=True)
    sent = {method: compare(method) for method in METHODS}
    result = {"machine": machine(), "rounds": args.rounds, "steps": args.steps, "seconds_a_step": turns, "sent": sent}
    (RESULTS / "distributed.json").write_text(json.dumps(result, indent=1) + "\n")
    write_table("distributed", table)


def run(processes: int, threads: int, **one: Any) -> dict[str, Any]:
    """Does a training in processes of its own; returns what the first one measured."""
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    environment = {**ENVIRONMENT, "OMP_NUM_THREADS": str(threads)}
    command = [*launcher, __file__, "--one", json.dumps({**one, "threads": threads})]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-8000:])
    answer = next(line for line in done.stdout.splitlines() if line.startswith("ANSWER "))
    return json.loads(answer.removeprefix("ANSWER "))


def measure(method: str, batch: int, steps: int, threads: int, compared: bool = False) -> None:
    """Trains for some steps, and prints how long they took.

    Args:
        method: LoRA or full.
        batch: Examples a step, of all processes together.
        steps: Of the training.
        threads: Of this process.
        compared: Whether to leave dropout out, and to tell the losses and what is sent instead.
    """
    import torch
    from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
    from torch.nn.parallel import DistributedDataParallel
    from transformers import TrainerCallback

    from rasa_bert_intent import Options, fit
    from rasa_bert_intent.data.labelled import read_plain
    from rasa_bert_intent.distributed.world import World
    from rasa_bert_intent.training.dropout import ByteDropout

    sent: Counter[int] = Counter()
    losses: list[float] = []

    class Watch(TrainerCallback):
        """Times the steps."""

        began = seconds = 0.0

        def __init__(self, network: torch.nn.Module) -> None:
            self.network = network

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if not compared:
                return
            for module in self.network.modules():
                if isinstance(module, ByteDropout | torch.nn.Dropout):
                    module.p = module._dropped = 0
            for wrapped in [each for each in gc.get_objects() if type(each) is DistributedDataParallel]:

                def count(group, bucket):  # torch looks at annotations, and takes none but its own
                    sent[len(losses)] += bucket.buffer().nbytes
                    return allreduce_hook(group, bucket)

                wrapped.register_comm_hook(None, count)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
            if "loss" in logs:
                losses.append(logs["loss"])

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == WARM_UP:
                self.began = time.perf_counter()
            if state.global_step == steps:
                self.seconds = time.perf_counter() - self.began
                control.should_training_stop = True

    watches: list[Watch] = []

    def watch(model: Any) -> Watch:
        watches.append(Watch(model.network))
        return watches[0]

    options = Options.from_config(
        {
            "method": method,
            "classification_head": "linear",
            "contrastive_weight": 0,
            "batch_size": batch,
            "validation_split": 0.0,
            "min_steps": 0,
            "epochs": 8,
            "device": "cpu",
            "precision": "fp32",
            "num_threads": threads,
            "engine": "torch",
            "ngram_weight": 0,
            "out_of_scope_score": "none",
            "tensorboard_log_level": "batch" if compared else "epoch",
        }
    )
    model = fit(*read_plain(DATA), options, progress=False, watch=watch)
    answer = {
        "seconds_a_step": watches[0].seconds / (steps - WARM_UP),
        "losses": losses[:steps],
        "bytes": sent[steps - 1],
        "weights": sum(each.numel() for each in model.network.parameters() if each.requires_grad),
        "hidden": model.network.head.in_features,
    }
    if World.of_environment().is_main:
        print("ANSWER " + json.dumps(answer), flush=True)


def compare(method: str) -> dict[str, Any]:
    """The losses of one and two processes, and what two of them send."""
    one, two = (run(processes, 1, method=method, batch=BATCH, steps=COMPARED, compared=True) for processes in (1, 2))
    apart = max(abs(a - b) for a, b in zip(one["losses"], two["losses"], strict=True))
    first, last = one["losses"][0], one["losses"][-1]
    kept = {name: two[name] for name in ("bytes", "weights", "hidden")}
    return {**kept, "first_loss": first, "last_loss": last, "apart": apart}


def predicted(seconds: dict[str, float], sent: dict[str, Any], batch: int, workers: int, gigabits: float) -> float:
    """Seconds of a step by the model, see the page that `tables` writes."""
    an_example = max(seconds[ONE] - seconds[SMALL], 0) / (BATCH - HALF)
    fixed = seconds[ONE] - BATCH * an_example
    gradients = 2 * (workers - 1) / workers * sent["bytes"]
    features = (workers - 1) / workers * batch * sent["hidden"] * 4
    messages = 3 * (workers - 1)
    bandwidth = gigabits * 1e9 / 8
    return fixed + batch / workers * an_example + (gradients + features) / bandwidth + messages * LATENCY


def table(result: dict[str, Any]) -> str:
    medians = {
        method: {name: statistics.median(values) for name, values in runs.items()}
        for method, runs in result["seconds_a_step"].items()
    }
    lines = [
        "# Training by several processes",
        "",
        f"`python benchmarks/distributed.py`, on {result['machine']}. The example bot's own data, the default encoder, "
        f"{BATCH} examples a step; medians of {result['rounds']} rounds of {result['steps'] - WARM_UP} steps, with the "
        "standard deviation of the times.",
        "",
        "| method | | ms a step | examples/s | speed-up |",
        "| --- | --- | --- | --- | --- |",
    ]
    for method, runs in medians.items():
        for name in (ONE, TWO_THREADS, TWO):
            times = [1000 * value for value in result["seconds_a_step"][method][name]]
            row = [method, name, spread(times, 1), f"{BATCH / runs[name]:.0f}", f"{runs[ONE] / runs[name]:.2f}"]
            lines.append("| " + " | ".join(row) + " |")
    lines += [
        "",
        "## What a step sends",
        "",
        f"Gradients, as DistributedDataParallel hands them to gloo, and the {BATCH} feature vectors. Beside them how "
        f"far the losses of two processes are from those of one in {COMPARED} steps without dropout.",
        "",
        "| method | weights trained | MB of gradients: 4 bytes a weight | counted | KB of features "
        "| loss, first to last | largest difference |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for method, sent in result["sent"].items():
        losses = f"{sent['first_loss']:.3f} to {sent['last_loss']:.3f}"
        counted = [f"{4 * sent['weights'] / 1e6:.3f}", f"{sent['bytes'] / 1e6:.3f}"]
        features = f"{BATCH * sent['hidden'] * 4 / 1e3:.0f}"
        row = [method, f"{sent['weights']:,}", *counted, features, losses, f"{sent['apart']:.1e}"]
        lines.append("| " + " | ".join(row) + " |")
    lines += [
        "",
        "## More machines: a model, not a measurement",
        "",
        "A step of B examples by N processes of one thread, each on a machine of its own, takes",
        "",
        "    fixed + B/N * example + (2(N-1)/N * gradients + (N-1)/N * features) / bandwidth + 3(N-1) * latency",
        "",
        f"where `example` and `fixed` are from the measured steps of {BATCH} and {HALF} examples in one process, the "
        f"all-reduce is a ring, the latency of a message is {LATENCY * 1e6:.0f} µs, and nothing is sent while it is "
        "computed. For two processes on this machine, where what they send stays in memory, it says:",
        "",
    ]
    for method, runs in medians.items():
        memory = predicted(runs, result["sent"][method], BATCH, 2, 1e6)
        lines.append(f"- {method}: {1000 * memory:.1f} ms a step, and {1000 * runs[TWO]:.1f} were measured.")
    for batch in BATCHES:
        lines += [
            "",
            f"Speed-up over one process with one thread, {batch} examples a step:",
            "",
            f"| method | network | {' | '.join(f'{workers} processes' for workers in WORKERS)} |",
            "| --- " * (2 + len(WORKERS)) + "|",
        ]
        for method, runs in medians.items():
            for gigabits in GIGABITS:
                row = [method, f"{gigabits} Gbit/s"]
                sent = result["sent"][method]
                alone = predicted(runs, sent, batch, 1, gigabits)
                for workers in WORKERS:
                    faster = alone / predicted(runs, sent, batch, workers, gigabits)
                    row.append(f"{faster:.1f}" if workers <= batch else "")
                lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
