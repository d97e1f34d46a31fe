"""`rasa-bert-intent serve`: one model that many bots ask."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rasa_bert_intent.cli.arguments import add_model, number, whole_number
from rasa_bert_intent.errors import ServerError
from rasa_bert_intent.remote.protocol import DEFAULT_PORT, TOKEN_VARIABLE, checked_token, token_of_environment


def add_parser(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "serve",
        help="serve a model that many bots share",
        description="Serves a trained model over HTTP by Ray Serve (needs the extra 'serve'), for bots with "
        "engine: remote. Ctrl-C stops it, SIGHUP makes it read the model again. Who may ask: see --token-file.",
    )
    add_model(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--port",
        type=whole_number(1, 65535),
        default=DEFAULT_PORT,
        metavar="N",
        help=f"TCP port (default: {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--replicas",
        type=_replicas,
        default=(1, 1),
        metavar="MIN:MAX",
        help="processes that hold the model, as many as the load needs, or one number (default: 1)",
    )
    parser.add_argument(
        "--max-batch",
        type=whole_number(1, 1024),
        default=32,
        metavar="N",
        help="most messages that are classified together (default: 32)",
    )
    parser.add_argument(
        "--batch-wait-ms",
        type=number(0, 1000, "milliseconds"),
        default=0,
        metavar="N",
        help="how long a message waits for others; while some are classified, others gather anyway (default: 0)",
    )
    parser.add_argument(
        "--max-request-bytes",
        type=whole_number(1, 2**30),
        default=2**20,
        metavar="N",
        help="longest request (default: 1048576)",
    )
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"file with the token that clients must give (default: the environment variable {TOKEN_VARIABLE}); "
        "without any, --host must be of this machine alone",
    )
    parser.add_argument(
        "--watch", action="store_true", help="also reload as soon as another model lies there (default: at SIGHUP)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command."""
    from rasa_bert_intent.remote.server import Settings, serve_model

    settings = Settings(
        model=args.model,
        host=args.host,
        port=args.port,
        replicas=args.replicas,
        max_batch=args.max_batch,
        batch_wait_ms=args.batch_wait_ms,
        max_request_bytes=args.max_request_bytes,
        watch=args.watch,
        token=_token(args.token_file),
    )
    serve_model(settings, lambda line: print(line, flush=True))
    return 0


def _token(file: Path | None) -> str | None:
    if file is None:
        return token_of_environment()
    try:
        token = checked_token(file.read_text("utf-8"), f"--token-file: {file}")
    except (OSError, UnicodeDecodeError):
        raise ServerError(f"--token-file: {file} cannot be read as text.") from None
    if token is None:
        raise ServerError(f"--token-file: {file} is empty. Write a long random word into it.")
    return token


def _replicas(text: str) -> tuple[int, int]:
    """Fewest and most."""
    fewest, _, most = text.partition(":")
    numbers = [fewest, most or fewest]
    if not all(number.isdecimal() for number in numbers) or not 1 <= int(numbers[0]) <= int(numbers[1]) <= 64:
        raise argparse.ArgumentTypeError(f"expected MIN:MAX from 1 to 64, such as 1:4, got {text!r}")
    return int(numbers[0]), int(numbers[1])
