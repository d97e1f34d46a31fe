"""`rasa-bert-intent check`: what is wrong with training data."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rasa_bert_intent.errors import DataError


def add_parser(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "check",
        help="find mistakes in training data",
        description="Names, with file and line: texts under several intents, intents with few examples, training "
        "examples that stand in the test data, likely wrong labels (needs the extra 'doctor'), and near-duplicates "
        "across intents. Exit status: 0, or 1 if the data cannot be read; with --strict also if anything is found.",
    )
    parser.add_argument("data", type=Path, help="Rasa NLU data (file or folder), or .jsonl with text and intent")
    parser.add_argument("--test", type=Path, metavar="DATA", help="test data, which should share no text with it")
    parser.add_argument("--encoder", metavar="NAME", help="directory or hub id (default: the classifier's default)")
    parser.add_argument(
        "--fast", action="store_true", help="only what needs no encoder: no wrong labels, no near-duplicates"
    )
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="findings shown of a kind (20; 0: all)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write every finding as JSON")
    parser.add_argument("--strict", action="store_true", help="exit status 1 if anything is found, for CI; see --fast")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from rasa_bert_intent.config import Options
    from rasa_bert_intent.data.examples import read_located
    from rasa_bert_intent.doctor.examine import examine
    from rasa_bert_intent.doctor.report import as_json, as_text
    from rasa_bert_intent.reports.files import check_file, write_text

    if args.fast and args.encoder:
        raise DataError("--encoder is not for --fast, which takes none: leave out one of them.")
    if args.output:
        check_file(args.output, args.data, *([args.test] if args.test else []))
    examples = read_located(args.data)
    test = read_located(args.test) if args.test else []
    encoder = None if args.fast else args.encoder or Options().encoder
    diagnosis = examine(examples, test=test, encoder=encoder)
    if args.output:  # first: a closed pipe ends the command at the print
        write_text(args.output, json.dumps(as_json(diagnosis), indent=1, ensure_ascii=False))
    print(as_text(diagnosis, max(args.limit, 0)))
    return 1 if args.strict and diagnosis.findings else 0
