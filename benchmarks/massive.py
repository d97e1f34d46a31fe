"""Accuracy, training time and size on MASSIVE en-US, all through the real `rasa train nlu` and `rasa test nlu`.

    python benchmarks/massive.py --data PATH_TO_MASSIVE

PATH_TO_MASSIVE is whatever `rasa-bert-intent convert` takes. Every method is trained with three seeds on the 11,514
training rows for its default number of epochs; no row is held out and no epoch is chosen by a score, so nothing is
tuned. The test rows are scored once per model. Results go to benchmarks/results/massive.json after every run (a run
that is there already is not repeated) and from there into massive.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
ENVIRONMENT = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "PYTHONWARNINGS": "ignore", "HF_HUB_OFFLINE": "1"}
CONFIG = """recipe: default.v1
assistant_id: benchmark
language: en
pipeline:
- name: rasa_bert_intent.BertIntentClassifier
  method: {method}
  random_seed: {seed}
  validation_split: 0
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="MASSIVE, as rasa-bert-intent convert takes it")
    parser.add_argument("--methods", nargs="+", default=["lora", "full"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    args = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / "massive.json"
    runs = json.loads(file.read_text())["runs"] if file.exists() else []
    with tempfile.TemporaryDirectory() as scratch:
        bot = Path(scratch)
        command = [
            sys.executable,
            "-m",
            "rasa_bert_intent.cli",
            "convert",
            str(args.data),
            "--output-dir",
            str(bot / "data"),
        ]
        subprocess.run(command, check=True, env=ENVIRONMENT)
        for seed in args.seeds:
            for method in args.methods:
                if any(run["method"] == method and run["seed"] == seed for run in runs):
                    continue
                runs.append(run_once(bot, method, seed))
                print(runs[-1], flush=True)
                file.write_text(json.dumps({"machine": machine(), "runs": runs}, indent=1) + "\n")
    (RESULTS / "massive.md").write_text(table(json.loads(file.read_text())))


def run_once(bot: Path, method: str, seed: int) -> dict[str, Any]:
    (bot / "config.yml").write_text(CONFIG.format(method=method, seed=seed))
    (bot / "domain.yml").write_text('version: "3.1"\n')
    name = f"{method}-{seed}"
    training = rasa(bot, "train", "nlu", "--nlu", "data/train", "--fixed-model-name", name)
    archive = bot / "models" / f"{name}.tar.gz"
    test = ["test", "nlu", "--nlu", "data/test", "--model", str(archive), "--out", name, "--no-plot", "--no-errors"]
    scoring = rasa(bot, *test)
    report = json.loads((bot / name / "intent_report.json").read_text())
    return {
        "method": method,
        "seed": seed,
        "accuracy": report["accuracy"],
        "macro_f1": report["macro avg"]["f1-score"],
        "test_examples": int(report["macro avg"]["support"]),
        "training_seconds": training["seconds"],
        "training_peak_mb": training["peak_mb"],
        "testing_seconds": scoring["seconds"],
        "archive_mb": round(archive.stat().st_size / 1e6, 1),
    }


def rasa(bot: Path, *arguments: str) -> dict[str, float]:
    """Runs Rasa; returns seconds and the peak memory of the process in MB."""
    start = time.perf_counter()
    with (bot / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rasa", *arguments], cwd=bot, env=ENVIRONMENT, stdout=log, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit((bot / "log").read_text()[-3000:])
    return {"seconds": round(time.perf_counter() - start, 1), "peak_mb": round(usage.ru_maxrss / 1024)}


def machine() -> str:
    import torch

    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), cpu)
    return f"{os.cpu_count()} cores of {cpu} ({torch.backends.cpu.get_cpu_capability()}), torch {torch.__version__}"


def table(results: dict[str, Any]) -> str:
    lines = [
        "# MASSIVE en-US through Rasa",
        "",
        f"`python benchmarks/massive.py`, on {results['machine']}. Mean of the seeds ± standard deviation.",
        "",
        "| method | seeds | test accuracy % | macro-F1 % | `rasa train nlu`, minutes | peak memory, MB | archive, MB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for method in dict.fromkeys(run["method"] for run in results["runs"]):
        runs = [run for run in results["runs"] if run["method"] == method]
        cells = [
            method,
            ", ".join(str(run["seed"]) for run in runs),
            spread([100 * run["accuracy"] for run in runs], 2),
            spread([100 * run["macro_f1"] for run in runs], 2),
            spread([run["training_seconds"] / 60 for run in runs], 1),
            f"{max(run['training_peak_mb'] for run in runs):.0f}",
            f"{max(run['archive_mb'] for run in runs):.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def spread(values: list[float], digits: int) -> str:
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"


if __name__ == "__main__":
    main()
