"""Accuracy, calibration, memory and size on MASSIVE en-US, by the real `rasa train nlu` and `rasa test nlu`.

    python benchmarks/massive.py --data PATH_TO_MASSIVE --methods lora full head

PATH_TO_MASSIVE is whatever `rasa-bert-intent convert` takes. Every method is trained with three seeds on the 11,514
training rows with its defaults: ours keeps 5 % of them to calibrate, and its last epoch. The methods named -dev train
on all of them and calibrate on the development rows, as MASSIVE means these to be used. Nothing is tuned. The test rows
are scored once per model, and once more by torch where ONNX Runtime serves it. frozen-encoder is not Rasa's: see
frozen_worker.py. Each run's result goes to benchmarks/results/massive/METHOD-SEED.json (a run that is there already is
not repeated), and all of them into massive.md. On another kind of processor the same seed gives other weights: to have
both, rename the former METHOD-SEED-2.json. After a change to P(in scope) take `ece` out of the results that are not
measured again. How long each takes to train is measured beside the others, by training_time.py.

`--methods diet` takes three to five hours a seed. `--methods diet-36-epochs --models KEPT` and later `--methods
diet-36+64-epochs --models KEPT` come to as many epochs in two parts: `rasa train --finetune` trains the kept model on.

--threads 1 --methods lora in one terminal and --methods full in another share a machine of two cores well.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from pipelines import OURS, config, diet, logistic_regression, ours
from rasa_runs import (
    RESULTS,
    existing,
    limit_threads,
    machine,
    manifest,
    results,
    run,
    spread,
    taken,
    trained_and_scored,
    write_table,
)

from rasa_bert_intent.reports.metrics import expected_calibration_error

RUNS = RESULTS / "massive"
FROZEN = "frozen-encoder"
_DEV = {"validation_data": "data/dev", "evaluate_every_number_of_epochs": -1}
METHODS = {
    "lora": lambda seed: ours(method="lora", random_seed=seed),
    "full": lambda seed: ours(method="full", random_seed=seed),
    "full-8-epochs": lambda seed: ours(method="full", epochs=8, random_seed=seed),
    "lora-dev": lambda seed: ours(method="lora", random_seed=seed, **_DEV),
    "full-dev": lambda seed: ours(method="full", random_seed=seed, **_DEV),
    "lora-dev-8-epochs": lambda seed: ours(method="lora", epochs=8, random_seed=seed, **_DEV),
    "head": lambda seed: ours(method="head", random_seed=seed),
    "diet": lambda seed: diet(random_seed=seed),
    "diet-36-epochs": lambda seed: diet(epochs=36, random_seed=seed),
    "diet-36+64-epochs": lambda seed: diet(epochs=64, random_seed=seed),
    "diet-without-entities": lambda seed: diet(random_seed=seed, entity_recognition=False),
    "logistic-regression": lambda seed: logistic_regression(random_state=seed),
    FROZEN: lambda seed: [],
}
_TRAINED_ON_FROM = {"diet-36+64-epochs": "diet-36-epochs"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=existing, required=True, help="MASSIVE, as rasa-bert-intent convert takes it")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=["lora", "full"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--threads", type=int, help="CPU threads of each run (default: all)")
    parser.add_argument("--models", type=Path, help="a folder to keep the models in, METHOD-SEED.tar.gz")
    args = parser.parse_args()
    RUNS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        bot = Path(scratch)
        models = (args.models or bot / "models").resolve()
        run(bot, "rasa_bert_intent.cli", "convert", str(args.data.resolve()), "--output-dir", "data")
        for seed in args.seeds:
            for method in args.methods:
                file = RUNS / f"{method}-{seed}.json"
                if not file.exists():
                    result = run_once(bot, models, method, seed, args.threads)
                    file.write_text(json.dumps(result, indent=1) + "\n")
                    print(result, flush=True)
    write_table("massive", table)


def run_once(bot: Path, models: Path, method: str, seed: int, threads: int | None) -> dict[str, Any]:
    if threads:
        limit_threads(threads)
    shutil.rmtree(bot / ".rasa", ignore_errors=True)  # else what was trained before is taken from there
    measured = frozen(bot) if method == FROZEN else by_rasa(bot, models, method, seed)
    return {"method": method, "seed": seed, "machine": machine(), "threads": threads, **measured, **taken()}


def by_rasa(bot: Path, models: Path, method: str, seed: int) -> dict[str, Any]:
    pipeline = METHODS[method](seed)
    (bot / "config.yml").write_text(config(pipeline))
    (bot / "domain.yml").write_text('version: "3.1"\n')
    name = f"{method}-{seed}"
    train = ["rasa", "train", "nlu", "--nlu", "data/train", "--out", str(models), "--fixed-model-name", name]
    former = _TRAINED_ON_FROM.get(method)
    training = run(bot, *train, *(["--finetune", str(models / f"{former}-{seed}.tar.gz")] if former else []))
    archive = models / f"{name}.tar.gz"
    test = ["rasa", "test", "nlu", "--nlu", "data/test", "--model", str(archive), "--out", name]
    run(bot, *test, "--no-plot", "--successes")
    report = json.loads((bot / name / "intent_report.json").read_text())
    result = {
        "accuracy": report["accuracy"],
        "macro_f1": report["macro avg"]["f1-score"],
        "ece": calibration_error(bot / name),
        "test_examples": int(report["macro avg"]["support"]),
        "training_peak_mb": training["peak_mb"],
        "archive_mb": round(archive.stat().st_size / 1e6, 1),
    }
    return result | (of_ours(bot, archive) if pipeline[0]["name"] == OURS else {})


def frozen(bot: Path) -> dict[str, Any]:
    found = trained_and_scored(bot, "frozen_worker", "data/train", "data/test", "frozen")
    size = sum(file.stat().st_size for file in (bot / "frozen").iterdir())
    scores = {key: value for key, value in found.items() if key not in ("seconds", "peak_mb")}
    return {**scores, "training_peak_mb": found["peak_mb"], "archive_mb": round(size / 1e6, 1)}


def calibration_error(out: Path) -> float:
    """Of the confidences that `rasa test nlu` saw."""
    confidences, right = [], []
    for file in ("intent_successes.json", "intent_errors.json"):
        rows = json.loads((out / file).read_text()) if (out / file).exists() else []
        confidences += [row["intent_prediction"]["confidence"] for row in rows]
        right += [file == "intent_successes.json"] * len(rows)
    return expected_calibration_error(confidences, right)


def of_ours(bot: Path, archive: Path) -> dict[str, Any]:
    """How our training went, and the accuracy where torch serves in place of ONNX Runtime."""
    evaluate = ["rasa_bert_intent.cli", "evaluate", str(archive), "data/test", "--output", "torch.json"]
    run(bot, *evaluate, RASA_BERT_INTENT_ENGINE="torch")
    trained = manifest(archive)["training"]
    return {
        "engine": trained["engine"],
        "accuracy_by_torch": json.loads((bot / "torch.json").read_text())["accuracy"],
        "epochs": trained["epochs"],
        "precision": trained["precision"],
        "training_seconds": trained["seconds"],
    }


def table(runs: list[dict[str, Any]]) -> str:
    lines = [
        "# MASSIVE en-US through Rasa",
        "",
        "`python benchmarks/massive.py --data PATH_TO_MASSIVE --methods ...`. Mean of the runs ± standard deviation. "
        "ECE: the calibration error of the confidences, in 15 bins, where they were measured since P(in scope) is made "
        "as it is now. Training: seconds of `rasa train nlu` beside the others, one run each, where it was measured "
        "([training_time.md](training_time.md)); of DIET 100 epochs, calculated. The frozen encoder under logistic "
        "regression is not Rasa's, and its archive is without the encoder.",
        "",
        "| method | seeds | runs | test accuracy % | macro-F1 % | ECE | accuracy % served by torch in fp32 "
        "| training, s | peak memory of training, MB | archive, MB |",
        "| --- " * 10 + "|",
    ]
    seconds = seconds_on_massive()
    for method in dict.fromkeys(one["method"] for one in runs):
        mine = [one for one in runs if one["method"] == method]
        errors = [run["ece"] for run in mine if "ece" in run]
        of_fewer = f" ({len(errors)} runs)" if errors and len(errors) < len(mine) else ""
        cells = [
            method,
            ", ".join(dict.fromkeys(str(run["seed"]) for run in mine)),
            str(len(mine)),
            spread([100 * run["accuracy"] for run in mine], 2),
            spread([100 * run["macro_f1"] for run in mine], 2),
            spread(errors, 3) + of_fewer if errors else "",
            spread([100 * run["accuracy_by_torch"] for run in mine], 2) if "accuracy_by_torch" in mine[0] else "",
            f"{seconds[method]:,.0f}" if method in seconds else "",
            f"{max(run['training_peak_mb'] for run in mine):.0f}",
            f"{max(run['archive_mb'] for run in mine):.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def seconds_on_massive() -> dict[str, float]:
    """How long each method trains, by training_time.py."""
    rows = (results("training_time").get("large") or {"rows": {}})["rows"]
    seconds = {method: row["seconds"] for method, row in rows.items() if method in METHODS}
    return seconds | {method: of_100 for method in METHODS if (of_100 := calculated(rows, method))}


def calculated(rows: dict[str, Any], method: str) -> float | None:
    """Seconds of 100 epochs by those of 1 and 3, None where these were not measured."""
    one, three = (rows.get(f"{method}, {epochs}") for epochs in ("1 epoch", "3 epochs"))
    return one["seconds"] + 99 * (three["seconds"] - one["seconds"]) / 2 if one and three else None


if __name__ == "__main__":
    main()
