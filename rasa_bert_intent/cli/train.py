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
from rasa_bert_intent.distributed.world import World, end_with_parent
from rasa_bert_intent.errors import BertIntentError, ModelError, OptionsError

if TYPE_CHECKING:
    from rasa_bert_intent.config import Options

logger = logging.getLogger(__name__)

# Between two checkpoints.
_STEPS = 200

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
    kept = parser.add_argument_group("checkpoints")
    kept.add_argument(
        "--checkpoints",
        type=Path,
        metavar="DIR",
        help="write checkpoints there; after a stop of any kind the same command goes on from the last one. They are "
        "removed when the model is there",
    )
    kept.add_argument(
        "--checkpoint-every",
        type=int,
        default=_STEPS,
        metavar="STEPS",
        help=f"how many steps a stop costs at most (default: {_STEPS})",
    )
    several = parser.add_argument_group("several processes (or start the command by torchrun or accelerate)")
    several.add_argument(
        "--ray-workers",
        type=int,
        metavar="N",
        help="train by so many processes on Ray, which starts those that die anew (needs the extra 'ray')",
    )
    several.add_argument(
        "--ray-address",
        metavar="HOST:PORT|auto",
        help="of a Ray cluster whose machines all see --output, --checkpoints and what the options name under the same "
        "paths (default: this machine)",
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
    """Runs the command, in each of the processes if several were started together."""
    world = World.of_environment()
    if world.launched:
        end_with_parent()
    # What rasa train says too; of several processes the first one says it.
    logging.getLogger("rasa_bert_intent").setLevel(logging.INFO if world.is_main else logging.ERROR)
    try:
        _run(args, world)
    except BertIntentError as error:
        if world.is_main:
            raise
        raise BertIntentError(f"process {world.rank + 1} of {world.size}: {error}") from None
    return 0


def _run(args: argparse.Namespace, world: World) -> None:
    from rasa_bert_intent.doctor.texts import training_warnings
    from rasa_bert_intent.storage import read_manifest

    output = args.output.resolve()
    if world.is_main:
        _check_places(args, output)
    options = _options(args)
    texts, intents = _examples(args, world)
    for warning in training_warnings(texts, intents):
        logger.warning(warning)

    from rasa_bert_intent.training.job import Job

    job = Job(texts, intents, options, output, args.checkpoints and args.checkpoints.resolve(), args.checkpoint_every)
    if args.ray_workers is None:
        job.run()
    else:
        from rasa_bert_intent.distributed.on_ray import train_on_ray

        train_on_ray(job, args.ray_workers, args.ray_address)
    if world.is_main:
        labels = read_manifest(output, check_files=False)["labels"]
        size = sum(file.stat().st_size for file in output.rglob("*")) / 1e6
        print(
            f"{args.output}: {len(labels)} intents, {size:.1f} MB. For a bot, set in its config.yml: "
            f"trained_model: {args.output}"
        )


def _check_places(args: argparse.Namespace, output: Path) -> None:
    """Refuses, before hours of training, places and numbers with which it could not end well."""
    from rasa_bert_intent.storage import check_replaceable

    check_replaceable(output, args.force)
    _require_writable(output)
    if args.checkpoints and args.checkpoints.resolve().is_relative_to(output):
        raise ModelError(f"--checkpoints: {args.checkpoints} lies in --output, which is replaced. Name another folder.")
    if args.ray_address is not None and args.ray_workers is None:
        raise OptionsError("--ray-address needs --ray-workers: how many processes of the cluster to take.")
    if args.checkpoint_every < 1:
        raise OptionsError(f"--checkpoint-every: expected a whole number from 1, got {args.checkpoint_every}.")


def _require_writable(output: Path) -> None:
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


def _examples(args: argparse.Namespace, world: World) -> tuple[Sequence[str], Sequence[str]]:
    from rasa_bert_intent.data.labelled import is_massive, read_massive, read_plain, read_table_examples

    if args.text_column or args.label_column or args.data.suffix.lower() in SUFFIXES:
        refuse(args, args.groups["MASSIVE"], args.data, "a table")
        require_columns(args, args.data, "text_column", "label_column")
        texts, intents, notes = read_table_examples(args.data, args.text_column, args.label_column, table_form(args))
        if world.is_main:
            print_notes(notes, "notes")
        return texts, intents
    if is_massive(args.data):
        refuse(args, args.groups["table"], args.data, "MASSIVE; a table takes --text-column and --label-column")
        return read_massive(args.data, chosen_locales(args), args.split)
    refuse(args, [*args.groups["table"], *args.groups["MASSIVE"]], args.data, _KINDS)
    return read_plain(args.data)
