"""Reads the texts to score from a file of any size, a row at a time: lines, CSV, JSON lines or Parquet.

Every record is one row, a bad one too: its number tells where it stands, and its reason why it cannot be scored.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from rasa_bert_intent.data.clean import has_surrogate
from rasa_bert_intent.data.table import (
    DELIMITERS,
    LONGEST_FIELD,
    UTF_16_MARKS,
    TableForm,
    cells_of,
    delimiter_of,
    find_column,
)
from rasa_bert_intent.errors import DataError, name_some

# What a text is called where nothing else is said, as in training data.
_TEXT_NAMES = ("text", "utt")
_LONGEST_LINE = 1 << 20
JSON_LINES = (".jsonl", ".ndjson")
_SHOWN = 200
# Would else be taken for a message a line.
_NO_LINES = (".bz2", ".gz", ".json", ".ods", ".pdf", ".xls", ".xlsx", ".xz", ".yaml", ".yml", ".zip", ".zst")
# So many lines within a field are not of the shape of rows by chance.
_LINES_OF_CHANCE = 4


@dataclass(frozen=True)
class Row:
    """One record of the input.

    Attributes:
        number: Counts from 1; a header is no record.
        text: What is to be scored; of a bad row what can be shown of it.
        reason: Why it is bad; empty: it is not.
    """

    number: int
    text: str
    reason: str = ""


@dataclass
class Progress:
    """How far a file is read.

    Attributes:
        total: What there is in all.
        unit: Of what, in `tqdm`'s words.
        done: How much was read.
    """

    total: int
    unit: str = "B"
    done: Callable[[], int] = field(default=lambda: 0)


Rows = AbstractContextManager[tuple[Iterator[Row], Progress]]


def open_rows(path: Path, text_column: str | None = None, form: TableForm | None = None) -> Rows:
    """Opens a file by its ending; the rows are read as they are asked for.

    Args:
        path: `.csv`, `.tsv` or `.tab`, `.jsonl` or `.ndjson`, `.parquet`; any other has a message a line.
        text_column: Which column, or key, holds the text; of CSV also its number, from 1. None: `text` or `utt`.
        form: How a table is written; of its `quotes`, `auto` means none in a table of tabs, else those of CSV.

    Raises:
        DataError: if the file cannot be read, or has no such column.
    """
    if not path.is_file():
        raise DataError(f"--input: {path} is no file. Check the path.")
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        from rasa_bert_intent.bulk.parquet import open_parquet

        return open_parquet(path, text_column)
    if suffix in JSON_LINES:
        return _open_lines(path, lambda line: _json_text(line, text_column))
    if suffix in DELIMITERS:
        return _open_table(path, text_column, form or TableForm())
    if text_column:
        raise DataError(f"--text-column: {path} has a message a line. Columns are for .csv, .tsv, .jsonl and .parquet.")
    if suffix in _NO_LINES:
        raise DataError(f"--input: {path} is no file of lines. Give .csv, .tsv, .jsonl, .parquet or plain text.")
    return _open_lines(path, _plain_text)


class BadRow(Exception):
    """Why a record cannot be scored."""


def checked_text(value: object) -> str:
    """A text that can be scored.

    Raises:
        BadRow: if it is none, or empty.
    """
    if value is None:
        raise BadRow("no text")
    if not isinstance(value, str):
        raise BadRow(f"the text is {type(value).__name__}, not a string")
    if not value.strip():
        raise BadRow("no text")
    if has_surrogate(value):
        raise BadRow("the text holds half a character (a lone surrogate)")
    return value


def row_of(number: int, content: bytes | str, read: Callable[[], str]) -> Row:
    """The row with a number: what a function reads, or why it cannot and a part of the content."""
    try:
        return Row(number, read())
    except BadRow as error:
        shown = content.decode("utf-8", "replace") if isinstance(content, bytes) else content
        return Row(number, shown[:_SHOWN].encode("utf-8", "replace").decode(), str(error))


def text_name(names: list[str], path: Path) -> str:
    """The name of the column with the texts, where none was given."""
    for name in _TEXT_NAMES:
        if name in names:
            return name
    raise DataError(f"--text-column is missing; {path} has {name_some(names)}: name one.")


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """The file, open.

    Raises:
        DataError: if it cannot be.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"--input: {path} cannot be read: {error.strerror}") from None
    with file:
        yield file


def errors_told(rows: Iterator[Row], path: Path) -> Iterator[Row]:
    """Raises as DataError what goes wrong in reading, and nothing that goes wrong where the rows go to."""
    try:
        yield from rows
    except (OSError, UnicodeError) as error:
        raise DataError(f"--input: {path} cannot be read on: {error}") from None


@contextmanager
def _open_lines(path: Path, read: Callable[[bytes], str]) -> Iterator[tuple[Iterator[Row], Progress]]:
    with opened(path) as file:
        if file.peek(2)[:2] in UTF_16_MARKS:
            raise DataError(f"--input: {path} is in UTF-16. Save it as UTF-8.")
        yield errors_told(_lines(file, read), path), Progress(path.stat().st_size, done=file.tell)


def _lines(file: BinaryIO, read: Callable[[bytes], str]) -> Iterator[Row]:
    # Lines are split as bytes: a text may hold what `str` takes for a line break.
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(_LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield Row(number, line[:_SHOWN].decode("utf-8", "replace"), f"a line of more than {_LONGEST_LINE:,} bytes")
            continue
        content = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        yield row_of(number, content.rstrip(b"\r\n"), partial(read, content))


def _plain_text(line: bytes) -> str:
    if b"\0" in line:
        raise BadRow("holds a NUL: no plain text, or not in UTF-8")
    return checked_text(_decoded(line).rstrip("\r\n"))


def _json_text(line: bytes, key: str | None) -> str:
    content = _decoded(line)
    if not content.strip():
        raise BadRow("no text")
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):
        raise BadRow("not JSON") from None
    if not isinstance(record, dict):
        raise BadRow(f"JSON, but no object: {type(record).__name__}")
    keys = (key,) if key else _TEXT_NAMES
    for name in keys:
        if name in record:
            return checked_text(record[name])
    raise BadRow(f"no {' or '.join(map(repr, keys))} in it")


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRow("not UTF-8") from None


@contextmanager
def _open_table(path: Path, text_column: str | None, form: TableForm) -> Iterator[tuple[Iterator[Row], Progress]]:
    delimiter = delimiter_of(path, form.delimiter)
    quoted = form.quotes == "csv" or (form.quotes == "auto" and delimiter != "\t")
    with opened(path) as file:
        marked = file.peek(2)[:2] in UTF_16_MARKS
        encoding = form.encoding or ("utf-16" if marked else "utf-8-sig")
        try:
            lines = io.TextIOWrapper(file, encoding, errors="surrogateescape", newline="")
        except LookupError:
            raise DataError(f"--encoding: {encoding!r} is unknown. Give a name such as utf-8.") from None
        records = cells_of(lines, delimiter, quoted=quoted)
        first = _first_record(records, path)
        if text_column is None:
            text_column = text_name(first, path) if form.header else "1"
        column = find_column(text_column, "--text-column", first, path, form.header)
        again = 0
        if not form.header:
            again = records.line_num
            lines.seek(0)
        # Who says that quotes are those of CSV means fields of several lines too.
        suspicious = delimiter if form.quotes == "auto" else None
        rows = errors_told(_records(records, column, len(first), suspicious, path, again), path)
        yield rows, Progress(path.stat().st_size, done=file.tell)


def _first_record(records: Any, path: Path) -> list[str]:
    try:
        return next(record for record in records if any(cell.strip() for cell in record))
    except StopIteration:
        raise DataError(f"{path} is empty: it holds no row") from None
    except (csv.Error, UnicodeError) as error:
        raise DataError(
            f"{path}, line {records.line_num}: no row of a table ({error}). Mend it, or see --quotes, --encoding."
        ) from None


def _records(records: Any, column: int, width: int, delimiter: str | None, path: Path, again: int) -> Iterator[Row]:
    """The rows that a reader gives, which had read some lines that it reads again.

    Fields that hold what looks like rows, with a delimiter, are taken for a quote that is not closed; None: none are.
    """
    number = 0
    while True:
        number += 1
        before = records.line_num
        try:
            cells = next(records)
        except StopIteration:
            return
        except csv.Error as error:
            if str(error).startswith("field larger"):
                raise DataError(
                    f"{path}, row {number}: a field of more than {LONGEST_FIELD:,} characters. Is a quote not closed? "
                    "Mend it, or see --quotes."
                ) from None
            if records.line_num > before + 1:
                raise _not_closed(path, number, before + 1 - again) from None
            # The reader goes on with the next line.
            yield Row(number, "", f"no row of a table: {error}")
            continue
        if delimiter and records.line_num > before + 1 and _is_of_rows(cells, delimiter, width):
            raise _not_closed(path, number, before + 1 - again, "if a text has these lines, say --quotes csv; ")
        yield row_of(number, ",".join(cells), partial(_cell, cells, column, width))


def _not_closed(path: Path, number: int, line: int, or_else: str = "") -> DataError:
    # Where the next row begins cannot be told.
    return DataError(
        f"{path}, row {number}, line {line}: a quote is not closed in its line, and what follows is no row, or looks "
        f"like several. Mend it; {or_else}if quotes are characters like others, say --quotes none."
    )


def _is_of_rows(cells: list[str], delimiter: str, width: int) -> bool:
    """Whether the lines within a field are rows themselves, and its last one the beginning of one."""
    for column, cell in enumerate(cells if width > 1 else ()):
        *inner, last = cell.splitlines()[1:] or [""]
        inner = [line for line in inner if line.strip()]
        # A text in the first column may well have a line like that.
        if len(inner) < (1 if column else _LINES_OF_CHANCE):
            continue
        # Of rows some begin alike: with a number, or with none.
        numbered = cells[0].strip().isdigit()
        alike = not column or any(_begins_with_number(line, delimiter) == numbered for line in (*inner, last))
        if alike and last.count(delimiter) == column and all(line.count(delimiter) == width - 1 for line in inner):
            return True
    return False


def _begins_with_number(line: str, delimiter: str) -> bool:
    return line.partition(delimiter)[0].strip().isdigit()


def _cell(cells: list[str], column: int, width: int) -> str:
    if not cells:
        raise BadRow("no text")
    if len(cells) != width:
        raise BadRow(f"{len(cells)} columns, the first row has {width}")
    if has_surrogate(cells[column]):
        raise BadRow("not in the file's encoding")
    return checked_text(cells[column])
