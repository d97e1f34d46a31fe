"""The unit of work: a numbered chunk of rows, whose result is there whole or not at all.

A chunk is rows that follow each other, so that its number tells which they are. `part-000000.jsonl` (or `.parquet`)
holds what was scored of the first, `bad-000000.jsonl` the rest with reasons, if there is any. The part comes last:
where it is, the chunk is done. Chunks know nothing of each other, so that they can be done in any order and anywhere,
and one that two are at is the same by either.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from rasa_bert_intent.bulk.rows import Progress, Row
from rasa_bert_intent.bulk.score import score
from rasa_bert_intent.data.output import whole_file
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.predictor import IntentPredictor

FORMS = ("jsonl", "parquet")


@dataclass(frozen=True)
class Chunk:
    """Rows that follow each other.

    Attributes:
        number: Counts from 0.
        rows: All of them, bad ones too.
        read: How much of the input was read when the last of them was, see `rasa_bert_intent.bulk.rows.Progress`.
    """

    number: int
    rows: list[Row]
    read: int = 0

    @property
    def bad(self) -> list[Row]:
        """Those that cannot be scored."""
        return [row for row in self.rows if row.reason]


@dataclass(frozen=True)
class Settled:
    """What became of a chunk.

    Attributes:
        rows: How many it has.
        bad: How many of them are bad.
        earlier: How many were done before: all or none.
        read: Of the chunk.
    """

    rows: int
    bad: int
    earlier: int
    read: int


def chunks(rows: Iterator[Row], progress: Progress, size: int) -> Iterator[Chunk]:
    """Yields the rows in chunks of a size; the last may have fewer."""
    number = 0
    while some := list(islice(rows, size)):
        yield Chunk(number, some, progress.done())
        number += 1


def part_file(folder: Path, number: int, form: str) -> Path:
    """Where a chunk's scored rows go."""
    return folder / f"part-{number:06}.{form}"


def bad_file(folder: Path, number: int) -> Path:
    """Where a chunk's bad rows go."""
    return folder / f"bad-{number:06}.jsonl"


def settle(chunk: Chunk, model: IntentPredictor, folder: Path, form: str) -> Settled:
    """Does a chunk, unless it is done.

    Raises:
        DataError: if its result cannot be written, or was changed.
    """
    earlier = is_done(chunk, folder, form)
    if not earlier:
        do(chunk, model, folder, form)
    return Settled(len(chunk.rows), len(chunk.bad), earlier * len(chunk.rows), chunk.read)


def do(chunk: Chunk, model: IntentPredictor, folder: Path, form: str) -> None:
    """Scores a chunk and writes its result.

    Raises:
        DataError: if it cannot be written.
    """
    bad = [{"row": row.number, "reason": row.reason, "shown": row.text} for row in chunk.bad]
    good = [row for row in chunk.rows if not row.reason]
    scored = [
        {"row": row.number, **fields}
        for row, fields in zip(good, score(model, [row.text for row in good]), strict=True)
    ]
    if bad:
        with whole_file(bad_file(folder, chunk.number)) as file:
            _write_lines(file, bad)
    with whole_file(part_file(folder, chunk.number, form)) as file:
        _WRITERS[form](file, scored)


def is_done(chunk: Chunk, folder: Path, form: str) -> bool:
    """Whether a chunk's result is there.

    Raises:
        DataError: if it is, and has not as many rows as the chunk: somebody changed it.
    """
    part, bad = part_file(folder, chunk.number, form), bad_file(folder, chunk.number)
    if not part.is_file():
        return False
    try:
        found = f"{_COUNTERS[form](part) + (_count_lines(bad) if bad.is_file() else 0):,}"
    except (OSError, ValueError):  # pyarrow's are of both kinds
        found = "not to be read"
    if found != f"{len(chunk.rows):,}":
        raise DataError(
            f"{part} and its bad rows are {found}, expected {len(chunk.rows):,}: it was changed. Delete it, and run "
            "again."
        )
    return True


def _write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _count_lines(path: Path) -> int:
    with path.open("rb") as lines:
        return sum(1 for _ in lines)


def _write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    from rasa_bert_intent.bulk.parquet import write_parquet

    write_parquet(path, rows)


def _count_parquet(path: Path) -> int:
    from rasa_bert_intent.bulk.parquet import count_parquet

    return count_parquet(path)


_WRITERS: dict[str, Callable[[Path, Sequence[Mapping[str, Any]]], None]] = {
    "jsonl": _write_lines,
    "parquet": _write_parquet,
}
_COUNTERS: dict[str, Callable[[Path], int]] = {"jsonl": _count_lines, "parquet": _count_parquet}
