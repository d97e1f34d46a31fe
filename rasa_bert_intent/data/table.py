"""Reads texts, and their labels, from a table of plain text: CSV, TSV and what else is separated by one character."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasa_bert_intent.errors import DataError, name_some

QUOTES = ("auto", "csv", "none")
DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
# Characters: a mail with what it quotes, and not all that follows a quote that is never closed.
LONGEST_FIELD = 1 << 22
SUFFIXES = tuple(DELIMITERS)
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NAMED_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_SHOWN = 60

Rows = list[tuple[int, list[str]]]


@dataclass(frozen=True)
class TableForm:
    """How a table is written, where the file does not tell.

    Args:
        header: whether the first row names the columns.
        delimiter: one character, or ``tab``, ``comma``, ``semicolon`` or ``pipe``; None: as the file's ending says.
        quotes: ``csv``: a field that begins with ``"`` goes on to the next single ``"``, over line breaks too, as RFC
            4180 has it. ``none``: a quote is a character like others, and every line is a row. ``auto``: as every row
            has as many columns as the first; where both ways do and differ, a table of tabs has no quotes, since its
            texts may begin with one, and any other has.
        encoding: None: UTF-8, or UTF-16 where the file begins with its mark, else Latin-1.
    """

    header: bool = True
    delimiter: str | None = None
    quotes: str = "auto"
    encoding: str | None = None


@dataclass(frozen=True)
class TableRow:
    """One example as it stands in the file; ``line`` counts from 1."""

    line: int
    text: str
    label: str


@dataclass(frozen=True)
class Table:
    """What was read.

    ``notes`` says what had to be guessed.
    """

    rows: list[TableRow]
    notes: list[str]


def read_table(path: Path, text_column: str, label_column: str, form: TableForm | None = None) -> Table:
    """Read two columns; blank lines are skipped.

    Args:
        path: the file.
        text_column: its name in the header, or its number, from 1.
        label_column: likewise.
        form: how the file is written.

    Raises:
        DataError: the file cannot be read, is empty, lacks a column, or has a row of another width, with its line.
    """
    form = form or TableForm()
    rows, notes = read_rows(path, form)
    first = rows[0][1]
    text, label = (
        find_column(name, option, first, path, form.header)
        for name, option in ((text_column, "--text-column"), (label_column, "--label-column"))
    )
    if text == label:
        raise DataError(f"--text-column and --label-column are both column {text + 1} of {path}: name two")
    examples = [TableRow(line, cells[text], cells[label]) for line, cells in _below_header(rows, path, form)]
    repeated = sum(example.label == first[label] for example in examples) if form.header else 0
    if repeated:
        raise DataError(
            f"{path}: the label {first[label]!r} of the first row, which should be the header, stands in {repeated:,} "
            "other rows too: add --no-header, or mend the header"
        )
    return Table(examples, notes)


def read_rows(path: Path, form: TableForm) -> tuple[Rows, list[str]]:
    """The line and the cells of every row, the header too and no blank one; and notes of what had to be guessed.

    Raises:
        DataError: the file cannot be read, is empty, or has a row of another width, with its line.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist or is no file; expected a table such as .csv or .tsv")
    content, notes = _decoded(path, form.encoding)
    rows, of_quotes = _rows(content, path, delimiter_of(path, form.delimiter), form.quotes)
    if not rows:
        raise DataError(f"{path} is empty: it holds no row")
    return rows, notes + of_quotes


def read_texts(path: Path, text_column: str, form: TableForm | None = None) -> tuple[list[str], list[str]]:
    """Read one column; blank lines are skipped.

    Args:
        path: the file.
        text_column: its name in the header, or its number, from 1.
        form: how the file is written.

    Returns:
        The texts in the order of the file, and what had to be guessed.

    Raises:
        DataError: as `read_table`.
    """
    form = form or TableForm()
    rows, notes = read_rows(path, form)
    column = find_column(text_column, "--text-column", rows[0][1], path, form.header)
    return [cells[column] for _, cells in _below_header(rows, path, form)], notes


def _below_header(rows: Rows, path: Path, form: TableForm) -> Rows:
    if not rows[form.header :]:
        raise DataError(f"{path} holds a header and no row below it; without a header, add --no-header")
    return rows[form.header :]


def column_names(path: Path, form: TableForm) -> list[str]:
    """The first row of a table, for a message.

    Raises:
        DataError: as `read_table`.
    """
    rows, _ = _rows(_decoded(path, form.encoding)[0], path, delimiter_of(path, form.delimiter), form.quotes)
    return rows[0][1] if rows else []


def _decoded(path: Path, encoding: str | None) -> tuple[str, list[str]]:
    try:
        content = path.read_bytes()
        if encoding is None and content[:2] in UTF_16_MARKS:
            encoding = "utf-16"
        text, notes = content.decode(encoding or "utf-8-sig"), []
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    except LookupError:
        raise DataError(f"--encoding: {encoding!r} is unknown; expected a name such as utf-8 or windows-1252") from None
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        line = content[:start].count(b"\n") + 1
        place = f"{path}, line {line}"
        if encoding is not None:
            raise DataError(f"{place}: not in {encoding} ({error}): name another --encoding") from None
        text = content.decode("latin-1")
        notes = [f"{place}: byte 0x{content[start]:02x} is no UTF-8: read as Latin-1; --encoding names another"]
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{path}, line {line}: holds a NUL, so it is no table of plain text, or in another --encoding")
    return text, notes


def delimiter_of(path: Path, delimiter: str | None = None) -> str:
    """What stands between a table's columns: as named, or as the file's ending says.

    Raises:
        DataError: the ending says nothing, or the name is none.
    """
    if delimiter is None:
        if path.suffix.lower() not in DELIMITERS:
            raise DataError(
                f"{path} ends in none of {', '.join(DELIMITERS)}: say by --delimiter what stands between its columns, "
                "a character or one of tab, comma, semicolon, pipe"
            )
        return DELIMITERS[path.suffix.lower()]
    delimiter = _NAMED_DELIMITERS.get(delimiter, delimiter)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise DataError(
            f"--delimiter is {delimiter!r}; expected one character but a quote or line break, or one of tab, comma, "
            "semicolon, pipe"
        )
    return delimiter


def _rows(content: str, path: Path, delimiter: str, quotes: str) -> tuple[Rows, list[str]]:
    """Line and cells of each row, and a note if quotes are left in the cells because of one that is amiss."""
    if quotes not in QUOTES:
        raise DataError(f"--quotes is {quotes!r}; expected one of {', '.join(QUOTES)}")
    ways = (["none", "csv"] if delimiter == "\t" else ["csv", "none"]) if quotes == "auto" else [quotes]
    read: dict[str, Rows] = {}
    errors: dict[str, str] = {}
    for way in ways:
        try:
            read[way] = list(_parsed(content, delimiter, quoted=way == "csv"))
        except ValueError as error:
            errors[way] = str(error)
    if not read:
        raise DataError(f"{path}, {errors[ways[0]]}. Mend the line, or name another --delimiter or --quotes.")
    # Both ways of equally many rows: then quotes stand around whole fields alone, and are not meant as characters.
    agree = len(read) == 2 and len(read["csv"]) == len(read["none"])
    way = "csv" if agree else next(way for way in ways if way in read)
    notes = []
    if ways[0] == "csv" in errors and any(_is_quoted(cell) for _, cells in read[way] for cell in cells):
        notes = [f"{path}, {errors['csv']}: quotes are kept as characters; mend the line, or say --quotes none"]
    return read[way], notes


def _is_quoted(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'


def _parsed(content: str, delimiter: str, *, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    reader = cells_of(io.StringIO(content, newline=""), delimiter, quoted=quoted)
    width, begin = 0, 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                width = width or len(cells)
                if len(cells) != width:
                    shown = delimiter.join(cells)[:_SHOWN]
                    columns = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
                    raise ValueError(f"line {begin}: {columns}, the first row has {width}: {shown!r}")
                yield begin, cells
            begin = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"line {begin}: a quoted field is not closed or goes on after its quote ({error})") from None


def cells_of(lines: Iterable[str], delimiter: str, *, quoted: bool) -> Any:
    """The `csv.reader` of a table, whose fields are of at most `LONGEST_FIELD` characters."""
    csv.field_size_limit(LONGEST_FIELD)
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True)


def find_column(name: str, option: str, first: list[str], path: Path, header: bool) -> int:
    """The index of a column that is named, or numbered from 1; ``option`` is where the name was given.

    Raises:
        DataError: there is none, or there are several.
    """
    names = [cell.strip() for cell in first] if header else []
    if name in names:
        if names.count(name) > 1:
            raise DataError(f"{option}: {path} has {names.count(name)} columns {name!r}: give its number, from 1")
        return names.index(name)
    if name.isascii() and name.isdigit():
        if 1 <= int(name) <= len(first):
            return int(name) - 1
        width = "one column" if len(first) == 1 else f"the columns 1 to {len(first)}"
        raise DataError(f"{option}: {path} has no column {name}; it has {width}{_perhaps(first)}")
    if not header:
        raise DataError(f"{option} is {name!r}; with --no-header expected a number from 1 to {len(first)}")
    raise DataError(f"{option}: {path} has no column {name!r}; it has {name_some(names)}{_perhaps(first)}")


def _perhaps(first: list[str]) -> str:
    return ". Is there another --delimiter?" if len(first) == 1 else ""
