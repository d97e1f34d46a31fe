"""`rasa-bert-intent tune`: better options than the defaults, by search."""

from __future__ import annotations

import argparse
import importlib.util
import math
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasa_bert_intent.cli.arguments import refuse
from rasa_bert_intent.errors import DataError, OptionsError
from rasa_bert_intent.tuning.space import PARAMETERS

if TYPE_CHECKING:
    from rasa_bert_intent.tuning.search import Search

_EXTRA = "pip install 'rasa-bert-intent[tune]'"
_TRIALS = 30
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1, "": 1}
_FILES = ("pipeline.yml", "trials.csv", "report.html")
# Beside them: of which search they are.
_NOTE = "search.txt"


def add_parser(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "tune",
        help="search for better options than the defaults",
        description="Searches options by Optuna, and prints the entry for config.yml with its gain over the defaults "
        "on examples that the search did not see. The same command goes on with a search that was stopped or killed, "
        "and in a second terminal joins it. Needs the extra 'tune'.",
    )
    parser.add_argument("data", type=Path, help="Rasa NLU data (file or folder), or .jsonl with text and intent")
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the bot's config.yml: its options are the defaults, and stay"
    )
    parser.add_argument(
        "--options",
        type=lambda text: [name.strip() for name in text.split(",") if name.strip()],
        default=[],
        metavar="A,B",
        help=f"search these; they may be {', '.join(each.name for each in PARAMETERS)} (default: those before "
        f"{next(each.name for each in PARAMETERS if not each.by_default)}, but for what --config sets)",
    )
    parser.add_argument(
        "--metric", choices=("macro-f1", "accuracy"), default="macro-f1", help="what is made better (default: macro-f1)"
    )
    data = parser.add_argument_group("what trials are measured on")
    data.add_argument("--dev", type=Path, metavar="DATA", help="examples to measure on (default: cross-validation)")
    folds = data.add_argument("--folds", type=int, default=5, metavar="N", help="of the cross-validation (default: 5)")
    data.add_argument("--test", type=Path, metavar="DATA", help="examples for the final comparison")
    fraction = data.add_argument(
        "--test-fraction",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="without --test: the share of the data that is set aside for it (default: 0.2)",
    )
    data.add_argument(
        "--trainings", type=int, default=3, metavar="N", help="of each side in the final comparison (default: 3)"
    )
    budget = parser.add_argument_group("budget")
    budget.add_argument(
        "--trials", type=int, metavar="N", help=f"that the search shall have in all (default: {_TRIALS}, or as --time)"
    )
    budget.add_argument("--time", metavar="TIME", help="begin no trial after 90s, 30m, 8h, 1h30m or 2d from now")
    budget.add_argument("--workers", type=int, default=1, metavar="N", help="processes at work (default: 1)")
    kept = parser.add_argument_group("where it is kept")
    kept.add_argument(
        "--output",
        type=Path,
        default=Path("tuning"),
        metavar="DIR",
        help=f"for {', '.join(_FILES)} (default: tuning)",
    )
    kept.add_argument(
        "--study",
        metavar="FILE",
        help="SQLite file, or a database's URL such as postgresql://user@host/name (default: DIR/study.db)",
    )
    kept.add_argument("--name", default="tune", help="of the study in there (default: tune)")
    parser.set_defaults(run=run, groups={"cross-validation": [folds], "set aside": [fraction]})


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    if importlib.util.find_spec("optuna") is None:
        raise DataError(f"optuna is not installed: {_EXTRA}")
    search = _search(args)
    from rasa_bert_intent.reports.files import write_text
    from rasa_bert_intent.reports.html import EXTRA, html_is_possible
    from rasa_bert_intent.tuning import report
    from rasa_bert_intent.tuning.search import run as run_search

    try:
        outcome = run_search(search)
    except KeyboardInterrupt:
        print("what was found is kept: the same command goes on", file=sys.stderr)
        raise
    note = _check_output(args.output, search.address, search.name)  # another one may have ended meanwhile
    write_text(args.output / _NOTE, note)
    write_text(args.output / "trials.csv", report.trials_table(search, outcome.study))
    write_text(args.output / "pipeline.yml", report.pipeline_file(search, outcome))
    if html_is_possible():
        write_text(args.output / "report.html", report.to_html(search, outcome))
    else:
        print(f"report.html is left out, which needs plotly and jinja2: {EXTRA}", file=sys.stderr)
    print(report.summary(search, outcome))
    return 0


def _search(args: argparse.Namespace) -> Search:
    """What the arguments ask for; all that can be wrong with them is told before anything is trained."""
    from rasa_bert_intent.config import Options
    from rasa_bert_intent.config_file import read_config
    from rasa_bert_intent.cpus import available_cpus
    from rasa_bert_intent.tuning.space import space_of
    from rasa_bert_intent.tuning.task import read_task

    for name, least in (("folds", 2), ("trainings", 1), ("trials", 1), ("workers", 1)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise DataError(f"--{name}: expected a whole number from {least}, got {value}.")
    if not 0 < args.test_fraction < 1:
        raise DataError(f"--test-fraction: expected a number above 0 and below 1, got {args.test_fraction:g}.")
    if args.dev:
        refuse(args, args.groups["cross-validation"], args.dev, "development examples, in the place of folds")
    if args.test:
        refuse(args, args.groups["set aside"], args.test, "test examples, in the place of a share of the data")
    until = math.inf if args.time is None else time.time() + _seconds(args.time)
    config = read_config(args.config) if args.config else {}
    if config.pop("trained_model", None) is not None:
        print(
            "--config: trained_model is left out: a bot that takes it trains nothing, by whatever options",
            file=sys.stderr,
        )
    seed = Options.from_config(config).random_seed
    task = read_task(
        args.data, dev=args.dev, folds=args.folds, test=args.test, test_fraction=args.test_fraction, seed=seed
    )
    space = space_of(config, args.options, len(task.train), len(set(task.train.intents)))
    _check_places(args)
    from rasa_bert_intent.tuning.search import Search
    from rasa_bert_intent.tuning.storage import address_of

    address = address_of(args.study or str(args.output / "study.db"))
    _check_output(args.output, address, args.name)
    return Search(
        task=task,
        space=space,
        metric=args.metric,
        address=address,
        name=args.name,
        trials=args.trials or (None if args.time else _TRIALS),
        until=until,
        trainings=args.trainings,
        workers=args.workers,
        threads=max(1, available_cpus() // args.workers),
    )


def _seconds(text: str) -> float:
    """Seconds of a time such as `1h30m`."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([dhms]?)", text)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    half_said = len(parts) > 1 and not all(unit for _, unit in parts)  # "1h30"
    if "".join(number + unit for number, unit in parts) != text or half_said or not seconds:
        raise OptionsError(f"--time: expected a time such as 90s, 30m, 8h or 1h30m, got {text!r}.")
    return seconds


def _check_places(args: argparse.Namespace) -> None:
    """Makes the folder for the output, and asks for that of the study."""
    try:
        args.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"--output: {args.output} cannot be made ({error.strerror}). Give another.") from None
    if args.study and "://" in args.study:
        return
    study = Path(args.study or args.output / "study.db")
    if not study.parent.is_dir():
        raise DataError(f"--study: the folder {study.parent} does not exist. Make it, or name another.")


def _check_output(output: Path, address: str, name: str) -> str:
    """Refuses a folder in which the output of another search would be lost; the note of which search it is then."""
    from rasa_bert_intent.tuning.storage import file_of, place_of

    note = f"{name} in {place_of(address, output)}\n"
    there = [each for each in _FILES if (output / each).exists()]
    if there:
        noted, study = output / _NOTE, file_of(address)
        known = noted.read_text("utf-8", "replace") if noted.is_file() else f"no {_NOTE} says which"
        if known == note and study and not study.exists():
            known = f"{study} is not there"
        if known != note:
            raise DataError(
                f"--output: {output} holds {there[0]} of another search ({known.strip()}). Give another --output, or "
                "the --study and --name of that search, or move its files away."
            )
    return note
