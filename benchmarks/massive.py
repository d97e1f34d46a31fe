"""Accuracy, training time and size on MASSIVE en-US, all through the real `rasa train nlu` and `rasa test nlu`.

    python benchmarks/massive.py --data PATH_TO_MASSIVE

PATH_TO_MASSIVE is whatever `rasa-bert-intent convert` takes. Every method is trained with three seeds on the 11,514
training rows with the defaults: 5 % of them calibrate the confidences, the last epoch is kept, and nothing is tuned.
The test rows are scored once per model. Each run's result goes to benchmarks/results/massive/METHOD-SEED.json (a
run that is there already is not repeated), and all of them into massive.md.

--threads 1 --methods lora in one terminal and --methods full in another share a machine of two cores well; times are
only reported of runs that had the machine to themselves (no --threads).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from rasa_runs import ENVIRONMENT, RESULTS, machine, manifest, run, spread

RUNS = RESULTS / "massive"
CONFIG = """recipe: default.v1
assistant_id: benchmark
language: en
pipeline:
- name: rasa_bert_intent.BertIntentClassifier
  method: {method}
  random_seed: {seed}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="MASSIVE, as rasa-bert-intent convert takes it")
    parser.add_argument("--methods", nargs="+", default=["lora", "full"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--threads", type=int, help="CPU threads of each run (default: all)")
    args = parser.parse_args()
    RUNS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        bot = Path(scratch)
        run(bot, "rasa_bert_intent.cli", "convert", str(args.data.resolve()), "--output-dir", "data")
        for seed in args.seeds:
            for method in args.methods:
                file = RUNS / f"{method}-{seed}.json"
                if not file.exists():
                    result = run_once(bot, method, seed, args.threads)
                    file.write_text(json.dumps(result, indent=1) + "\n")
                    print(result, flush=True)
    runs = [json.loads(file.read_text()) for file in sorted(RUNS.glob("*.json"))]
    (RESULTS / "massive.md").write_text(table(runs))


def run_once(bot: Path, method: str, seed: int, threads: int | None) -> dict[str, Any]:
    if threads:
        ENVIRONMENT["OMP_NUM_THREADS"] = str(threads)
    (bot / "config.yml").write_text(CONFIG.format(method=method, seed=seed))
    (bot / "domain.yml").write_text('version: "3.1"\n')
    name = f"{method}-{seed}"
    training = run(bot, "rasa", "train", "nlu", "--nlu", "data/train", "--fixed-model-name", name)
    archive = bot / "models" / f"{name}.tar.gz"
    test = [
        "rasa",
        "test",
        "nlu",
        "--nlu",
        "data/test",
        "--model",
        str(archive),
        "--out",
        name,
        "--no-plot",
        "--no-errors",
    ]
    run(bot, *test)
    report = json.loads((bot / name / "intent_report.json").read_text())
    scores = {}
    for engine in ("auto", "torch"):
        ours = ["rasa_bert_intent.cli", "evaluate", str(archive), "data/test", "--output", f"{engine}.json"]
        run(bot, *ours, RASA_BERT_INTENT_ENGINE=engine)
        scores[engine] = json.loads((bot / f"{engine}.json").read_text())
    trained = manifest(archive)["training"]
    return {
        "method": method,
        "seed": seed,
        "machine": machine(),
        "threads": threads,
        "accuracy": report["accuracy"],
        "macro_f1": report["macro avg"]["f1-score"],
        "ece": scores["auto"]["ece"],
        "accuracy_by_torch": scores["torch"]["accuracy"],
        "test_examples": int(report["macro avg"]["support"]),
        "epochs": trained["epochs"],
        "precision": trained["precision"],
        "training_seconds": trained["seconds"],
        "rasa_train_seconds": training["seconds"],
        "training_peak_mb": training["peak_mb"],
        "archive_mb": round(archive.stat().st_size / 1e6, 1),
    }


def table(runs: list[dict[str, Any]]) -> str:
    machines = sorted({run["machine"] for run in runs})
    lines = [
        "# MASSIVE en-US through Rasa",
        "",
        f"`python benchmarks/massive.py`, on {'; '.join(machines)}. Mean of the seeds ± standard deviation. "
        "ECE: the calibration error of the confidences, in 15 bins.",
        "",
        "| method | seeds | test accuracy % | macro-F1 % | ECE | accuracy % served by torch in fp32 "
        "| training, minutes | `rasa train nlu`, minutes | peak memory, MB | archive, MB |",
        "| --- " * 10 + "|",
    ]
    for method in dict.fromkeys(one["method"] for one in runs):
        mine = [one for one in runs if one["method"] == method]
        alone = [run for run in mine if run["threads"] is None]
        cells = [
            method,
            ", ".join(str(run["seed"]) for run in mine),
            spread([100 * run["accuracy"] for run in mine], 2),
            spread([100 * run["macro_f1"] for run in mine], 2),
            spread([run["ece"] for run in mine], 3),
            spread([100 * run["accuracy_by_torch"] for run in mine], 2),
            *(
                spread([run[key] / 60 for run in alone], 1) if alone else ""
                for key in ("training_seconds", "rasa_train_seconds")
            ),
            f"{max(run['training_peak_mb'] for run in mine):.0f}",
            f"{max(run['archive_mb'] for run in mine):.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
