"""``rasa-bert-intent convert``: MASSIVE to Rasa NLU training data."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from rasa_bert_intent.data.convert import Selection, convert
from rasa_bert_intent.data.massive import SPLITS

_NOTES_SHOWN = 5


def add_parser(subparsers: Any) -> None:
    """Register ``convert`` with the subparsers of the command line."""
    parser = subparsers.add_parser(
        "convert",
        help="convert Amazon MASSIVE to Rasa NLU training data",
        description="Convert Amazon MASSIVE to Rasa NLU training data: DIR/{train,dev,test}/nlu.yml and "
        "DIR/domain.yml, or DIR/LOCALE/... for several locales. Train on DIR/train alone: Rasa reads every file below "
        "the folder that it is given.",
    )
    parser.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="the release's tar.gz, its folder, one .jsonl of it, or the hub form (train, validation and test as "
        ".jsonl or .parquet)",
    )
    parser.add_argument("--output-dir", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument(
        "--locale",
        nargs="+",
        action="extend",
        metavar="LOCALE",
        help="one or more, for example en-US de-DE, or all (default: en-US); the hub form takes one, as a name",
    )
    parser.add_argument("--split", nargs="+", choices=SPLITS, default=SPLITS, help="which to write (default: all)")
    parser.add_argument("--intents", nargs="+", default=(), metavar="INTENT", help="only these intents")
    parser.add_argument(
        "--scenarios",
        nargs="+",
        default=(),
        metavar="SCENARIO",
        help="only the intents of these scenarios; added to --intents where both are given",
    )
    parser.add_argument(
        "--max-per-intent",
        type=int,
        metavar="N",
        help="write at most N examples of each intent to train, chosen at random; dev and test stay whole",
    )
    parser.add_argument("--seed", type=int, default=0, help="of that choice (default: 0)")
    parser.add_argument("--no-entities", dest="entities", action="store_false", help="leave out entity annotations")
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="JSON list of the intents by number, for a hub form without label_text (default: hub_label_order.json "
        "beside it)",
    )
    parser.add_argument("--force", action="store_true", help="replace a former conversion in DIR")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Convert and print one line for each locale; what could not be carried over goes to stderr."""
    locales = args.locale or ["en-US"]
    summaries = convert(
        args.source,
        args.output_dir,
        locales=None if "all" in locales else locales,
        selection=Selection(
            splits=args.split,
            intents=args.intents,
            scenarios=args.scenarios,
            entities=args.entities,
            max_per_intent=args.max_per_intent,
            seed=args.seed,
        ),
        labels=args.labels,
        force=args.force,
        progress=True,
    )
    for summary in summaries:
        for note in summary.notes[:_NOTES_SHOWN]:
            print(note, file=sys.stderr)
        if len(summary.notes) > _NOTES_SHOWN:
            print(f"... and {len(summary.notes) - _NOTES_SHOWN} more in {summary.locale}", file=sys.stderr)
        print(summary)
    return 0
