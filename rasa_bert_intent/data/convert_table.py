"""Converts a table of texts and labels to Rasa NLU training data, into a folder that appears only when complete."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rasa_bert_intent.data.clean import clean, intent_name
from rasa_bert_intent.data.massive import Row
from rasa_bert_intent.data.output import check_output, replaced_folder
from rasa_bert_intent.data.rasa_nlu import write_domain, write_nlu
from rasa_bert_intent.data.split import stratified_split
from rasa_bert_intent.data.table import Table, TableForm, read_table
from rasa_bert_intent.errors import DataError

_LINES_NAMED = 5


@dataclass(frozen=True)
class Shares:
    """How much of a table is held out, of each label alike; the rest is ``train``.

    Args:
        dev: share of the examples, 0 to below 1.
        test: likewise; both together are below 1.
        seed: of the choice.
    """

    dev: float = 0.0
    test: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.dev, self.test) < 0 or not self.dev + self.test < 1:
            raise DataError(
                f"--dev-share is {self.dev} and --test-share {self.test}; expected 0 or more, together below 1"
            )


@dataclass(frozen=True)
class TableSummary:
    """What was written.

    ``rows`` is the number of examples of each split, ``intents`` of each intent. ``notes`` says what was guessed,
    replaced, renamed or left out.
    """

    rows: dict[str, int]
    intents: dict[str, int]
    notes: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        rows = " + ".join(f"{number:,} {split}" for split, number in self.rows.items())
        return f"{rows} examples, {len(self.intents)} intents ({self.seconds:.1f} s)"


def convert_table(
    source: Path,
    output_dir: Path,
    text_column: str,
    label_column: str,
    *,
    form: TableForm | None = None,
    shares: Shares | None = None,
    force: bool = False,
) -> TableSummary:
    """Write ``train/nlu.yml``, those of ``dev`` and ``test`` where they have a share, and ``domain.yml``.

    Texts and labels are cleaned, see `rasa_bert_intent.data.clean`. Rows without a text or label are left out. What
    stands twice is written once, since Rasa reads it once, and so that nothing of ``train`` stands in ``test``.

    Args:
        source: the table.
        output_dir: must not exist or be empty, unless ``force``.
        text_column: name, or number from 1.
        label_column: likewise.
        form: how the table is written.
        shares: what to hold out; default nothing.
        force: replace what a former conversion left in ``output_dir``.

    Raises:
        DataError: ``source`` cannot be read or holds nothing to write, or ``output_dir`` cannot be written;
            ``output_dir`` is then as it was.
    """
    begin = time.perf_counter()
    source, output_dir, shares = Path(source), Path(output_dir).resolve(), shares or Shares()
    check_output(output_dir, source, force)
    rows, notes = read_rows(source, text_column, label_column, form)
    splits = _split(rows, shares)
    with replaced_folder(output_dir) as folder:
        for split, members in splits.items():
            (folder / split).mkdir()
            write_nlu(folder / split / "nlu.yml", members, _never_left_out, origin=source.name)
        write_domain(folder / "domain.yml", {row.intent for row in rows}, ())
    return TableSummary(
        rows={split: len(members) for split, members in splits.items()},
        intents=dict(Counter(row.intent for row in rows)),
        notes=tuple(notes),
        seconds=time.perf_counter() - begin,
    )


def read_rows(
    source: Path, text_column: str, label_column: str, form: TableForm | None = None
) -> tuple[list[Row], list[str]]:
    """The examples of a table as they are written, each once, and notes of what was guessed, changed or left out.

    Args:
        source: the table.
        text_column: name, or number from 1.
        label_column: likewise.
        form: how the table is written.

    Raises:
        DataError: ``source`` cannot be read, or holds nothing to write.
    """
    table = read_table(source, text_column, label_column, form)
    rows, notes = _cleaned(table, source)
    return rows, [*table.notes, *notes]


def _cleaned(table: Table, source: Path) -> tuple[list[Row], list[str]]:
    """The examples to write, each once, and what is to be told of them."""
    replaced: Counter[tuple[str, str]] = Counter()
    replaced_in = 0
    empty: list[int] = []
    labels: dict[str, str] = {}
    rows: dict[tuple[str, str], Row] = {}
    for example in table.rows:
        before = replaced.total()
        text, intent = clean(example.text, replaced), intent_name(example.label)
        replaced_in += replaced.total() > before
        if not text or not intent:
            empty.append(example.line)
            continue
        other = labels.setdefault(intent, example.label.strip())
        if other != example.label.strip():
            raise DataError(
                f"{source}, line {example.line}: the labels {other!r} and {example.label.strip()!r} would both become "
                f"the intent {intent!r}: rename one"
            )
        row = Row(id="", locale="", split="", scenario="", intent=intent, text=text, place=f"line {example.line}")
        rows.setdefault((intent, text), row)
    if not rows:
        raise DataError(f"{source} holds no row with a text and a label; rows read: {len(table.rows):,}")
    notes = []
    if replaced:
        what = ", ".join(f"{_name(old)} by {new!r} ({count:,})" for (old, new), count in replaced.most_common())
        rows_are = _rows_are(replaced_in)
        characters = "1 character" if replaced.total() == 1 else f"{replaced.total():,} characters"
        notes.append(f"{characters} in {rows_are} replaced, which Rasa's files cannot hold: {what}")
    if empty:
        notes.append(f"{_rows_are(len(empty))} left out, without a text or a label: {_lines(empty)}")
    if repeats := len(table.rows) - len(empty) - len(rows):
        notes.append(f"{_rows_are(repeats)} left out, whose text stands under the same label before")
    notes += [f"label {label!r} is written as intent {intent!r}" for intent, label in labels.items() if intent != label]
    if len(labels) == 1:
        notes.append(f"every row has the label {next(iter(labels))!r}: to train takes two")
    elif len(labels) > max(2, len(rows) // 2):
        notes.append(f"{len(labels):,} labels for {len(rows):,} texts: is it the right --label-column?")
    return list(rows.values()), notes


def _split(rows: list[Row], shares: Shares) -> dict[str, list[Row]]:
    """The rows of each split that has any, in the order of the file."""
    splits = {}
    rest = rows
    for split, share in (("test", shares.test), ("dev", shares.dev)):
        numbers = {intent: number for number, intent in enumerate(sorted({row.intent for row in rest}))}
        kept, held_out = stratified_split([numbers[row.intent] for row in rest], round(share * len(rows)), shares.seed)
        splits[split] = [rest[index] for index in held_out]
        rest = [rest[index] for index in kept]
    return {split: members for split in ("train", "dev", "test") if (members := {"train": rest, **splits}[split])}


def _never_left_out(row: Row, note: str) -> None:
    raise AssertionError(f"{row.place}: {note}")  # cleaned texts are not empty, and have no entity and no surrogate


def _name(character: str) -> str:
    return f"U+{ord(character):04X}"


def _rows_are(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _lines(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:_LINES_NAMED]))
    return f"line{'s' if len(numbers) > 1 else ''} {shown}{' ...' if len(numbers) > _LINES_NAMED else ''}"
