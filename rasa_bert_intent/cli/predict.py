"""`rasa-bert-intent predict`: intents of messages, without a bot."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rasa_bert_intent.cli.arguments import add_model
from rasa_bert_intent.errors import DataError

# Messages read at a time: enough for batches of like length, little to keep in memory.
_CHUNK = 2048


def add_parser(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "predict",
        help="classify messages with a trained model",
        description="Classifies messages, one a line, and prints one JSON object a line: text, intent, p_in_scope "
        "(which the confidences of intents in scope contain), intent_ranking.",
    )
    add_model(parser)
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="messages; none: read lines from --input")
    parser.add_argument("--input", type=Path, metavar="FILE", help="file with one message a line (default: stdin)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    if args.texts and args.input:
        raise DataError("give messages or --input, not both.")
    if args.input and not args.input.is_file():
        raise DataError(f"--input: {args.input} is no file.")
    from rasa_bert_intent.archive import open_model
    from rasa_bert_intent.ranking import rank

    model = open_model(args.model)
    with _progress(args) as bar:
        for texts in _chunks(_messages(args)):
            for text, confidences, in_scope in zip(texts, *model.predict_with_scope(texts), strict=True):
                ranking = rank(
                    model.labels, confidences, model.options.ranking_length, model.options.renormalize_confidences
                )
                row = {"text": text, "intent": ranking[0], "p_in_scope": float(in_scope), "intent_ranking": ranking}
                print(json.dumps(row, ensure_ascii=False))
            bar.update(len(texts))
    return 0


def _progress(args: argparse.Namespace) -> Any:
    """A bar on standard error, where somebody sees it and the answers go elsewhere."""
    from tqdm import tqdm

    total = None
    if args.input:
        with args.input.open("rb") as file:
            total = sum(bool(line.strip()) for line in file)
    seen = sys.stderr.isatty() and not sys.stdout.isatty()
    return tqdm(total=total, unit=" messages", unit_scale=True, disable=not seen)


def _messages(args: argparse.Namespace) -> Iterator[str]:
    if args.texts:
        yield from args.texts
        return
    if args.input is None:
        yield from _lines(sys.stdin)
        return
    with args.input.open(encoding="utf-8", errors="replace") as file:
        yield from _lines(file)


def _lines(file: Iterable[str]) -> Iterator[str]:
    return (line.rstrip("\n") for line in file if line.strip())


def _chunks(messages: Iterator[str]) -> Iterator[list[str]]:
    while chunk := list(islice(messages, _CHUNK)):
        yield chunk
