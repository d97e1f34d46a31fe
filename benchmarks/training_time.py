"""How long `rasa train nlu` takes, ours beside DIET: for a bot of 500 examples, and for MASSIVE en-US.

    python benchmarks/training_time.py [--data PATH_TO_MASSIVE]

The 500 examples are drawn from the example bot's own, its intents in their proportions; the bot's other examples are
scored. The pipelines take turns, and the time is the whole command's, its start included. --setfit trains SetFit too,
once and without Rasa (setfit_worker.py), beside what was measured on the same machine. On MASSIVE each is trained once,
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
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipelines import config, diet, logistic_regression, ours
from rasa_runs import ENVIRONMENT, RESULTS, machine, run, write_table
from serving import ROOT
from sklearn.model_selection import train_test_split

from rasa_bert_intent.data.examples import read_examples
from rasa_bert_intent.data.rasa_nlu import annotated, write_examples

PIPELINES = {"ours": ours(), "DIET": diet(), "LogisticRegression": logistic_regression()}
LARGE = {
    "ours": ours(),
    "DIET, 1 epoch": diet(epochs=1),
    "DIET, 3 epochs": diet(epochs=3),
    "DIET, intents alone, 1 epoch": diet(epochs=1, entity_recognition=False),
    "DIET, intents alone, 3 epochs": diet(epochs=3, entity_recognition=False),
}
EXAMPLES = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="MASSIVE, as rasa-bert-intent convert takes it (default: not)")
    parser.add_argument("--setfit", action="store_true")
    parser.add_argument("--one-core", action="store_true")
    args = parser.parse_args()
    if args.setfit and find_spec("setfit") is None:
        parser.error("--setfit needs setfit: pip install setfit")
    on = machine()
    if args.one_core:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        ENVIRONMENT["OMP_NUM_THREADS"] = "1"
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
        if args.rounds:
            keep("small", small(bot, args.rounds))
        if args.setfit:
            if result["small"]["machine"] != on:
                sys.exit(f"The others were measured on {result['small']['machine']}: give --rounds too.")
            result["small"]["rows"]["SetFit"] = setfit(bot)
            keep("small", result["small"])
        if args.data:
            convert = ["convert", str(args.data.resolve()), "--split", "train", "--output-dir", "massive"]
            run(bot, "rasa_bert_intent.cli", *convert)
            rows = result["large"]["rows"] if result.get("large", {}).get("machine") == on else {}
            for name in [name for name in LARGE if name not in rows]:
                rows[name] = train(bot, "massive/train", name, LARGE[name])
                keep("large", {"rows": rows})


def small(bot: Path, rounds: int) -> dict[str, Any]:
    intents, rest = draw(bot)
    rows: dict[str, dict[str, Any]] = {name: {"seconds": [], "peak_mb": []} for name in PIPELINES}
    for _ in range(rounds):
        for name, pipeline in PIPELINES.items():
            took = train(bot, "train.yml", name, pipeline)
            for column, values in rows[name].items():
                values.append(took[column])
    for name, row in rows.items():
        test = ["rasa", "test", "nlu", "--nlu", "rest.yml", "--model", f"models/{name}.tar.gz", "--out", name]
        run(bot, *test, "--no-plot")
        row["accuracy"] = json.loads((bot / name / "intent_report.json").read_text())["accuracy"]
    return {"intents": intents, "rest": rest, "rows": rows}


def draw(bot: Path) -> tuple[int, int]:
    """Writes the examples to train on and the others; returns the number of intents, and of the others."""
    texts, intents = read_examples(ROOT / "example_bot" / "data" / "nlu")
    chosen, rest, of_chosen, of_rest = train_test_split(
        texts, intents, train_size=EXAMPLES, stratify=intents, random_state=0
    )
    write(bot / "train.yml", chosen, of_chosen)
    write(bot / "rest.yml", rest, of_rest)
    return len(set(intents)), len(rest)


def setfit(bot: Path) -> dict[str, Any]:
    draw(bot)
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    took = run(bot, "setfit_worker", "train.yml", "setfit", PYTHONPATH=path)
    print("train.yml SetFit", took, flush=True)
    run(bot, "setfit_worker", "rest.yml", "setfit", "--score", "setfit.json", PYTHONPATH=path)
    return {
        "seconds": [took["seconds"]],
        "peak_mb": [took["peak_mb"]],
        "accuracy": json.loads((bot / "setfit.json").read_text())["accuracy"],
    }


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
    lines = ["# Training time", "", "`python benchmarks/training_time.py`: `rasa train nlu` from its start to its end."]
    if "small" in result:
        lines += of_small(result["small"])
    if "large" in result:
        lines += of_large(result["large"])
    return "\n".join(lines) + "\n"


def of_small(result: dict[str, Any]) -> list[str]:
    lines = [
        "",
        f"A bot of {EXAMPLES} examples of {result['intents']} intents, on {result['machine']}; median and range; "
        f"accuracy on {result['rest']:,} others:",
        "",
        "| pipeline | s | against DIET | peak memory, MB | accuracy % |",
        "| --- " * 5 + "|",
    ]
    medians = {name: statistics.median(row["seconds"]) for name, row in result["rows"].items()}
    for name, row in result["rows"].items():
        low, high = min(row["seconds"]), max(row["seconds"])
        lines.append(
            f"| {name} | {medians[name]:.0f} ({low:.0f} to {high:.0f}) | {medians[name] / medians['DIET']:.2f} "
            f"| {max(row['peak_mb']):.0f} | {100 * row['accuracy']:.1f} |"
        )
    return lines


def of_large(result: dict[str, Any]) -> list[str]:
    rows = result["rows"]
    lines = ["", f"MASSIVE en-US, on {result['machine']}:", ""]
    lines += ["| pipeline | s | ours against it | peak memory, MB |", "| --- " * 4 + "|"]
    for name in [name for name in LARGE if name in rows]:
        lines.append(f"| {name} | {rows[name]['seconds']:,.0f} | | {rows[name]['peak_mb']:.0f} |")
    for name in ("DIET", "DIET, intents alone"):
        one, three = (rows.get(f"{name}, {epochs}") for epochs in ("1 epoch", "3 epochs"))
        if one and three:
            whole = one["seconds"] + 99 * (three["seconds"] - one["seconds"]) / 2
            against = f"{rows['ours']['seconds'] / whole:.3f}"
            lines.append(f"| {name}, 100 epochs, calculated | {whole:,.0f} | {against} | |")
    return lines


if __name__ == "__main__":
    main()
