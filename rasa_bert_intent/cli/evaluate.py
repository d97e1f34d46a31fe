"""`rasa-bert-intent evaluate`: how good a trained model is on labelled examples."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasa_bert_intent.cli.arguments import add_model

if TYPE_CHECKING:
    from rasa_bert_intent.predictor import IntentPredictor
    from rasa_bert_intent.reports.evaluation import Prediction


def add_parser(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "evaluate",
        help="score a trained model on labelled examples",
        description="Prints, as Markdown, accuracy, macro-F1 and calibration, the threshold advised for "
        "FallbackClassifier, which intents are confused, and the scores of every intent, worst first.",
    )
    add_model(parser)
    parser.add_argument("data", type=Path, help="Rasa NLU data (file or folder), or .jsonl with text and intent")
    parser.add_argument(
        "--out-of-scope",
        type=Path,
        metavar="FILE",
        help="messages that the bot should refuse: .txt with one a line, .jsonl or Rasa NLU data, whatever the intents",
    )
    parser.add_argument(
        "--out-of-scope-intent",
        default="out_of_scope",
        metavar="INTENT",
        help="examples of this intent in the data should be refused too (default: out_of_scope)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="PATH",
        help="also write the report: a file .json, .md or .html, or a directory for all three and the model's card; "
        "HTML needs the extra 'report'",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from rasa_bert_intent.archive import model_directory
    from rasa_bert_intent.data.examples import read_messages
    from rasa_bert_intent.data.labelled import read_plain
    from rasa_bert_intent.model_card import check_card, model_card
    from rasa_bert_intent.reports.evaluation import evaluate
    from rasa_bert_intent.reports.files import report_files, write_report, write_text
    from rasa_bert_intent.reports.html import EXTRA, html_is_possible
    from rasa_bert_intent.reports.markdown import to_markdown
    from rasa_bert_intent.serving import load_to_serve
    from rasa_bert_intent.storage import CARD, read_manifest

    files = report_files(args.output) if args.output else []
    if len(files) > 1:
        check_card(files[0].with_name(CARD))
    texts, truth = read_plain(args.data)
    out_of_scope = read_messages(args.out_of_scope) if args.out_of_scope else []
    with model_directory(args.model) as directory:
        model, manifest = load_to_serve(directory), read_manifest(directory)
    evaluation = evaluate(
        _predict(model, texts),
        truth,
        model.labels,
        out_of_scope=_predict(model, out_of_scope),
        out_of_scope_intent=args.out_of_scope_intent,
        title=f"{args.model} on {args.data}",
        data=str(args.data) if args.data.name.strip(".") else args.data.resolve().name,
    )
    write_report(evaluation, files)  # first: a closed pipe ends the command at the print
    if len(files) > 1:
        write_text(files[0].with_name(CARD), model_card(manifest, asdict(evaluation)))
        if not html_is_possible():
            print(f"report.html is left out, which needs plotly and jinja2: {EXTRA}", file=sys.stderr)
    print(to_markdown(evaluation), end="")
    return 0


def _predict(model: IntentPredictor, texts: Sequence[str]) -> list[Prediction]:
    """What Rasa's FallbackClassifier would see of each text."""
    from rasa_bert_intent.ranking import rank
    from rasa_bert_intent.reports.evaluation import Prediction

    if not texts:
        return []
    length, renormalize = model.options.ranking_length, model.options.renormalize_confidences
    confidences = model.predict_proba(texts, model.batch_as_served)
    tops = [rank(model.labels, row, length, renormalize)[0] for row in confidences]
    return [Prediction(text, top["name"], top["confidence"]) for text, top in zip(texts, tops, strict=True)]
