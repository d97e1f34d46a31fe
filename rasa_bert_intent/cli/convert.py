"""``rasa-bert-intent convert``: a table of texts and labels, or MASSIVE, to Rasa NLU training data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rasa_bert_intent.cli.arguments import (
    add_locales,
    add_seed,
    add_table,
    chosen_locales,
    print_notes,
    refuse,
    require_columns,
    table_form,
)
from rasa_bert_intent.data.convert import Selection, convert
from rasa_bert_intent.data.convert_table import Shares, convert_table
from rasa_bert_intent.data.massive import SPLITS
from rasa_bert_intent.data.table import SUFFIXES


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
    add_seed(parser)
    groups = {
        "table": _add_table(parser.add_argument_group("a table")),
        "MASSIVE": _add_massive(parser.add_argument_group("MASSIVE")),
    }
    parser.set_defaults(run=run, groups=groups)


def _add_table(group: Any) -> list[argparse.Action]:
    return [
        *add_table(group),
        group.add_argument(
            "--dev-share", type=float, default=0.0, metavar="SHARE", help="write this share of each label to dev (0)"
        ),
        group.add_argument(
            "--test-share", type=float, default=0.0, metavar="SHARE", help="and this share to test, such as 0.2 (0)"
        ),
    ]


def _add_massive(group: Any) -> list[argparse.Action]:
    return [
        add_locales(group),
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
        refuse(args, args.groups["MASSIVE"], args.source, "a table")
        return _table(args)
    refuse(args, args.groups["table"], args.source, "MASSIVE; a table takes --text-column and --label-column")
    return _massive(args)


def _table(args: argparse.Namespace) -> int:
    require_columns(args, args.source, "text_column", "label_column")
    summary = convert_table(
        args.source,
        args.output_dir,
        args.text_column,
        args.label_column,
        form=table_form(args),
        shares=Shares(dev=args.dev_share, test=args.test_share, seed=args.seed),
        force=args.force,
    )
    print_notes(summary.notes, "notes")
    print(summary)
    return 0


def _massive(args: argparse.Namespace) -> int:
    summaries = convert(
        args.source,
        args.output_dir,
        locales=chosen_locales(args),
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
        print_notes(summary.notes, f"in {summary.locale}")
        print(summary)
    return 0
