"""`rasa-bert-intent evaluate`: how good a trained model is on labelled examples."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score a trained model on labelled examples",
        description="Prints accuracy, macro-F1 and the scores of every intent, worst first.",
    )
    parser.add_argument("model", type=Path, help="Rasa's archive (.tar.gz), a folder of archives, or a model directory")
    parser.add_argument("data", type=Path, help="Rasa NLU data (file or folder), or .jsonl with text and intent")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the scores as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from rasa_bert_intent.archive import open_model
    from rasa_bert_intent.data.examples import read_examples
    from rasa_bert_intent.reports.metrics import accuracy, macro_f1, per_intent

    texts, truth = read_examples(args.data)
    model = open_model(args.model)
    confidences = model.predict_proba(texts)
    predicted = [model.labels[column] for column in confidences.argmax(axis=1)]
    scores = per_intent(truth, predicted)
    total = {"examples": len(texts), "accuracy": accuracy(truth, predicted), "macro_f1": macro_f1(truth, predicted)}
    print(f"{len(texts)} examples: accuracy {total['accuracy']:.4f}, macro-F1 {total['macro_f1']:.4f}\n")
    width = max(len(row.intent) for row in scores)
    print(f"{'intent':{width}}  precision  recall     F1  examples")
    for row in scores:
        print(f"{row.intent:{width}}  {row.precision:9.3f}  {row.recall:6.3f}  {row.f1:5.3f}  {row.support:8d}")
    if args.output:
        args.output.write_text(json.dumps({**total, "intents": [asdict(row) for row in scores]}, indent=1), "utf-8")
    return 0
