"""`rasa-bert-intent card`: a model's card in Markdown."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rasa_bert_intent.cli.arguments import add_model


def add_parser(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "card",
        help="write a model's card",
        description="Writes a model card in Markdown with the metadata of the Hugging Face hub: what the model was "
        "trained on and with, its scores where a report is given, and its limits. Nothing is said that the model or "
        "the report does not hold.",
    )
    add_model(parser)
    parser.add_argument("--report", type=Path, metavar="FILE", help="report.json that evaluate --output wrote")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to write (default: standard output)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from rasa_bert_intent.archive import model_directory
    from rasa_bert_intent.model_card import check_card, model_card, read_report
    from rasa_bert_intent.reports.files import check_file, write_text
    from rasa_bert_intent.storage import read_manifest

    if args.output:
        check_file(args.output)
        check_card(args.output)
    report = read_report(args.report) if args.report else None
    with model_directory(args.model) as directory:
        card = model_card(read_manifest(directory), report)
    if args.output:
        write_text(args.output, card)
    else:
        print(card, end="")
    return 0
