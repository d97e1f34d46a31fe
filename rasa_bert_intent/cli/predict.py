"""`rasa-bert-intent predict`: intents of messages, without a bot."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from rasa_bert_intent.batches import whole_characters
from rasa_bert_intent.bulk.rows import JSON_LINES, Row, open_rows, opened
from rasa_bert_intent.cli.arguments import add_model, add_table_form, first_given, table_form
from rasa_bert_intent.data.table import SUFFIXES
from rasa_bert_intent.errors import DataError

_BAD_SHOWN = 5

# Endings of files that are not a message a line.
_STRUCTURED = (*SUFFIXES, *JSON_LINES, ".parquet")


def add_parser(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "predict",
        help="classify messages with a trained model",
        description="Classifies messages, and prints one JSON object a line: text, intent, p_in_scope (which the "
        "confidences of intents in scope contain), intent_ranking. With --output the input may be of any size: results "
        "go to a folder in parts, each with its rows' numbers; run again after a stop, it goes on where it was.",
    )
    add_model(parser)
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="messages; none: read --input")
    parser.add_argument(
        "--input",
        type=Path,
        metavar="FILE",
        help=".csv, .tsv, .jsonl or .parquet; any other has one message a line (default: lines of stdin)",
    )
    parser.add_argument(
        "--text-column", metavar="COLUMN", help="column or JSON key with the text (default: text, or utt)"
    )
    table = add_table_form(parser.add_argument_group("a table"))
    bulk = parser.add_argument_group("a file of any size")
    bulk.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder for part-000000.jsonl and so on, in order, bad rows with reasons in bad-000000.jsonl and so on",
    )
    parts = [
        bulk.add_argument("--chunk-size", type=int, default=10_000, metavar="N", help="rows a part (10000)"),
        bulk.add_argument("--form", choices=("jsonl", "parquet"), default="jsonl", help="of the parts (jsonl)"),
    ]
    ray = parser.add_argument_group("on Ray (needs --output, and the extra 'ray')")
    ray.add_argument("--ray", action="store_true", help="do the parts by several processes, each with the model")
    ray.add_argument(
        "--ray-workers", type=int, metavar="N", help="processes (default: one for each CPU, or GPU where one serves)"
    )
    ray.add_argument(
        "--ray-address",
        metavar="HOST:PORT|auto",
        help="of a Ray cluster whose machines all see the model, --input and --output under the same paths "
        "(default: this machine)",
    )
    parser.set_defaults(run=run, table=table, parts=parts)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    if args.texts and args.input:
        raise DataError("give messages or --input, not both.")
    if args.input and not args.input.is_file():
        raise DataError(f"--input: {args.input} is no file. Check the path.")
    if not args.ray and (args.ray_workers is not None or args.ray_address is not None):
        raise DataError("--ray-workers and --ray-address need --ray.")
    if not args.output and (option := first_given(args, args.parts)):
        raise DataError(f"{option} needs --output: it is of the parts.")
    is_table = args.input and args.input.suffix.lower() in SUFFIXES
    if not is_table and (option := first_given(args, args.table)):
        raise DataError(f"{option} is for --input of {', '.join(SUFFIXES)}.")
    if args.output:
        return _to_folder(args)
    if args.ray:
        raise DataError("--ray needs --output: the processes write the parts.")
    if args.text_column and not _is_structured(args.input):
        raise DataError(f"--text-column is for --input of {', '.join(_STRUCTURED)}.")
    from rasa_bert_intent.archive import open_model
    from rasa_bert_intent.bulk.score import TEXTS_AT_A_TIME, score

    model = open_model(args.model)
    with _progress(args) as bar, _messages(args) as messages:
        while texts := list(islice(messages, TEXTS_AT_A_TIME)):
            for row in score(model, texts):
                print(json.dumps(row, ensure_ascii=False))
            bar.update(len(texts))
    return 0


def _to_folder(args: argparse.Namespace) -> int:
    from rasa_bert_intent.bulk.job import Job
    from rasa_bert_intent.bulk.on_ray import OnRay
    from rasa_bert_intent.bulk.run import run

    if not args.input:
        raise DataError("--output needs --input: only a file can be gone on with after a stop.")
    if args.chunk_size < 1:
        raise DataError(f"--chunk-size is {args.chunk_size}; expected 1 or more.")
    if args.ray_workers is not None and args.ray_workers < 1:
        raise DataError(f"--ray-workers is {args.ray_workers}; expected 1 or more.")
    if args.form == "parquet":
        from rasa_bert_intent.bulk.parquet import require_pyarrow

        require_pyarrow()
    job = Job(
        model=args.model,
        source=args.input,
        output=args.output,
        text_column=args.text_column,
        table=table_form(args),
        chunk_size=args.chunk_size,
        form=args.form,
    )
    print(run(job, OnRay(args.ray_workers, args.ray_address) if args.ray else None))
    return 0


def _progress(args: argparse.Namespace) -> Any:
    """A bar on standard error, where somebody sees it and the answers go elsewhere."""
    from tqdm import tqdm

    total = None
    if args.input and not _is_structured(args.input):
        with opened(args.input) as file:
            total = sum(bool(line.strip()) for line in file)
    seen = sys.stderr.isatty() and not sys.stdout.isatty()
    return tqdm(total=total, unit=" messages", unit_scale=True, disable=not seen)


@contextmanager
def _messages(args: argparse.Namespace) -> Iterator[Iterator[str]]:
    if args.texts:
        yield iter(whole_characters(args.texts))
    elif args.input is None:
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace")
        yield _lines(sys.stdin)
    else:
        with open_rows(args.input, args.text_column, table_form(args)) as (rows, _):
            empty_told = _is_structured(args.input)
            yield _good(row for row in rows if empty_told or row.text.strip())


def _is_structured(source: Path | None) -> bool:
    return source is not None and source.suffix.lower() in _STRUCTURED


def _good(rows: Iterable[Row]) -> Iterator[str]:
    """The texts that can be scored; of the other rows the first few are told on standard error."""
    bad = 0
    for row in rows:
        if not row.reason:
            yield row.text
            continue
        bad += 1
        if bad <= _BAD_SHOWN:
            print(f"row {row.number} is left out: {row.reason}", file=sys.stderr)
    if bad > _BAD_SHOWN:
        print(f"... {bad} rows in all are left out; --output writes them to files", file=sys.stderr)


def _lines(file: Iterable[str]) -> Iterator[str]:
    return (line.rstrip("\n") for line in file if line.strip())
