"""The command `rasa-bert-intent`: one file a command; here they are put together."""

from __future__ import annotations

import argparse
import codecs
import io
import json
import logging
import os
import sys
from collections.abc import Sequence

from rasa_bert_intent.cli import card, check, convert, demo, discover, evaluate, predict, serve, train, tune
from rasa_bert_intent.errors import BertIntentError, of_file_system
from rasa_bert_intent.version import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit status: 0, 1 for an error told in one line, 130 when interrupted."""
    parser = argparse.ArgumentParser(
        prog="rasa-bert-intent", description="Intent classification with a fine-tuned BERT, for Rasa and without it."
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens, on standard error")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (convert, check, train, tune, predict, evaluate, card, discover, demo, serve):
        command.add_parser(subparsers)
    args = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error("as in JSON", _as_in_json)
        sys.stdout.reconfigure(errors="as in JSON")
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr
    )
    try:
        status = args.run(args)
        sys.stdout.flush()  # else a full disk, or a closed pipe, is found when nobody can tell it
        return status
    except BertIntentError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.strerror is None:
            raise
        print(f"error: {of_file_system(error)}", file=sys.stderr)
        return 1


def _as_in_json(error: UnicodeError) -> tuple[str, int]:
    """What the encoding lacks, in escapes: the name of a file may hold any byte, and not every terminal is UTF-8."""
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
