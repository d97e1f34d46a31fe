"""`rasa-bert-intent discover`: what people ask that the bot has no intent for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rasa_bert_intent.cli.arguments import add_model, add_seed, probability
from rasa_bert_intent.errors import OptionsError

_METHODS = ("clusters", "contextual")
# What fits into memory and minutes; a random choice of more has the same topics.
_MOST = 10_000


def add_parser(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "discover",
        help="find topics in messages, to make new intents of",
        description="Finds the topics of messages that nobody labelled, and prints, as Markdown, of each its words, "
        "size, coherence (NPMI) and most typical messages, and which intent of the model comes nearest. --output also "
        "writes them as NLU data with new intents, for review.",
    )
    add_model(parser)
    parser.add_argument(
        "source",
        help=".txt with one message a line, .jsonl, Rasa NLU data; a table (CSV, TSV) with --text-column; or Rasa's "
        "tracker store: a SQLite file (.db), or a database's URL such as postgresql://user@host/rasa",
    )
    parser.add_argument(
        "--fallback-only",
        action="store_true",
        help="only messages that fell back: of a tracker store those that the bot answered by nlu_fallback or below "
        "--threshold, of other sources those that the model gives a confidence below it",
    )
    parser.add_argument(
        "--threshold",
        type=probability,
        default=0.5,
        metavar="T",
        help="FallbackClassifier's, for --fallback-only (0.5)",
    )
    parser.add_argument(
        "--method",
        choices=_METHODS,
        default="clusters",
        help="clusters (the default): spectral clustering of the embeddings; contextual: CombinedTM, a topic model on "
        "embeddings and words (needs the extra 'topics')",
    )
    parser.add_argument(
        "--topics",
        type=_topics,
        default="auto",
        metavar="N",
        help="how many; auto (the default): by the silhouette",
    )
    parser.add_argument(
        "--embeddings",
        choices=("both", "tuned", "encoder"),
        help="by what messages are alike: the model's features (tuned), those of its encoder before training, or both "
        "(the default where the encoder is found)",
    )
    parser.add_argument(
        "--stop-words", default="english", metavar="WORDS", help="english (the default), none, or a file with them"
    )
    parser.add_argument(
        "--max-messages", type=int, default=_MOST, metavar="N", help=f"of more, N are chosen ({_MOST:,}; 0: all)"
    )
    add_seed(parser)
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="write nlu.yml, topics.md, topics.json and topics.html there; HTML needs the extra 'report'",
    )
    parser.add_argument("--force", action="store_true", help="replace what a former run left in DIR")
    parser.add_argument(
        "--tensorboard",
        type=Path,
        metavar="DIR",
        help="log the topic model's training loss there (needs the extra 'tensorboard'; --method contextual)",
    )
    table = parser.add_argument_group("a table")
    table.add_argument("--text-column", metavar="COLUMN", help="its name in the first row, or its number from 1")
    table.add_argument("--no-header", dest="header", action="store_false", help="the first row is a message")
    table.add_argument("--delimiter", metavar="CHARACTER", help="as for convert (default: .csv comma, .tsv tab)")
    table.add_argument("--encoding", help="default: UTF-8, and Latin-1 for what is not; UTF-16 by its mark")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from rasa_bert_intent.archive import open_model
    from rasa_bert_intent.data.database import shown
    from rasa_bert_intent.data.table import TableForm
    from rasa_bert_intent.reports.html import EXTRA, html_is_possible
    from rasa_bert_intent.topics import files, tracker_store
    from rasa_bert_intent.topics.find import Settings, find_topics
    from rasa_bert_intent.topics.messages import read_source
    from rasa_bert_intent.topics.words import stop_words_of

    settings = Settings(
        method=args.method,
        topics=None if args.topics == "auto" else args.topics,
        embeddings=args.embeddings,
        stop_words=tuple(stop_words_of(args.stop_words)),
        seed=args.seed,
    )
    if args.tensorboard and args.method != "contextual":
        raise OptionsError(f"--tensorboard: --method {args.method} trains no network. Give --method contextual.")
    if args.output:
        files.check_folder(args.output, Path(args.source), args.force)
    messages = read_source(
        args.source,
        text_column=args.text_column,
        form=TableForm(header=args.header, delimiter=args.delimiter, encoding=args.encoding),
        fell_back=args.threshold if args.fallback_only else None,
        most=args.max_messages,
        seed=args.seed,
    )
    model = open_model(args.model)
    with _losses(args.tensorboard) as on_epoch:
        discovery = find_topics(
            messages,
            model,
            settings,
            below=args.threshold if args.fallback_only and not tracker_store.is_one(args.source) else None,
            source=shown(args.source),
            model_name=str(args.model),
            on_epoch=on_epoch,
        )
    if args.output:
        files.write_files(discovery, args.output)
        if not html_is_possible():
            print(f"{files.PAGE} is left out, which needs plotly and jinja2: {EXTRA}", file=sys.stderr)
    print(files.to_markdown(discovery), end="")
    return 0


@contextmanager
def _losses(directory: Path | None) -> Iterator[Callable[[int, float], None]]:
    """What is told the loss of each epoch: TensorBoard, where a folder is given."""
    if directory is None:
        yield lambda epoch, loss: None
        return
    from rasa_bert_intent.training.tensorboard import TensorBoardLogs

    logs = TensorBoardLogs(str(directory), option="--tensorboard")
    try:
        yield lambda epoch, loss: logs.scalar("topics/loss", loss, epoch)
    finally:
        logs.close()


def _topics(text: str) -> int | str:
    """`auto`, or a whole number."""
    if text != "auto" and not text.removeprefix("-").isdecimal():
        raise argparse.ArgumentTypeError(f"expected auto or a whole number from 2, got {text!r}")
    return text if text == "auto" else int(text)
