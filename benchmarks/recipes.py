"""Every training recipe at several numbers of examples an intent, on MASSIVE en-US, by the core alone.

    python benchmarks/recipes.py --data PATH_TO_MASSIVE --sizes 5 10 --recipes default lora head

PATH_TO_MASSIVE is whatever `rasa-bert-intent convert` takes. The training rows of each size and seed are named by their
ids in massive_subsets.json. Scored are the development rows, which recipes may be chosen by, or, with --split test, the
test rows. "default" is LoRA with the contrastive term, from 15 examples an intent on with a cosine head beside it, and
from 100 on "lora". Below 15 every recipe learns the intents' names, which "default, no names" does not. Each run's
result goes to results/recipes/SPLIT-SIZE-RECIPE-SEED.json (a run that is there already is not repeated), and all of
them into recipes.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rasa_runs import RESULTS, existing, machine, spread, write_table
from scipy.special import softmax

from rasa_bert_intent import Options, fit
from rasa_bert_intent.data.massive import Row, read_locales
from rasa_bert_intent.reports.metrics import accuracy, expected_calibration_error, macro_f1

RUNS = RESULTS / "recipes"
SUBSETS = Path(__file__).parent / "massive_subsets.json"
_LORA = {"method": "lora", "classification_head": "linear", "contrastive_weight": 0}
RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    "default, no names": {"learn_intent_names": False},
    "untrained": {"epochs": 0},
    "head": {"method": "head", "classification_head": "linear"},
    "head, cosine": {"method": "head", "classification_head": "cosine"},
    "lora": _LORA,
    "lora, contrastive": {**_LORA, "contrastive_weight": 0.3},
    "lora, contrastive, cosine": {"method": "lora", "contrastive_weight": 0.3, "classification_head": "cosine"},
    "full": {"method": "full", "contrastive_weight": 0},
    "full, tuned": {"method": "full", "contrastive_weight": 0, "reinit_layers": 1, "layer_lr_decay": 0.9},
    "supervised stage": {**_LORA, "contrastive_stage": "supervised"},
    "unsupervised stage": {**_LORA, "contrastive_stage": "unsupervised"},
    "r_drop": {**_LORA, "r_drop": 0.5},
    "ema": {**_LORA, "ema_decay": 0.99},
    "balanced": {**_LORA, "balanced_batches": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=existing, required=True, help="MASSIVE, as rasa-bert-intent convert takes it")
    parser.add_argument("--sizes", nargs="+", type=int, default=[5, 10, 20, 50, 0], help="an intent; 0: all rows")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES), metavar="RECIPE")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--split", choices=["dev", "test"], default="dev")
    args = parser.parse_args()
    RUNS.mkdir(parents=True, exist_ok=True)
    _, rows = next(iter(read_locales(args.data, ["en-US"])))
    by_split: dict[str, list[Row]] = {}
    for row in rows:
        by_split.setdefault(row.split, []).append(row)
    for size in args.sizes:
        for seed in args.seeds:
            train = subset(by_split["train"], size, seed)
            for recipe in args.recipes:
                file = RUNS / f"{args.split}-{size}-{recipe.replace(', ', '-').replace(' ', '-')}-{seed}.json"
                if not file.exists():
                    result = run_once(train, by_split[args.split], recipe, seed)
                    result = {"split": args.split, "size": size, **result, "machine": machine()}
                    file.write_text(json.dumps(result, indent=1) + "\n")
                    print(result, flush=True)
    write_table("recipes", table)


def subset(rows: list[Row], size: int, seed: int) -> list[Row]:
    """The first `size` rows of every intent, in the order of the ids of a seed; 0: all rows."""
    if not size:
        return rows
    by_id = {row.id: row for row in rows}
    chosen: dict[str, list[Row]] = {}
    for name in json.loads(SUBSETS.read_text())[str(seed)]:
        of_intent = chosen.setdefault(by_id[name].intent, [])
        if len(of_intent) < size:
            of_intent.append(by_id[name])
    return [row for of_intent in chosen.values() for row in of_intent]


def run_once(train: list[Row], scored: list[Row], recipe: str, seed: int) -> dict[str, Any]:
    options = Options.from_config({"random_seed": seed, **RECIPES[recipe]})
    model = fit([row.text for row in train], [row.intent for row in train], options)
    texts = [row.text for row in scored]
    vectors = model.vectors(texts)
    raw, confidences = softmax(model.logits_of_features(vectors.features), axis=1), model.confidences(texts, vectors)
    truth = [row.intent for row in scored]
    answers = [model.labels[column] for column in confidences.argmax(axis=1)]
    right = [answer == intent for answer, intent in zip(answers, truth, strict=True)]
    return {
        "recipe": recipe,
        "seed": seed,
        "examples": len(train),
        "accuracy": accuracy(truth, answers),
        "macro_f1": macro_f1(truth, answers),
        "ece_uncalibrated": expected_calibration_error(raw.max(axis=1), right),
        "ece": expected_calibration_error(confidences.max(axis=1), right),
        "seconds": model.training["seconds"],
    }


def table(runs: list[dict[str, Any]]) -> str:
    lines = [
        "# Training recipes on MASSIVE en-US",
        "",
        f"`python benchmarks/recipes.py`, on {'; '.join(sorted({run['machine'] for run in runs}))}. Mean of the seeds "
        "± standard deviation; the calibration error (ECE, 15 bins) of the plain softmax and of the confidences as "
        "served (none: not measured since P(in scope) has been fitted otherwise).",
        "",
        "| scored | examples an intent | recipe | seeds | accuracy % | macro-F1 % | ECE before | ECE |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for split, size in sorted({(run["split"], run["size"] or 10**6) for run in runs}):
        for recipe in RECIPES:
            mine = [run for run in runs if (run["split"], run["size"] or 10**6, run["recipe"]) == (split, size, recipe)]
            if mine:
                cells = [
                    split,
                    "all" if size == 10**6 else str(size),
                    recipe,
                    ", ".join(str(run["seed"]) for run in mine),
                    spread([100 * run["accuracy"] for run in mine], 2),
                    spread([100 * run["macro_f1"] for run in mine], 2),
                    spread([run["ece_uncalibrated"] for run in mine], 3),
                    spread([run["ece"] for run in mine], 3) if all("ece" in run for run in mine) else "",
                ]
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
