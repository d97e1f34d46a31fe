"""How long `rasa train nlu` takes, ours beside DIET: for a bot of 500 examples, and for MASSIVE en-US.

    python benchmarks/training_time.py [--data PATH_TO_MASSIVE]

The 500 examples are drawn from the example bot's own, its intents in their proportions; the bot's other examples are
scored. The pipelines take turns, each turn with another seed, and the time is the whole command's, its start included.
The frozen encoder under a logistic regression (frozen_worker.py) is no part of Rasa, nor is SetFit, which --setfit
trains too, once (setfit_worker.py), beside what was measured on the same machine. On MASSIVE each is trained once,
DIET for 1 and for 3 of its 100 epochs: by what the two more took, 100 are calculated. DIET's batches grow from 64 to
256 from its first epoch to its last, so that the two are quicker than the mean of 100, and DIET is rather slower than
it says here (`massive.py --methods diet` trains all 100, for hours). Writes benchmarks/results/training_time.json and
training_time.md; what is not measured (`--rounds 0`, no `--data`) stays there as it is, as do rows of MASSIVE that are
there already.

--one-core gives all to one core, the last, so that the other is free for other work.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from massive import FROZEN, calculated, calibration_error
from pipelines import config, diet, logistic_regression, ours
from rasa_runs import RESULTS, existing, limit_threads, machine, run, taken, trained_and_scored, worker, write_table
from serving import ROOT
from sklearn.model_selection import train_test_split

from rasa_bert_intent.data.examples import read_examples
from rasa_bert_intent.data.rasa_nlu import annotated, write_examples

PIPELINES: dict[str, Callable[[int], list[dict[str, Any]]]] = {
    "ours": lambda seed: ours(random_seed=seed),
    "DIET": lambda seed: diet(random_seed=seed),
    "LogisticRegression": lambda seed: logistic_regression(random_state=seed),
}
_FROZEN = "frozen encoder, logistic regression"
WORKERS = {_FROZEN: "frozen_worker", "SetFit": "setfit_worker"}
# By massive.py's names.
LARGE = {
    "lora": ours(),
    "head": ours(method="head"),
    "diet, 1 epoch": diet(epochs=1),
    "diet, 3 epochs": diet(epochs=3),
    "diet-without-entities, 1 epoch": diet(epochs=1, entity_recognition=False),
    "diet-without-entities, 3 epochs": diet(epochs=3, entity_recognition=False),
    "logistic-regression": logistic_regression(),
    FROZEN: None,
    "full": ours(method="full"),
}
EXAMPLES = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=existing, help="MASSIVE, as rasa-bert-intent convert takes it (default: not)")
    parser.add_argument("--setfit", action="store_true")
    parser.add_argument("--one-core", action="store_true")
    args = parser.parse_args()
    if args.setfit and find_spec("setfit") is None:
        parser.error("--setfit needs setfit: pip install setfit")
    on = machine()
    if args.one_core:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        limit_threads(1)
        on = f"1 of the {on}"
    file = RESULTS / "training_time.json"
    result: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}

    def keep(part: str, measured: dict[str, Any]) -> None:
        result[part] = {"machine": on, **measured}
        file.write_text(json.dumps(result, indent=1) + "\n")
        write_table("training_time", table)

    with tempfile.TemporaryDirectory() as scratch:
        bot = Path(scratch)
        (bot / "domain.yml").write_text('version: "3.1"\n')
        measured_on = result.get("small", {}).get("machine", "no machine")
        if args.rounds:
            former = result["small"]["rows"] if measured_on == on else {}
            measured = small(bot, args.rounds)
            keep("small", {**measured, "rows": former | measured["rows"]})
        if args.setfit:
            if result.get("small", {}).get("machine") != on:
                sys.exit(f"The others were measured on {measured_on}: give --rounds too.")
            draw(bot)
            result["small"]["rows"]["SetFit"] = {key: [value] for key, value in by_worker(bot, "SetFit").items()}
            keep("small", result["small"])
        if args.data:
            convert = ["convert", str(args.data.resolve()), "--split", "train", "--output-dir", "massive"]
            run(bot, "rasa_bert_intent.cli", *convert)
            rows = result["large"]["rows"] if result.get("large", {}).get("machine") == on else {}
            for name in [name for name in LARGE if name not in rows]:
                pipeline = LARGE[name]
                if pipeline is None:
                    rows[name] = worker(bot, "frozen_worker", "massive/train", "frozen")
                else:
                    rows[name] = train(bot, "massive/train", name, pipeline)
                rows[name] |= taken()
                keep("large", {"rows": rows})


def small(bot: Path, rounds: int) -> dict[str, Any]:
    intents, rest = draw(bot)
    rows: dict[str, dict[str, list[float]]] = {name: {} for name in (*PIPELINES, _FROZEN)}
    for seed in range(1, rounds + 1):
        for name, row in rows.items():
            took = by_worker(bot, name) if name == _FROZEN else by_rasa(bot, name, seed)
            for column, value in took.items():
                row.setdefault(column, []).append(value)
    return {"intents": intents, "rest": rest, "rows": rows, **taken()}


def by_rasa(bot: Path, name: str, seed: int) -> dict[str, float]:
    took = train(bot, "train.yml", name, PIPELINES[name](seed))
    test = ["rasa", "test", "nlu", "--nlu", "rest.yml", "--model", f"models/{name}.tar.gz", "--out", name]
    run(bot, *test, "--no-plot", "--successes")
    report = json.loads((bot / name / "intent_report.json").read_text())
    scores = {"macro_f1": report["macro avg"]["f1-score"], "ece": calibration_error(bot / name)}
    return {**took, "accuracy": report["accuracy"], **scores}


def draw(bot: Path) -> tuple[int, int]:
    """Writes the examples to train on and the others; returns the number of intents, and of the others."""
    texts, intents = read_examples(ROOT / "example_bot" / "data" / "nlu")
    chosen, rest, of_chosen, of_rest = train_test_split(
        texts, intents, train_size=EXAMPLES, stratify=intents, random_state=0
    )
    write(bot / "train.yml", chosen, of_chosen)
    write(bot / "rest.yml", rest, of_rest)
    return len(set(intents)), len(rest)


def by_worker(bot: Path, name: str) -> dict[str, float]:
    found = trained_and_scored(bot, WORKERS[name], "train.yml", "rest.yml", name)
    print("train.yml", name, found, flush=True)
    return found


def train(bot: Path, data: str, name: str, pipeline: list[dict[str, Any]]) -> dict[str, float]:
    (bot / "config.yml").write_text(config(pipeline))
    shutil.rmtree(bot / ".rasa", ignore_errors=True)  # else what was trained before is taken from there
    took = run(bot, "rasa", "train", "nlu", "--nlu", data, "--fixed-model-name", name)
    print(data, name, took, flush=True)
    return took


def write(path: Path, texts: list[str], intents: list[str]) -> None:
    of_intents: dict[str, list[str]] = {}
    for text, intent in zip(texts, intents, strict=True):
        of_intents.setdefault(intent, []).append(annotated(text))
    write_examples(path, of_intents, "The example bot's examples → `benchmarks/training_time.py`")


def table(result: dict[str, Any]) -> str:
    command = "`python benchmarks/training_time.py --setfit --data PATH_TO_MASSIVE`"
    lines = ["# Training time", "", f"{command}: `rasa train nlu` from its start to its end."]
    if "small" in result:
        lines += of_small(result["small"])
    if "large" in result:
        lines += of_large(result["large"])
    return "\n".join(lines) + "\n"


def of_small(result: dict[str, Any]) -> list[str]:
    lines = [
        "",
        f"A bot of {EXAMPLES} examples of {result['intents']} intents, on {result['machine']}; median and range; "
        f"accuracy, macro-F1 and ECE on {result['rest']:,} others, mean and range:",
        "",
        "| pipeline | s | against DIET | peak memory, MB | accuracy % | macro-F1 % | ECE |",
        "| --- " * 7 + "|",
    ]
    medians = {name: statistics.median(row["seconds"]) for name, row in result["rows"].items()}
    for name, row in result["rows"].items():
        low, high = min(row["seconds"]), max(row["seconds"])
        cells = [
            name,
            f"{medians[name]:.0f} ({low:.0f} to {high:.0f})",
            f"{medians[name] / medians['DIET']:.2f}",
            f"{max(row['peak_mb']):.0f}",
            mean_and_range([100 * value for value in row["accuracy"]], 1),
            mean_and_range([100 * value for value in row.get("macro_f1", [])], 1),
            mean_and_range(row.get("ece", []), 3),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def mean_and_range(values: list[float], digits: int) -> str:
    if not values:
        return ""
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})" if len(values) > 1 else mean


def of_large(result: dict[str, Any]) -> list[str]:
    rows = result["rows"]
    lines = ["", f"MASSIVE en-US, on {result['machine']}:", ""]
    lines += ["| method | s | ours (lora) against it | peak memory, MB |", "| --- " * 4 + "|"]

    def against(seconds: float) -> str:
        return f"{rows['lora']['seconds'] / seconds:.3f}"

    for name in [name for name in LARGE if name in rows]:
        seconds = rows[name]["seconds"]
        cell = "" if "epoch" in name else against(seconds)
        lines.append(f"| {name} | {seconds:,.0f} | {cell} | {rows[name]['peak_mb']:.0f} |")
    for method in ("diet", "diet-without-entities"):
        if whole := calculated(rows, method):
            lines.append(f"| {method}, 100 epochs, calculated | {whole:,.0f} | {against(whole)} | |")
    return lines


if __name__ == "__main__":
    main()
