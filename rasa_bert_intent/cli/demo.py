"""`rasa-bert-intent demo`: a page to chat with the bot and see what its classifier thinks."""

from __future__ import annotations

import argparse
import importlib.util
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from rasa_bert_intent.cli.arguments import probability
from rasa_bert_intent.errors import DataError

EXTRA = "pip install 'rasa-bert-intent[demo]'"


def add_parser(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "demo",
        help="look at the bot in a browser",
        description="Serves a page on this machine: a chat, and beside it the classifier's ranking, confidence, "
        "P(in scope), entities and time; lists and CSV files classified; the report of evaluate; the topics that "
        "discover found; corrected messages kept as training data. It asks a running Rasa, or loads a model without "
        "Rasa. Needs the extra 'demo'.",
    )
    parser.add_argument(
        "model",
        type=Path,
        nargs="?",
        help="Rasa's archive (.tar.gz), a folder of archives, or a model directory, to load without Rasa; none: ask a "
        "running Rasa",
    )
    parser.add_argument(
        "--url",
        default="http://127.0.0.1:5005",
        help="of Rasa, which `rasa run --enable-api` serves (default: http://127.0.0.1:5005)",
    )
    parser.add_argument("--token", help="what Rasa was given as --auth-token")
    parser.add_argument(
        "--threshold",
        type=probability,
        default=0.5,
        metavar="X",
        help="of a FallbackClassifier, for a model without Rasa (default: 0.5)",
    )
    parser.add_argument("--data", type=Path, help="labelled messages to offer for the report: Rasa NLU data, or .jsonl")
    parser.add_argument("--topics", type=Path, metavar="DIR", help="what `rasa-bert-intent discover --output` wrote")
    parser.add_argument(
        "--corrections",
        type=Path,
        default=Path("corrections"),
        metavar="DIR",
        help="where corrected messages are written, a new file for each start (default: corrections)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: 127.0.0.1, this machine alone)")
    parser.add_argument("--port", type=int, default=7860, help="0: a free one (default: 7860)")
    parser.add_argument("--share", action="store_true", help="also make a public link, through Gradio's servers")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command, until Ctrl-C or a signal to terminate."""
    if not _gradio_is_here():
        if sys.version_info < (3, 11):
            raise DataError(
                "the page needs Python 3.11 or later, as its Gradio and Rasa exclude each other. Make an environment "
                f"for it there, {EXTRA}, and start the page in it: it asks Rasa over HTTP (--url)."
            )
        raise DataError(f"the page needs Gradio: {EXTRA}")
    if args.data and not args.data.exists():
        raise DataError(f"--data: {args.data} does not exist.")
    if args.topics:
        from rasa_bert_intent.topics.files import read_discovery

        read_discovery(args.topics)  # told now; it is read again when it is shown
    from rasa_bert_intent.demo.backends import LocalModel, RasaServer
    from rasa_bert_intent.demo.corrections import Corrections

    corrections = Corrections(args.corrections)
    backend = LocalModel(args.model, args.threshold) if args.model else RasaServer(args.url, args.token)
    from rasa_bert_intent.demo.page import build, launch  # Gradio takes seconds: after what may be wrong

    page = build(backend, corrections, args.data, args.topics)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        address = launch(page, args.host, args.port, args.share)
        print(f"{backend.name}: open {address} in a browser. Ctrl-C ends it.", flush=True)
        if args.share:
            print("Anybody who has this link can chat, and write corrections.", file=sys.stderr)
        threading.Event().wait()
    except KeyboardInterrupt:
        for name in (signal.SIGINT, signal.SIGTERM):  # once is enough
            signal.signal(name, signal.SIG_IGN)
    finally:
        page.close(verbose=False)
    return 0


def _gradio_is_here() -> bool:
    return importlib.util.find_spec("gradio") is not None


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
