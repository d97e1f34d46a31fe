"""Lists of messages: pasted or uploaded, and given back as a table with what the classifier thinks of each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rasa_bert_intent.data.clean import has_surrogate
from rasa_bert_intent.data.examples import read_messages
from rasa_bert_intent.data.table import SUFFIXES, Rows, TableForm, delimiter_of, find_column, read_rows
from rasa_bert_intent.demo.thoughts import Thought
from rasa_bert_intent.errors import DataError, name_some

# What the column of messages is called in most files.
_TEXT_COLUMNS = ("text", "message", "utt", "utterance")
_PERHAPS_TEXT_COLUMNS = ("texts", "messages", "utterances", "query")
# What a spreadsheet may write between the columns of a .csv.
_DELIMITERS = (",", ";", "\t")
_IN_NO_TEXT = "\x1f"
_ADDED = ("intent", "confidence", "p_in_scope", "fallback")


@dataclass(frozen=True)
class Messages:
    """A table with a column of messages.

    Attributes:
        header: Of its columns.
        rows: Their cells, `[messages][columns]`.
        column: Index of the one with the messages.
        delimiter: Between columns.
        notes: What had to be guessed.
    """

    header: list[str]
    rows: list[list[str]]
    column: int = 0
    delimiter: str = ","
    notes: Sequence[str] = ()

    @property
    def texts(self) -> list[str]:
        """The messages."""
        return [row[self.column] for row in self.rows]

    def write(self, path: Path, thoughts: Sequence[Thought]) -> None:
        """Writes the table with columns added: intent, confidence, P(in scope), whether the bot falls back.

        Args:
            path: The file; an existing one is overwritten.
            thoughts: Of the first messages; the rows of others get empty cells.
        """
        added = [f"predicted_{name}" if name in self.header else name for name in _ADDED]
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=self.delimiter, lineterminator="\n")
            writer.writerow([*self.header, *added])
            for index, row in enumerate(self.rows):
                writer.writerow([*row, *(_cells(thoughts[index]) if index < len(thoughts) else [""] * len(added))])


def pasted(text: str) -> Messages:
    """One message a line.

    Raises:
        DataError: if there is none.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError("There is no message. Paste some, one a line, or choose a file.")
    return Messages(["text"], [[line] for line in lines])


def read_table_of_messages(path: Path, column: str = "") -> Messages:
    """A `.csv` or `.tsv` with a column of messages, or a `.txt` with a message a line.

    Args:
        path: The file.
        column: Name of the column, or its number from 1; empty: it is called `text` or `message`, or is the only one.

    Raises:
        DataError: if the file is empty, cannot be read, or the column is not in it.
    """
    if path.suffix.lower() not in SUFFIXES:
        if path.suffix.lower() != ".txt":
            raise DataError(f"{path} is neither .csv, .tsv nor .txt. Save it as one of these.")
        return Messages(["text"], [[text] for text in read_messages(path)])
    rows, notes, delimiter = _rows(path)
    first = [cell.strip() for cell in rows[0][1]]
    called = [[name for name in first if name.lower() in names] for names in (_TEXT_COLUMNS, _PERHAPS_TEXT_COLUMNS)]
    known = called[0] or called[1]
    if not column.strip() and len(first) > 1 and len(known) != 1:
        raise DataError(f"{path} has the columns {name_some(first)}: which holds the messages? Name it, or its number.")
    if column.strip():
        index = find_column(column.strip(), "Column", first, path, header=True)
    else:
        index = first.index(known[0]) if known else 0
    if len(first) == 1 and not known and not column.strip():
        first, body = ["text"], rows  # a list without a header
    else:
        body = rows[1:]
    if not body:
        raise DataError(f"{path} holds a header and no message below it.")
    for line, cells in body:
        if has_surrogate(cells[index]):
            raise DataError(f"{path}, line {line}: holds a lone surrogate, half a character. Mend it.")
    return Messages(first, [cells for _, cells in body], index, delimiter, [told.split("; --")[0] for told in notes])


def _delimiter(path: Path, first: str) -> str:
    """What stands between the columns: as the file's ending says, or as spreadsheets write them."""
    expected = delimiter_of(path)
    found = [each for each in _DELIMITERS if each in first]
    return expected if expected in found or len(found) != 1 or path.suffix.lower() != ".csv" else found[0]


def _rows(path: Path) -> tuple[Rows, list[str], str]:
    """The rows, what had to be guessed, and the delimiter."""
    lines, notes = read_rows(path, TableForm(delimiter=_IN_NO_TEXT, quotes="none"))
    first = lines[0][1][0]
    delimiter = _delimiter(path, first)
    try:
        return *read_rows(path, TableForm(delimiter=delimiter)), delimiter
    except DataError as error:
        listed = delimiter not in first or delimiter != delimiter_of(path)
        if listed and not any('"' in line for _, (line,) in lines):  # a list, whose messages may hold one
            return lines, notes, delimiter_of(path)
        # The page has no such options.
        raise DataError(str(error).replace(", or name another --delimiter or --quotes", "")) from None


def _cells(thought: Thought) -> list[str]:
    scope = "" if thought.p_in_scope is None else f"{thought.p_in_scope:.4f}"
    return [thought.best or "", f"{thought.confidence:.4f}", scope, "yes" if thought.fallback else "no"]
