"""Reads examples to train on from whatever holds them: Rasa NLU data, JSON lines, a table, or MASSIVE."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

from rasa_bert_intent.data.convert_table import read_rows
from rasa_bert_intent.data.examples import read_examples
from rasa_bert_intent.data.massive import read_locales
from rasa_bert_intent.data.rasa_yaml import SUFFIXES
from rasa_bert_intent.data.table import TableForm
from rasa_bert_intent.errors import DataError

Examples = tuple[list[str], list[str]]

_ARCHIVES = (".gz", ".tgz", ".tar")


def is_massive(path: Path) -> bool:
    """Whether a path holds MASSIVE in a form that is no training data yet.

    That is an archive, a parquet file, a `.jsonl` of the release, which holds every split, or a folder of such files
    without Rasa's.
    """
    if path.is_dir():
        if any(file.suffix in SUFFIXES for file in path.rglob("*")):
            return False
        folders = (path, path / "data", path / "1.1" / "data")
        return any(is_massive(file) or file.suffix == ".jsonl" for folder in folders for file in folder.glob("*.*"))
    if path.suffix != ".jsonl":
        return path.suffix in (*_ARCHIVES, ".parquet")
    try:
        with path.open("rb") as lines:
            return "partition" in json.loads(next(lines))
    except (OSError, ValueError, TypeError, RecursionError, StopIteration):
        return False  # the reader of JSON lines tells what is wrong


def read_massive(path: Path, locales: Collection[str] | None, splits: Collection[str]) -> Examples:
    """Texts and intents of MASSIVE, each pair once.

    Args:
        path: As `rasa_bert_intent.data.massive.read_locales` takes it.
        locales: Which languages; None: all.
        splits: Of train, dev and test.

    Raises:
        DataError: as that function, or if there is no such row.
    """
    pairs = [(row.text, row.intent) for _, rows in read_locales(path, locales) for row in rows if row.split in splits]
    if not pairs:
        raise DataError(f"{path} holds no row of {', '.join(splits)}")
    return _apart(dict.fromkeys(pairs))


def read_plain(path: Path) -> Examples:
    """Texts and intents of Rasa NLU data or JSON lines, without those that lack one, which Rasa leaves out too.

    Raises:
        DataError: as `rasa_bert_intent.data.examples.read_examples`, or if none is left.
    """
    texts, intents = read_examples(path)
    kept = [(text, intent) for text, intent in zip(texts, intents, strict=True) if text.strip() and intent]
    if not kept:
        raise DataError(f"{path} holds no example with a text and an intent. Give some.")
    return _apart(kept)


def read_table_examples(
    path: Path, text_column: str, label_column: str, form: TableForm
) -> tuple[list[str], list[str], list[str]]:
    """Texts and intents of a table as `convert` writes them, each pair once; and notes of what was changed.

    Raises:
        DataError: as `rasa_bert_intent.data.convert_table.read_rows`.
    """
    rows, notes = read_rows(path, text_column, label_column, form)
    return [row.text for row in rows], [row.intent for row in rows], notes


def _apart(pairs: Iterable[tuple[str, str]]) -> Examples:
    kept = list(pairs)
    return [text for text, _ in kept], [intent for _, intent in kept]
