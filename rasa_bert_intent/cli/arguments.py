"""Arguments that several commands take."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rasa_bert_intent.data.table import QUOTES, TableForm, column_names
from rasa_bert_intent.errors import DataError

_NOTES_SHOWN = 5


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds `model`, the path that `rasa_bert_intent.archive.open_model` opens."""
    parser.add_argument("model", type=Path, help="Rasa's archive (.tar.gz), a folder of archives, or a model directory")


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Adds `--seed`, of what is drawn at random."""
    help_ = "of what is chosen at random (default: 0)"
    parser.add_argument("--seed", type=whole_number(0, (1 << 32) - 1), default=0, metavar="N", help=help_)


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """What reads an argument as a whole number of a range."""

    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"expected a whole number from {low} to {high}, got {text!r}")
        return int(text)

    return read


def number(low: float, high: float, what: str = "a number") -> Callable[[str], float]:
    """What reads an argument as a number of a range."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected {what} from {low:g} to {high:g}, got {text!r}")
        return value

    return read


probability = number(0, 1)


def add_table(group: Any) -> list[argparse.Action]:
    """Adds what says where a table has its texts and labels, and how it is written."""
    return [
        group.add_argument("--text-column", metavar="COLUMN", help="its name in the first row, or its number from 1"),
        group.add_argument("--label-column", metavar="COLUMN", help="likewise"),
        *add_table_form(group),
    ]


def add_table_form(group: Any) -> list[argparse.Action]:
    """Adds what says how a table is written."""
    return [
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
    ]


def add_locales(group: Any) -> argparse.Action:
    """Adds which languages of MASSIVE to read."""
    return group.add_argument(
        "--locale",
        nargs="+",
        action="extend",
        metavar="LOCALE",
        help="one or more, for example en-US de-DE, or all (default: en-US); the hub form takes one, as a name",
    )


def chosen_locales(args: argparse.Namespace) -> list[str] | None:
    """What `add_locales` was given; None: all."""
    locales = args.locale or ["en-US"]
    return None if "all" in locales else locales


def table_form(args: argparse.Namespace) -> TableForm:
    """What `add_table_form` was given."""
    return TableForm(header=args.header, delimiter=args.delimiter, quotes=args.quotes, encoding=args.encoding)


def require_columns(args: argparse.Namespace, source: Path, *names: str) -> None:
    """Asks for columns of a table that were not given, with those that it has.

    Raises:
        DataError: naming the first option that is missing.
    """
    for name in names:
        if not getattr(args, name):
            if not source.is_file():
                raise DataError(f"{source} does not exist, or is no file. Check the path.")
            found = column_names(source, table_form(args))
            option = f"--{name.replace('_', '-')}"
            raise DataError(f"{option} is missing; the first row of {source} is {found}: name one, or its number")


def refuse(args: argparse.Namespace, actions: Sequence[argparse.Action], source: Path, kind: str) -> None:
    """Refuses options of another kind of source, which would do nothing.

    Raises:
        DataError: naming the first of them that was given.
    """
    if option := first_given(args, actions):
        raise DataError(f"{option} is not for {source}, which is taken for {kind}")


def first_given(args: argparse.Namespace, actions: Sequence[argparse.Action]) -> str:
    """The first of some options that is not as it would be anyway; empty: all are."""
    given = (action.option_strings[0] for action in actions if getattr(args, action.dest) != action.default)
    return next(given, "")


def print_notes(notes: Sequence[str], where: str) -> None:
    """Tells the first few notes about data, on standard error."""
    for note in notes[:_NOTES_SHOWN]:
        print(note, file=sys.stderr)
    if len(notes) > _NOTES_SHOWN:
        print(f"... and {len(notes) - _NOTES_SHOWN} more {where}", file=sys.stderr)
