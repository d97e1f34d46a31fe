"""How well scores tell messages in scope from others, on MASSIVE's training and development rows, by the core alone.

    python benchmarks/out_of_scope.py --data PATH_TO_MASSIVE

PATH_TO_MASSIVE is whatever `rasa-bert-intent convert` takes. A model is trained on 30 rows an intent of en-US (or, with
--an-intent 0, on all) without 10 intents that a seed draws (or, with --leave SCENARIO, without the intents of a
scenario), and two kinds of messages are out of scope: the rows of the intents left out, whose words are much like those
that stayed, and the development rows of other languages. The table has the AUROC against the development rows of the
intents that stayed, of the largest softmax probability, the energy, the Mahalanobis distance, the similarity to the
fifth nearest example (kNN), the distance that P(in scope) is made of, and the confidence as it is served. Each run
goes to results/out_of_scope/LEFT-ROWS-SEED.json (a run that is there already is not repeated), and all of them into
out_of_scope.md. With --models FOLDER the models stay there, and those that are there are not trained again: only what
comes after the training is done anew (the export, P(in scope), the calibration), as after a change to it.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
from rasa_runs import RESULTS, existing, machine, spread, write_table
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.covariance import LedoitWolf

from rasa_bert_intent import IntentModel, Options, fit
from rasa_bert_intent.data.massive import Row, read_locales
from rasa_bert_intent.reports.metrics import accuracy, auroc
from rasa_bert_intent.scope import Energy, unit
from rasa_bert_intent.storage import MANIFEST
from rasa_bert_intent.training.calibration import fit_confidences
from rasa_bert_intent.training.export import export
from rasa_bert_intent.training.validation import split

RUNS = RESULTS / "out_of_scope"
LANGUAGES = ["ar-SA", "de-DE", "hi-IN", "ja-JP"]
INTENTS_LEFT_OUT = 10
ROWS_LEFT_OUT = 1500
SCORES = ("largest softmax", "energy", "Mahalanobis", "kNN", "distance", "confidence")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=existing, required=True, help="MASSIVE, as rasa-bert-intent convert takes it")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--leave", nargs="+", default=["10 intents"], metavar="SCENARIO", help="all: each in turn")
    parser.add_argument("--an-intent", type=int, default=30, help="training rows; 0: all")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="keeps the trained models, and takes those there")
    args = parser.parse_args()
    RUNS.mkdir(parents=True, exist_ok=True)
    if args.leave == ["all"]:
        args.leave = sorted({row.scenario for _, rows in read_locales(args.data, ["en-US"]) for row in rows})
    for left in args.leave:
        for seed in args.seeds:
            file = RUNS / f"{left.replace(' ', '-')}-{args.an_intent or 'all'}-{seed}.json"
            if not file.exists():
                kept = args.models / file.stem if args.models else None
                result = run_once(args.data, left, seed, args.an_intent, kept)
                result = {"left": left, "an_intent": args.an_intent, "seed": seed, **result, "machine": machine()}
                file.write_text(json.dumps(result, indent=1) + "\n")
                print(result, flush=True)
    write_table("out_of_scope", table)


def run_once(data: Path, left: str, seed: int, an_intent: int, kept: Path | None) -> dict[str, Any]:
    rows = {locale: list(of_locale) for locale, of_locale in read_locales(data, ["en-US", *LANGUAGES])}
    english = [row for row in rows["en-US"] if row.split != "test"]
    if left == "10 intents":
        gone = set(random.Random(seed).sample(sorted({row.intent for row in english}), INTENTS_LEFT_OUT))
    else:
        gone = {row.intent for row in english if row.scenario == left}
    random.Random(seed).shuffle(english)
    train = first_of_each([row for row in english if row.split == "train" and row.intent not in gone], an_intent)
    inside = [row for row in english if row.split == "dev" and row.intent not in gone]
    outside = {"intents left out": [row for row in english if row.intent in gone][:ROWS_LEFT_OUT]}
    outside |= {name: [row for row in rows[name] if row.split == "dev"][:ROWS_LEFT_OUT] for name in LANGUAGES}
    model = trained([row.text for row in train], [row.intent for row in train], Options(random_seed=seed), kept)
    assert model.scope is not None
    examples = unit(model.features([row.text for row in train]))
    own = np.array([model.labels.index(row.intent) for row in train])
    means = np.stack([examples[own == column].mean(axis=0) for column in range(len(model.labels))])
    precision = np.linalg.inv(LedoitWolf(assume_centered=True).fit(examples - means[own]).covariance_)
    known = examples, means, np.linalg.cholesky(precision)
    within = scores(model, inside, *known)
    confidences = model.predict_proba([row.text for row in inside])
    return {
        "accuracy": accuracy(
            [row.intent for row in inside], [model.labels[answer] for answer in confidences.argmax(axis=1)]
        ),
        "in_scope": float(confidences.sum(axis=1).mean()),
        "auroc": {
            name: {score: auroc(within[score], values) for score, values in scores(model, some, *known).items()}
            for name, some in outside.items()
        },
    }


def trained(texts: list[str], intents: list[str], options: Options, kept: Path | None) -> IntentModel:
    if kept is None or not (kept / MANIFEST).exists():
        model = fit(texts, intents, options)
        if kept is not None:
            model.save(kept)
        return model
    model = IntentModel.load(kept, trainable=True)
    train, held_out = split(model, texts, intents)
    model.graph = export(model, train, held_out)
    fit_confidences(model, train, held_out, fresh=True)
    return model


def first_of_each(rows: list[Row], number: int) -> list[Row]:
    chosen: dict[str, list[Row]] = {}
    for row in rows:
        chosen.setdefault(row.intent, []).append(row)
    return [row for of_intent in chosen.values() for row in of_intent[: number or None]]


def scores(
    model: IntentModel, rows: list[Row], examples: np.ndarray, means: np.ndarray, white: np.ndarray
) -> dict[str, np.ndarray]:
    texts = [row.text for row in rows]
    vectors = model.vectors(texts)
    features, messages = vectors.features, model.messages(texts, vectors)
    assert model.scope is not None
    values = (
        softmax(messages.logits, axis=1).max(axis=1),
        -Energy(model.in_scope)(messages),
        -cdist(unit(features) @ white, means @ white).min(axis=1),
        np.sort(unit(features) @ examples.T, axis=1)[:, -5],
        -model.scope.distance(messages),
        model.confidences(texts, vectors).max(axis=1),
    )
    return dict(zip(SCORES, values, strict=True))


def table(runs: list[dict[str, Any]]) -> str:
    lines = [
        "# Out of scope on MASSIVE",
        "",
        f"`python benchmarks/out_of_scope.py`, on {'; '.join(sorted({run['machine'] for run in runs}))}. AUROC, mean "
        "of the runs (a seed or a scenario each) ± standard deviation.",
        "",
        f"| left out | training rows an intent | runs | out of scope | {' | '.join(SCORES)} |",
        f"| --- | --- | --- | --- |{' --- |' * len(SCORES)}",
    ]
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for run in runs:
        groups.setdefault(("10 intents" if run["left"] == "10 intents" else "a scenario", run["an_intent"]), []).append(
            run
        )
    for (left, an_intent), mine in groups.items():
        for outside in mine[0]["auroc"]:
            cells = [spread([run["auroc"][outside][score] for run in mine], 3) for score in SCORES]
            lines.append(f"| {left} | {an_intent or 'all'} | {len(mine)} | {outside} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
