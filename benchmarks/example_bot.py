"""How well the example bot's own examples carry over: trained on them alone, scored on MASSIVE en-US test.

    python benchmarks/example_bot.py --data PATH_TO_MASSIVE

Three seeds through the real `rasa train nlu` with the bot's own config.yml. Results go to results/example_bot.json and
example_bot.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from rasa_runs import RESULTS, existing, machine, run, spread, write_table

BOT = Path(__file__).parents[1] / "example_bot"
CLASSIFIER = "- name: rasa_bert_intent.BertIntentClassifier\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=existing, required=True, help="MASSIVE, as rasa-bert-intent convert takes it")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        bot = Path(scratch) / "bot"
        shutil.copytree(
            BOT, bot, ignore=shutil.ignore_patterns("models", ".rasa", ".tensorboard", "results", "state.db*")
        )
        convert = ["convert", str(args.data.resolve()), "--split", "test", "--output-dir", "massive"]
        run(bot, "rasa_bert_intent.cli", *convert)
        runs = [run_once(bot, seed) for seed in args.seeds]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "example_bot.json").write_text(json.dumps({"machine": machine(), "runs": runs}, indent=1) + "\n")
    write_table("example_bot", table)


def run_once(bot: Path, seed: int) -> dict[str, Any]:
    config = (BOT / "config.yml").read_text().replace(CLASSIFIER, f"{CLASSIFIER}  random_seed: {seed}\n")
    (bot / "config.yml").write_text(config)
    run(bot, "rasa", "train", "nlu", "--nlu", "data", "--fixed-model-name", "bot")
    run(bot, "rasa_bert_intent.cli", "evaluate", "models/bot.tar.gz", "massive/test", "--output", "scores.json")
    scores = json.loads((bot / "scores.json").read_text())
    return {"seed": seed, "accuracy": scores["accuracy"], "macro_f1": scores["macro_f1"]}


def table(result: dict[str, Any]) -> str:
    runs = result["runs"]
    accuracy = spread([100 * one["accuracy"] for one in runs], 1)
    macro_f1 = spread([100 * one["macro_f1"] for one in runs], 1)
    return (
        "# The example bot on MASSIVE en-US test\n\n"
        f"`python benchmarks/example_bot.py`, on {result['machine']}. Mean of {len(runs)} seeds ± standard "
        "deviation.\n\n"
        "| trained on | test accuracy % | macro-F1 % |\n| --- | --- | --- |\n"
        f"| the bot's own examples | {accuracy} | {macro_f1} |\n"
    )


if __name__ == "__main__":
    main()
