"""`rasa-bert-intent train`: a model from examples, without Rasa."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasa_bert_intent.cli.arguments import (
    add_locales,
    add_table,
    chosen_locales,
    print_notes,
    refuse,
    require_columns,
    table_form,
)
from rasa_bert_intent.data.massive import SPLITS
from rasa_bert_intent.data.table import SUFFIXES
from rasa_bert_intent.errors import ModelError, OptionsError

if TYPE_CHECKING:
    from rasa_bert_intent.config import Options

_KINDS = "Rasa NLU data; a table takes --text-column and --label-column"


def add_parser(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "train",
        help="train a model without Rasa, on this machine",
        description="Trains a model as rasa train does, without Rasa, on any machine with Python 3.10 to 3.13, and "
        "writes its directory, which appears only when it is complete. A bot takes it by trained_model: DIR in "
        "config.yml; predict, evaluate and card take it as it is.",
    )
    parser.add_argument(
        "data",
        type=Path,
        metavar="DATA",
        help="Rasa NLU data (file or folder), .jsonl with text and intent, a table (CSV, TSV), or MASSIVE",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where to write the model")
    parser.add_argument("--force", action="store_true", help="replace a former model in DIR, once the new one is done")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="Rasa's config.yml with the classifier in it, or its options alone"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the classifier, such as epochs=4; goes before the config, and may be repeated",
    )
    massive = parser.add_argument_group("MASSIVE")
    groups = {
        "table": add_table(parser.add_argument_group("a table")),
        "MASSIVE": [
            add_locales(massive),
            massive.add_argument(
                "--split", nargs="+", choices=SPLITS, default=["train"], help="which to train on (default: train)"
            ),
        ],
    }
    parser.set_defaults(run=run, groups=groups)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from rasa_bert_intent.data.output import replaced_folder
    from rasa_bert_intent.doctor.texts import training_warnings
    from rasa_bert_intent.storage import check_replaceable

    package = logging.getLogger("rasa_bert_intent")
    package.setLevel(logging.INFO)  # what rasa train says too
    output = args.output.resolve()
    check_replaceable(output, args.force)
    _require_writable(output)
    options = _options(args)
    texts, intents = _examples(args)
    for warning in training_warnings(texts, intents):
        package.warning(warning)

    from rasa_bert_intent.training.fit import fit

    model = fit(texts, intents, options)
    with replaced_folder(output) as directory:
        model.save(directory)
    size = sum(file.stat().st_size for file in output.rglob("*")) / 1e6
    print(
        f"{args.output}: {len(model.labels)} intents, {size:.1f} MB. For a bot, set in its config.yml: "
        f"trained_model: {args.output}"
    )
    return 0


def _require_writable(output: Path) -> None:
    """Refuses, before hours of training, a place where nothing can be written."""
    parent = next(folder for folder in output.parents if folder.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)):
        raise ModelError(f"--output: nothing can be written in {parent}. Name another folder.")


def _options(args: argparse.Namespace) -> Options:
    from rasa_bert_intent.config import Options
    from rasa_bert_intent.config_file import parse_options, read_config

    given = parse_options(args.option)
    if "trained_model" in given:
        raise OptionsError("--option trained_model: train makes a model, and takes none. Remove it.")
    config = read_config(args.config) if args.config else {}
    config.pop("trained_model", None)  # where the bot takes what is trained here
    return Options.from_config({**config, **given})


def _examples(args: argparse.Namespace) -> tuple[Sequence[str], Sequence[str]]:
    from rasa_bert_intent.data.labelled import is_massive, read_massive, read_plain, read_table_examples

    if args.text_column or args.label_column or args.data.suffix.lower() in SUFFIXES:
        refuse(args, args.groups["MASSIVE"], args.data, "a table")
        require_columns(args, args.data, "text_column", "label_column")
        texts, intents, notes = read_table_examples(args.data, args.text_column, args.label_column, table_form(args))
        print_notes(notes, "notes")
        return texts, intents
    if is_massive(args.data):
        refuse(args, args.groups["table"], args.data, "MASSIVE; a table takes --text-column and --label-column")
        return read_massive(args.data, chosen_locales(args), args.split)
    refuse(args, [*args.groups["table"], *args.groups["MASSIVE"]], args.data, _KINDS)
    return read_plain(args.data)
