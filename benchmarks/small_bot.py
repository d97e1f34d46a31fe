"""How long `rasa train nlu` takes for a bot of 500 examples, and how often it is right on the bot's other examples.

    python benchmarks/small_bot.py

The examples are drawn from the example bot's own, its intents in their proportions. The pipelines take turns; the time
is the whole command's, its start included. Writes benchmarks/results/small_bot.json and small_bot.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

import yaml
from pipelines import config, diet, logistic_regression, ours
from rasa_runs import RESULTS, machine, run
from serving import ROOT
from sklearn.model_selection import train_test_split

from rasa_bert_intent.data.examples import read_examples

PIPELINES = {"ours": ours(), "DIET": diet(), "LogisticRegression": logistic_regression()}
EXAMPLES = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    texts, intents = read_examples(ROOT / "example_bot" / "data" / "nlu")
    train, rest, of_train, of_rest = train_test_split(
        texts, intents, train_size=EXAMPLES, stratify=intents, random_state=0
    )
    rows: dict[str, dict[str, Any]] = {name: {"seconds": [], "peak_mb": []} for name in PIPELINES}
    with tempfile.TemporaryDirectory() as scratch:
        bot = Path(scratch)
        (bot / "domain.yml").write_text('version: "3.1"\n')
        write(bot / "train.yml", train, of_train)
        write(bot / "rest.yml", rest, of_rest)
        for turn in range(args.rounds):
            for name, pipeline in PIPELINES.items():
                (bot / "config.yml").write_text(config(pipeline))
                shutil.rmtree(bot / ".rasa", ignore_errors=True)  # else what was trained before is taken from there
                took = run(bot, "rasa", "train", "nlu", "--nlu", "train.yml", "--fixed-model-name", name)
                print(turn, name, took, flush=True)
                for column, values in rows[name].items():
                    values.append(took[column])
        for name, row in rows.items():
            test = ["rasa", "test", "nlu", "--nlu", "rest.yml", "--model", f"models/{name}.tar.gz", "--out", name]
            run(bot, *test, "--no-plot")
            row["accuracy"] = json.loads((bot / name / "intent_report.json").read_text())["accuracy"]
    result = {"machine": machine(), "intents": len(set(intents)), "rest": len(rest), "rows": rows}
    (RESULTS / "small_bot.json").write_text(json.dumps(result, indent=1) + "\n")
    (RESULTS / "small_bot.md").write_text(table(result))


def write(path: Path, texts: list[str], intents: list[str]) -> None:
    of_intents: dict[str, list[str]] = {}
    for text, intent in zip(texts, intents, strict=True):
        of_intents.setdefault(intent, []).append(f"- {text}\n")
    nlu = [{"intent": intent, "examples": "".join(lines)} for intent, lines in of_intents.items()]
    path.write_text(yaml.safe_dump({"version": "3.1", "nlu": nlu}, allow_unicode=True))


def table(result: dict[str, Any]) -> str:
    lines = [
        f"# A bot of {EXAMPLES} examples",
        "",
        f"`python benchmarks/small_bot.py`, on {result['machine']}. {result['intents']} intents. `rasa train nlu` from "
        f"its start to its end, median and range; accuracy on the example bot's other {result['rest']:,} examples.",
        "",
        "| pipeline | training, s | against DIET | peak memory, MB | accuracy % |",
        "| --- " * 5 + "|",
    ]
    medians = {name: statistics.median(row["seconds"]) for name, row in result["rows"].items()}
    for name, row in result["rows"].items():
        low, high = min(row["seconds"]), max(row["seconds"])
        lines.append(
            f"| {name} | {medians[name]:.0f} ({low:.0f} to {high:.0f}) | {medians[name] / medians['DIET']:.2f} "
            f"| {max(row['peak_mb']):.0f} | {100 * row['accuracy']:.1f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
