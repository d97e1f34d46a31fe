"""Converts MASSIVE to Rasa NLU training data: one locale at a time into a folder that appears only when complete."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from rasa_bert_intent.data.massive import SPLITS, Row, read_locales, unknown_names
from rasa_bert_intent.data.output import check_output, replaced_folder
from rasa_bert_intent.data.rasa_nlu import write_domain, write_nlu
from rasa_bert_intent.errors import DataError

_ORIGIN = "Amazon MASSIVE (CC BY 4.0)"


@dataclass(frozen=True)
class LocaleSummary:
    """What was written for one locale.

    ``rows`` is the number of examples of each split. ``notes`` says, row by row, what could not be carried over:
    ``left_out`` rows and ``lost_entities`` entities.
    """

    locale: str
    rows: dict[str, int]
    intents: int
    entity_types: int
    left_out: int
    lost_entities: int
    notes: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        rows = " + ".join(f"{number:,} {split}" for split, number in self.rows.items())
        lost = f", {self.left_out:,} rows left out" if self.left_out else ""
        lost += f", {self.lost_entities:,} entities lost" if self.lost_entities else ""
        return (
            f"{self.locale}: {rows} examples, {self.intents} intents, {self.entity_types} entity types{lost} "
            f"({self.seconds:.1f} s)"
        )


@dataclass(frozen=True)
class Selection:
    """Which rows are written.

    Args:
        splits: of train, dev and test.
        intents: these intents, and
        scenarios: all intents of these scenarios; both empty for all intents.
        entities: whether entities are annotated.
        max_per_intent: at most so many examples of an intent in train; dev and test stay whole, so that few-shot
            results are comparable. The choice depends on ``seed`` and the intent alone.
        seed: of that choice.
    """

    splits: Collection[str] = SPLITS
    intents: Collection[str] = ()
    scenarios: Collection[str] = ()
    entities: bool = True
    max_per_intent: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [split for split in self.splits if split not in SPLITS]
        if unknown or not self.splits:
            raise DataError(f"splits are {', '.join(self.splits) or 'none'}; expected some of {', '.join(SPLITS)}")
        if self.max_per_intent is not None and self.max_per_intent < 1:
            raise DataError(f"max_per_intent is {self.max_per_intent}; expected 1 or more")


def convert(
    source: Path,
    output_dir: Path,
    *,
    locales: Sequence[str] | None = ("en-US",),
    selection: Selection | None = None,
    labels: Path | None = None,
    force: bool = False,
    progress: bool = False,
) -> tuple[LocaleSummary, ...]:
    """Write ``<split>/nlu.yml`` for each split and one ``domain.yml``.

    One locale goes to ``output_dir`` itself, several, or all (None), each to its own folder in there.

    Args:
        source: any form of the data set, see `rasa_bert_intent.data.massive`.
        output_dir: must not exist or be empty, unless ``force``.
        locales: for example ``["en-US", "de-DE"]``; None for all that ``source`` has.
        selection: which rows; default all.
        labels: the order of the intents for a hub form with numbers alone.
        force: replace what a former conversion left in ``output_dir``.
        progress: show a progress bar on stderr, where that is a terminal.

    Raises:
        DataError: ``source`` cannot be read, has no such locale, intent or scenario, or ``output_dir`` cannot be
            written. ``output_dir`` is then as it was.
    """
    source, output_dir = Path(source), Path(output_dir).resolve()
    selection = selection or Selection()
    if locales is not None:
        locales = tuple(dict.fromkeys(locales))
    nested = locales is None or len(locales) > 1
    check_output(output_dir, source, force)
    summaries = []
    with replaced_folder(output_dir) as folder, tqdm(unit=" rows", disable=None if progress else True) as bar:
        for locale, rows in read_locales(source, locales, labels=labels):
            bar.set_description(locale)
            counted = _counted(rows, bar)
            summaries.append(_convert_locale(counted, locale, folder / locale if nested else folder, selection, source))
    return tuple(summaries)


def _convert_locale(
    rows: Iterator[Row], locale: str, folder: Path, selection: Selection, source: Path
) -> LocaleSummary:
    begin = time.perf_counter()
    chosen = _chosen(rows, selection, source)
    notes: list[str] = []
    left_out = 0

    def report(row: Row, note: str) -> None:
        notes.append(f"{row.place}, id {row.id}: {note}")

    if not any(chosen.values()):
        raise DataError(f"{source} holds no rows of {locale} in {', '.join(chosen)} to write")
    written: list[Row] = []
    numbers = {}
    for split, split_rows in chosen.items():
        for row in split_rows:
            for name in row.unlocated if selection.entities else ():
                report(row, f"written without its entity '{name}': its value is not found in 'utt'")
        if not selection.entities:
            split_rows = [row.with_entities(()) for row in split_rows]
        numbers[split] = 0
        if split_rows:
            (folder / split).mkdir(parents=True)
            split_written = write_nlu(
                folder / split / "nlu.yml", split_rows, report, origin="Amazon MASSIVE (CC BY 4.0)"
            )
            numbers[split] = len(split_written)
            left_out += len(split_rows) - len(split_written)
            written += split_written
    intents = {row.intent for row in written}
    entity_types = {entity.type for row in written for entity in row.entities}
    write_domain(folder / "domain.yml", intents, entity_types)
    return LocaleSummary(
        locale=locale,
        rows=numbers,
        intents=len(intents),
        entity_types=len(entity_types),
        left_out=left_out,
        lost_entities=len(notes) - left_out,  # a note is about one row left out or one entity
        notes=tuple(notes),
        seconds=time.perf_counter() - begin,
    )


def _chosen(rows: Iterator[Row], selection: Selection, source: Path) -> dict[str, list[Row]]:
    """The rows of each split that ``selection`` asks for, in the order of the file."""
    chosen: dict[str, list[Row]] = {split: [] for split in SPLITS if split in selection.splits}
    intents, scenarios = set(), set()
    for row in rows:
        intents.add(row.intent)
        scenarios.add(row.scenario)
        asked = row.intent in selection.intents or row.scenario in selection.scenarios
        if row.split in chosen and (asked or not (selection.intents or selection.scenarios)):
            chosen[row.split].append(row)
    for kind, names, known in (
        ("intent", selection.intents, intents),
        ("scenario", selection.scenarios, scenarios),
    ):
        unknown = [name for name in names if name not in known]
        if unknown:
            raise unknown_names(kind, unknown, known, source)
    if selection.max_per_intent is not None and "train" in chosen:
        chosen["train"] = _sample(chosen["train"], selection.max_per_intent, selection.seed)
    return chosen


def _sample(rows: list[Row], number: int, seed: int) -> list[Row]:
    positions: dict[str, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        positions[row.intent].append(position)
    kept: list[int] = []
    for intent, of_intent in positions.items():
        # One generator an intent: its sample does not change with the intents beside it.
        generator = random.Random(f"{seed} {intent}")
        kept += of_intent if len(of_intent) <= number else generator.sample(of_intent, number)
    return [rows[position] for position in sorted(kept)]


def _counted(rows: Iterator[Row], bar: tqdm) -> Iterator[Row]:
    for row in rows:
        bar.update()
        yield row
