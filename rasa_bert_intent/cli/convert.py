"""``rasa-bert-intent convert``: a table of texts and labels, or MASSIVE, to Rasa NLU training data."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rasa_bert_intent.data.convert import Selection, convert
from rasa_bert_intent.data.convert_table import Shares, convert_table
from rasa_bert_intent.data.massive import SPLITS
from rasa_bert_intent.data.table import QUOTES, SUFFIXES, TableForm, column_names
from rasa_bert_intent.errors import DataError

_NOTES_SHOWN = 5


def add_parser(subparsers: Any) -> None:
    """Register ``convert`` with the subparsers of the command line."""
    parser = subparsers.add_parser(
        "convert",
        help="convert a table (CSV, TSV) or Amazon MASSIVE to Rasa NLU training data",
        description="Convert to Rasa NLU training data: a table of texts and labels to DIR/train/nlu.yml and "
        "DIR/domain.yml, also DIR/{dev,test}/nlu.yml where these have a share; Amazon MASSIVE to "
        "DIR/{train,dev,test}/nlu.yml and DIR/domain.yml, or DIR/LOCALE/... for several locales. Train on DIR/train "
        "alone: Rasa reads every file below the folder that it is given.",
    )
    parser.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="a table; or of MASSIVE the release's tar.gz, its folder, one .jsonl of it, or the hub form (train, "
        "validation and test as .jsonl or .parquet)",
    )
    parser.add_argument("--output-dir", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument("--force", action="store_true", help="replace a former conversion in DIR")
    parser.add_argument("--seed", type=int, default=0, help="of what is chosen at random (default: 0)")
    groups = {
        "table": _add_table(parser.add_argument_group("a table")),
        "MASSIVE": _add_massive(parser.add_argument_group("MASSIVE")),
    }
    parser.set_defaults(run=run, groups=groups)


def _add_table(group: Any) -> list[argparse.Action]:
    return [
        group.add_argument("--text-column", metavar="COLUMN", help="its name in the first row, or its number from 1"),
        group.add_argument("--label-column", metavar="COLUMN", help="likewise"),
        group.add_argument(
            "--no-header", dest="header", action="store_false", help="the first row is an example; number the columns"
        ),
        group.add_argument(
            "--delimiter",
            metavar="CHARACTER",
            help="between columns: a character, tab, comma, semicolon or pipe (default: .csv comma, .tsv tab)",
        ),
        group.add_argument(
            "--quotes",
            choices=QUOTES,
            default="auto",
            help='csv: "..." holds delimiters and line breaks; none: a quote is a character, a line is a row; auto '
            "(the default): as every row has as many columns; if both ways do, csv, but none if tabs stand between "
            "columns and the ways differ",
        ),
        group.add_argument("--encoding", help="default: UTF-8, and Latin-1 for what is not; UTF-16 by its mark"),
        group.add_argument(
            "--dev-share", type=float, default=0.0, metavar="SHARE", help="write this share of each label to dev (0)"
        ),
        group.add_argument(
            "--test-share", type=float, default=0.0, metavar="SHARE", help="and this share to test, such as 0.2 (0)"
        ),
    ]


def _add_massive(group: Any) -> list[argparse.Action]:
    return [
        group.add_argument(
            "--locale",
            nargs="+",
            action="extend",
            metavar="LOCALE",
            help="one or more, for example en-US de-DE, or all (default: en-US); the hub form takes one, as a name",
        ),
        group.add_argument("--split", nargs="+", choices=SPLITS, default=SPLITS, help="which to write (default: all)"),
        group.add_argument("--intents", nargs="+", default=(), metavar="INTENT", help="only these intents"),
        group.add_argument(
            "--scenarios",
            nargs="+",
            default=(),
            metavar="SCENARIO",
            help="only the intents of these scenarios; added to --intents where both are given",
        ),
        group.add_argument(
            "--max-per-intent",
            type=int,
            metavar="N",
            help="write at most N examples of each intent to train, chosen at random; dev and test stay whole",
        ),
        group.add_argument("--no-entities", dest="entities", action="store_false", help="leave out entity annotations"),
        group.add_argument(
            "--labels",
            type=Path,
            metavar="FILE",
            help="JSON list of the intents by number, for a hub form without label_text (default: "
            "hub_label_order.json beside it)",
        ),
    ]


def run(args: argparse.Namespace) -> int:
    """Convert and print one line for each locale or table; what could not be carried over goes to stderr."""
    if args.text_column or args.label_column or args.source.suffix.lower() in SUFFIXES:
        _refuse(args, "MASSIVE", "a table")
        return _table(args)
    _refuse(args, "table", "MASSIVE; a table takes --text-column and --label-column")
    return _massive(args)


def _refuse(args: argparse.Namespace, group: str, kind: str) -> None:
    """Refuses options of the other kind of source, which would do nothing."""
    for action in args.groups[group]:
        if getattr(args, action.dest) != action.default:
            raise DataError(f"{action.option_strings[0]} is not for {args.source}, which is taken for {kind}")


def _table(args: argparse.Namespace) -> int:
    form = TableForm(header=args.header, delimiter=args.delimiter, quotes=args.quotes, encoding=args.encoding)
    if not (args.text_column and args.label_column):
        missing = "--label-column" if args.text_column else "--text-column"
        found = column_names(args.source, form) if args.source.is_file() else []
        raise DataError(f"{missing} is missing; the first row of {args.source} is {found}: name one, or its number")
    summary = convert_table(
        args.source,
        args.output_dir,
        args.text_column,
        args.label_column,
        form=form,
        shares=Shares(dev=args.dev_share, test=args.test_share, seed=args.seed),
        force=args.force,
    )
    _print_notes(summary.notes, "notes")
    print(summary)
    return 0


def _massive(args: argparse.Namespace) -> int:
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
        _print_notes(summary.notes, f"in {summary.locale}")
        print(summary)
    return 0


def _print_notes(notes: Sequence[str], where: str) -> None:
    for note in notes[:_NOTES_SHOWN]:
        print(note, file=sys.stderr)
    if len(notes) > _NOTES_SHOWN:
        print(f"... and {len(notes) - _NOTES_SHOWN} more {where}", file=sys.stderr)
