"""What FallbackClassifier refuses in small bots, and how honest their confidences are, by the core alone.

    python benchmarks/small_bots.py --data PATH_TO_MASSIVE

PATH_TO_MASSIVE is whatever `rasa-bert-intent convert` takes. A bot is a few intents of en-US that a seed draws, with a
few training rows of each and the default options. Asked are the development rows of its intents, and as out of scope
those of all other intents, which are much like them. Nothing is refused rightly but what is out of scope; the threshold
is 0.5. The calibration error (ECE, 15 bins) is of the bot's own messages, and of these with a quarter and with as many
out of scope beside them, which no answer is right for. Each bot's result goes to
results/small_bots/INTENTS-EXAMPLES-SEED.json (one that is there already is not repeated), and all of them into
small_bots.md. With --models FOLDER the models stay there, and those that are there are not trained again: only what
comes after the training is done anew (the export, P(in scope), the calibration), as after a change to it.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from out_of_scope import first_of_each, trained
from rasa_runs import RESULTS, existing, machine, spread, write_table

from rasa_bert_intent import IntentModel, Options
from rasa_bert_intent.data.massive import Row, read_locales
from rasa_bert_intent.reports.metrics import auroc, expected_calibration_error

RUNS = RESULTS / "small_bots"
ASKED = 600
THRESHOLD = 0.5
SHARES = {"ece": 0.0, "ece_with_a_quarter": 0.25, "ece_with_as_many": 1.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=existing, required=True, help="MASSIVE, as rasa-bert-intent convert takes it")
    parser.add_argument("--intents", nargs="+", type=int, default=[3, 6, 12, 25])
    parser.add_argument("--examples", nargs="+", type=int, default=[5, 10, 20], help="of each intent")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="keeps the trained models, and takes those there")
    args = parser.parse_args()
    RUNS.mkdir(parents=True, exist_ok=True)
    _, rows = next(iter(read_locales(args.data, ["en-US"])))
    rows = list(rows)
    train, dev = ([row for row in rows if row.split == split] for split in ("train", "dev"))
    for seed in args.seeds:
        for intents in args.intents:
            for examples in args.examples:
                file = RUNS / f"{intents}-{examples}-{seed}.json"
                if not file.exists():
                    kept = args.models / file.stem if args.models else None
                    result = run_once(train, dev, intents, examples, seed, kept)
                    result = {"intents": intents, "an_intent": examples, "seed": seed, **result, "machine": machine()}
                    file.write_text(json.dumps(result, indent=1) + "\n")
                    print(result, flush=True)
    write_table("small_bots", table)


def run_once(
    rows: list[Row], dev: list[Row], intents: int, examples: int, seed: int, kept: Path | None
) -> dict[str, Any]:
    draw = random.Random(f"{seed} {intents} {examples}")
    counts = Counter(row.intent for row in rows)
    own = set(draw.sample(sorted(intent for intent, count in counts.items() if count >= examples), intents))
    train = [row for row in rows if row.intent in own]
    draw.shuffle(train)
    train = first_of_each(train, examples)
    dev = dev.copy()
    draw.shuffle(dev)
    inside = [row for row in dev if row.intent in own][:ASKED]
    outside = [row for row in dev if row.intent not in own][:ASKED]
    model = trained([row.text for row in train], [row.intent for row in train], Options(random_seed=seed), kept)
    return scores(model, inside, outside)


def scores(model: IntentModel, inside: list[Row], outside: list[Row]) -> dict[str, Any]:
    of_own = model.predict_proba([row.text for row in inside])
    right = np.array([model.labels[column] for column in of_own.argmax(axis=1)]) == [row.intent for row in inside]
    own, others = of_own.max(axis=1), model.predict_proba([row.text for row in outside]).max(axis=1)

    def calibration_error(share: float) -> float:
        count = min(len(own), int(len(others) / share) if share else len(own))
        strange = others[: round(share * count)]
        return expected_calibration_error(
            np.concatenate([own[:count], strange]), np.concatenate([right[:count], np.zeros(len(strange), dtype=bool)])
        )

    return {
        "accuracy": float(right.mean()),
        "auroc": auroc(own, others),
        "own_refused": float((own < THRESHOLD).mean()),
        "right_refused": float((own[right] < THRESHOLD).mean()),
        "others_refused": float((others < THRESHOLD).mean()),
        **{name: calibration_error(share) for name, share in SHARES.items()},
    }


def table(runs: list[dict[str, Any]]) -> str:
    lines = [
        "# Small bots",
        "",
        f"`python benchmarks/small_bots.py`, on {'; '.join(sorted({run['machine'] for run in runs}))}. Mean of the "
        f"bots ± standard deviation. Refused is what has a confidence below {THRESHOLD}; AUROC is of the confidence.",
        "",
        "| intents | examples of each | bots | accuracy % | AUROC, own and others' | others' refused % | own refused % "
        "| answered rightly, but refused % | ECE | with a quarter out of scope | with as many |",
        "| --- " * 11 + "|",
    ]
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for run in sorted(runs, key=lambda run: (run["intents"], run["an_intent"])):
        groups.setdefault((run["intents"], str(run["an_intent"])), []).append(run)
    for (intents, examples), mine in groups.items():
        cells = [str(intents), examples, str(len(mine)), *cells_of(mine)]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("| " + " | ".join(["all", "all", str(len(runs)), *cells_of(runs)]) + " |")
    return "\n".join(lines) + "\n"


def cells_of(runs: list[dict[str, Any]]) -> list[str]:
    columns = {"accuracy": 100, "auroc": 1, "others_refused": 100, "own_refused": 100, "right_refused": 100}
    columns |= dict.fromkeys(SHARES, 1)
    return [spread([factor * run[key] for run in runs], 1 if factor == 100 else 3) for key, factor in columns.items()]


if __name__ == "__main__":
    main()
