"""Reads what people wrote, from a file, a table or the tracker store of a Rasa bot; each text once, and counted."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rasa_bert_intent.data import table
from rasa_bert_intent.data.clean import clean
from rasa_bert_intent.data.database import shown
from rasa_bert_intent.data.examples import read_messages
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.topics import tracker_store

logger = logging.getLogger(__name__)

# Fewer say nothing about topics.
FEWEST = 20


@dataclass(frozen=True)
class Messages:
    """Distinct messages.

    Attributes:
        texts: Cleaned, see `rasa_bert_intent.data.clean`; those that differ in case or blanks alone are one.
        times: How often each was written.
        notes: What had to be guessed or left out, as sentences.
    """

    texts: list[str]
    times: list[int]
    notes: list[str]


def read_source(
    source: str,
    *,
    text_column: str | None = None,
    form: table.TableForm | None = None,
    fell_back: float | None = None,
    most: int = 0,
    seed: int = 0,
) -> Messages:
    """Reads the messages of any source.

    Args:
        source: A `.txt` file with one message a line, `.jsonl` or Rasa NLU data; a table, such as `.csv`; a SQLite file
            (`.db`, `.sqlite`, `.sqlite3`) or the URL of a database (`postgresql://...`), which is Rasa's tracker store.
        text_column: Of a table, by its name or its number from 1.
        form: How the table is written.
        fell_back: Of a tracker store only the messages that the bot did not understand: by `nlu_fallback`, or with a
            confidence below this. None: all.
        most: More distinct messages than this are thinned out at random; 0: never.
        seed: Of that choice.

    Raises:
        DataError: naming what cannot be read, or holds too few messages.
    """
    if 0 < most < FEWEST or most < 0:
        raise DataError(f"--max-messages: {most} given; expected 0 or a number from {FEWEST}.")
    path = Path(source)
    notes: list[str] = []
    texts: Iterable[str]
    if tracker_store.is_one(source):
        _refuse_table_options(source, text_column, form)
        texts = tracker_store.read_user_messages(source, fell_back, notes)
    elif text_column is not None or path.suffix.lower() in table.SUFFIXES:
        if text_column is None:
            if not path.is_file():
                raise DataError(f"{path} does not exist, or is no file. Check the path.")
            found = table.column_names(path, form or table.TableForm())
            raise DataError(f"--text-column is missing; the first row of {path} is {found}: name one, or its number")
        texts, notes = table.read_texts(path, text_column, form)
    else:
        _refuse_table_options(source, text_column, form)
        texts = read_messages(path)
    return distinct(texts, source=shown(source), notes=notes, most=most, seed=seed)


def distinct(
    texts: Iterable[str], *, source: str = "the source", notes: Iterable[str] = (), most: int = 0, seed: int = 0
) -> Messages:
    """Each text once, in the order of its first appearance, with how often it was written.

    Args:
        texts: Any.
        source: For the error.
        notes: Of the reading, to which those of this are added.
        most: As for `read_source`.
        seed: Likewise.

    Raises:
        DataError: if fewer than `FEWEST` distinct messages remain.
    """
    first: dict[str, str] = {}
    times: Counter[str] = Counter()
    empty = 0
    for text in texts:
        written = clean(text, Counter())
        if not written:
            empty += 1
            continue
        key = " ".join(written.casefold().split())
        first.setdefault(key, written)
        times[key] += 1
    if len(first) < FEWEST:
        raise DataError(f"{source} holds {len(first)} distinct messages; topics take at least {FEWEST}. Collect more.")
    notes = list(notes)
    if empty:
        notes.append(f"{empty:,} of the messages are empty and left out")
    chosen = list(first)
    if most and len(chosen) > most:
        notes.append(f"of {len(chosen):,} distinct messages {most:,} are taken, chosen at random (--max-messages)")
        kept = set(random.Random(seed).sample(chosen, most))
        chosen = [key for key in chosen if key in kept]
    return Messages([first[key] for key in chosen], [times[key] for key in chosen], notes)


def _refuse_table_options(source: str, text_column: str | None, form: table.TableForm | None) -> None:
    if text_column is not None or form not in (None, table.TableForm()):
        raise DataError(f"--text-column and the form of a table are not for {shown(source)}: it is none.")
