"""Reads Amazon MASSIVE (FitzGerald et al. 2022, arXiv 2204.08582), row by row, in every form it is handed around in.

The release form is a ``tar.gz``, its unpacked folder or one ``<locale>.jsonl`` of it; its rows hold ``utt`` and
``annot_utt``. The hub form is a folder with ``train``, ``validation`` and ``test`` as ``.jsonl`` or ``.parquet``, or
one such file; its rows hold ``text`` and ``label_text`` or a ``label`` number, no entities, and do not name their
locale.
"""

from __future__ import annotations

import difflib
import gzip
import json
import re
import tarfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

from rasa_bert_intent.errors import DataError

SPLITS = ("train", "dev", "test")
LABEL_ORDER_FILE = "hub_label_order.json"


@dataclass(frozen=True)
class Entity:
    """One slot: ``text[start:end]`` of its row is a ``type``."""

    start: int
    end: int
    type: str


@dataclass(frozen=True)
class Row:
    """One utterance.

    ``entities`` are in order and do not overlap. ``unlocated`` names the types of those slots of ``annot_utt`` whose
    value could not be found in ``utt``. ``place`` is the file and line the row was read from.
    """

    id: str
    locale: str
    split: str
    scenario: str
    intent: str
    text: str
    entities: tuple[Entity, ...] = ()
    unlocated: tuple[str, ...] = ()
    place: str = ""

    def with_entities(self, entities: Iterable[Entity]) -> Row:
        """The same row with other entities."""
        return replace(self, entities=tuple(entities))


def read_locales(
    source: Path, locales: Collection[str] | None = None, *, labels: Path | None = None
) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield each locale's name and rows; the rows must be used up before the next locale is asked for.

    An archive is read once, front to back, and nothing of it is unpacked to disk.

    Args:
        source: any form of the data set.
        locales: which to read; None for all that ``source`` has. The hub form takes one name, since it has none.
        labels: JSON list with the intent of each ``label`` number, for a hub form without ``label_text``; default:
            ``hub_label_order.json`` beside it.

    Raises:
        DataError: a file is missing, damaged or malformed (with its line), or ``source`` lacks a locale.
    """
    if not source.exists():
        raise DataError(f"{source} does not exist; expected MASSIVE's tar.gz, its folder, or a .jsonl or .parquet file")
    hub_files = _hub_files(source)
    if hub_files:
        if locales is None or len(locales) != 1:
            raise DataError(f"{source} is the hub form, which does not name its locale: give one, for example en-US")
        (locale,) = locales
        yield locale, _hub_rows(hub_files, locale, labels)
    elif source.is_file() and source.suffix != ".jsonl":
        yield from _archive(source, locales)
    else:
        files = _release_files(source)
        for locale in sorted(files) if locales is None else locales:
            if locale not in files:
                raise unknown_names("locale", [locale], files, source)
            yield locale, _release_rows(_json_lines(files[locale]), locale)


def unknown_names(kind: str, unknown: Iterable[str], known: Iterable[str], source: Path) -> DataError:
    """The error for names that ``source`` does not have, with the closest that it has, or else all of them."""
    names = sorted(known)
    found = []
    for name in unknown:
        close = difflib.get_close_matches(name, names)
        hint = f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(names) or 'none'}"
        found.append(f"'{name}' ({hint})")
    return DataError(f"{source} has no {kind} {', '.join(found)}")


def locate_slots(annotated: str, text: str) -> tuple[tuple[Entity, ...], tuple[str, ...]]:
    """Find the slots of ``annot_utt``, as in ``wake me up at [time : nine am]``, in ``utt``.

    White space is disregarded: ja-JP, for one, has blanks around slots in ``annot_utt`` alone. Where the two differ in
    more than that, a slot is taken only if its value stands in ``text`` exactly once.

    Returns:
        The entities, in order, and the types of the slots that could not be found.
    """
    solid_text = "".join(text.split())
    offsets = [offset for offset, character in enumerate(text) if not character.isspace()]
    slots, plain, end = [], "", 0
    for slot in _SLOT.finditer(annotated):
        plain += "".join(annotated[end : slot.start()].split())
        value = "".join(slot["value"].split())
        slots.append((slot["type"], value, len(plain)))
        plain += value
        end = slot.end()
    plain += "".join(annotated[end:].split())

    entities: list[Entity] = []
    unlocated = []
    for name, value, start in slots:
        if plain != solid_text:
            start = solid_text.find(value) if solid_text.count(value) == 1 else -1
        entity = Entity(offsets[start], offsets[start + len(value) - 1] + 1, name) if value and start >= 0 else None
        if entity is None or any(entity.start < other.end and other.start < entity.end for other in entities):
            unlocated.append(name)
        else:
            entities.append(entity)
    return tuple(sorted(entities, key=lambda entity: entity.start)), tuple(unlocated)


_SLOT = re.compile(r"\[\s*(?P<type>[^\[\]:]+?)\s*:\s*(?P<value>[^\]]*?)\s*\]")
LOCALE = re.compile(r"[a-z]{2,3}-[A-Za-z0-9-]{2,}")
_HUB_FILE = re.compile(r"(?P<split>train|validation|dev|test)(?:-\d+-of-\d+)?\.(?:jsonl|parquet)")
_Records = Iterator[tuple[str, dict[str, Any]]]


def _archive(source: Path, locales: Collection[str] | None) -> Iterator[tuple[str, Iterator[Row]]]:
    found, done = set(), set()
    with _damage_reported(source), _unzipped(source) as file, tarfile.open(fileobj=file, mode="r|") as archive:
        for member in archive:
            path = PurePosixPath(member.name)
            locale = path.stem
            if not (member.isfile() and path.suffix == ".jsonl" and LOCALE.fullmatch(locale)):
                continue
            if locale in found:
                raise DataError(f"{source} holds more than one {path.name}: unpack it and choose one folder")
            found.add(locale)
            if locales is None or locale in locales:
                lines = archive.extractfile(member)
                assert lines is not None  # it is a file
                yield locale, _release_rows(_parsed(lines, f"{source}: {member.name}", source), locale)
                done.add(locale)
            if locales is not None and done.issuperset(locales):
                return
        while file.read(1 << 20):  # tarfile stops before the end, where gzip keeps its checksum
            pass
    if locales is not None:
        raise unknown_names("locale", [locale for locale in locales if locale not in done], found, source)
    if not found:
        raise DataError(f"{source} holds no <locale>.jsonl, for example en-US.jsonl")


@contextmanager
def _unzipped(source: Path) -> Iterator[IO[bytes]]:
    with source.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        # Not tarfile's own "r|gz": that one takes the end of a truncated file for the end of the archive.
        yield gzip.GzipFile(fileobj=file) if zipped else file  # type: ignore[misc]


@contextmanager
def _damage_reported(path: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"{path} cannot be read, it may be truncated or of another format: {error}") from error


def _release_files(source: Path) -> dict[str, Path]:
    """The file of each locale in an unpacked release, or of the one locale in a file."""
    if source.is_file():
        place, record = _first(_json_lines(source), source)
        locale = _field(record, "locale", place)
        if not LOCALE.fullmatch(locale):
            raise DataError(f"{place}: 'locale' is '{locale}'; expected a name like en-US")
        return {locale: source}
    for folder in (source, source / "data", source / "1.1" / "data"):
        files = {path.stem: path for path in sorted(folder.glob("*.jsonl")) if LOCALE.fullmatch(path.stem)}
        if files:
            return files
    raise DataError(f"{source} holds neither <locale>.jsonl, 1.1/data/<locale>.jsonl nor train.jsonl or train.parquet")


def _release_rows(records: _Records, locale: str) -> Iterator[Row]:
    for place, record in records:
        if _field(record, "locale", place) != locale:
            raise DataError(f"{place}: 'locale' is '{record['locale']}' in a file of '{locale}'")
        split = _field(record, "partition", place)
        if split not in SPLITS:
            raise DataError(f"{place}: 'partition' is '{split}'; expected one of {', '.join(SPLITS)}")
        text = _field(record, "utt", place)
        entities, unlocated = locate_slots(_field(record, "annot_utt", place), text)
        yield Row(
            id=_field(record, "id", place),
            locale=locale,
            split=split,
            scenario=_field(record, "scenario", place),
            intent=_intent(_field(record, "intent", place), place),
            text=text,
            entities=entities,
            unlocated=unlocated,
            place=place,
        )


def _hub_files(source: Path) -> list[tuple[str, Path]]:
    """Split and path of each file of the hub form, in order; empty where ``source`` is no hub form."""
    if source.is_dir():
        paths = sorted(path for path in source.iterdir() if _HUB_FILE.fullmatch(path.name))
        if len({path.suffix for path in paths}) > 1:
            raise DataError(f"{source} holds both .jsonl and .parquet: name one file, or remove one form")
    elif source.suffix == ".parquet" or (
        source.suffix == ".jsonl" and "utt" not in _first(_json_lines(source), source)[1]
    ):
        paths = [source]
    else:
        paths = []
    files = []
    for path in paths:
        match = _HUB_FILE.fullmatch(path.name)
        if match is None:
            raise DataError(f"{path} does not tell its split: name it train, validation or test")
        files.append(({"validation": "dev"}.get(match["split"], match["split"]), path))
    return sorted(files, key=lambda file: SPLITS.index(file[0]))


def _hub_rows(files: Sequence[tuple[str, Path]], locale: str, labels: Path | None) -> Iterator[Row]:
    names: list[str] = []
    for split, path in files:
        for place, record in _parquet_rows(path) if path.suffix == ".parquet" else _json_lines(path):
            if record.get("label_text") is None:
                names = names or _label_names(path, labels)
                label = record.get("label")
                if type(label) is not int or not 0 <= label < len(names):
                    raise DataError(f"{place}: 'label' is {label!r}; expected a number from 0 to {len(names) - 1}")
                intent = _intent(names[label], place)
            else:
                intent = _intent(_field(record, "label_text", place), place)
            yield Row(
                id=str(record.get("id", "")),
                locale=locale,
                split=split,
                scenario=intent.split("_")[0],  # so it is for every row of the release form
                intent=intent,
                text=_field(record, "text", place),
                place=place,
            )


def _label_names(path: Path, labels: Path | None) -> list[str]:
    order = labels or path.parent / LABEL_ORDER_FILE
    if not order.is_file():
        raise DataError(
            f"{path} has 'label' numbers but no 'label_text', and {order} does not exist: name a JSON list of the "
            "intents in the order of the numbers with --labels"
        )
    try:
        names = json.loads(order.read_bytes())
    except ValueError as error:
        raise DataError(f"{order} is not JSON: {error}") from error
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise DataError(f"{order} is not a JSON list of intent names")
    return names


def _json_lines(path: Path) -> _Records:
    with _damage_reported(path), path.open("rb") as lines:
        yield from _parsed(lines, str(path), path)


def _parsed(lines: IO[bytes], name: str, source: Path) -> _Records:
    """Each object with its place. Lines are split as bytes: a text may hold what `str` takes for a line break."""
    with _damage_reported(source):
        for number, line in enumerate(lines, start=1):
            if line.isspace():
                continue
            place = f"{name}, line {number}"
            try:
                record = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except (ValueError, RecursionError) as error:
                raise DataError(f"{place}: not JSON in UTF-8: {error}") from error
            if not isinstance(record, dict):
                raise DataError(f"{place}: expected a JSON object, found {type(record).__name__}")
            yield place, record


def _parquet_rows(path: Path) -> _Records:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise DataError(f"{path} needs pyarrow: pip install 'rasa-bert-intent[parquet]'") from error
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            columns = [name for name in file.schema_arrow.names if name in ("id", "text", "label", "label_text")]
            for batch in file.iter_batches(batch_size=1024, columns=columns):
                for record in batch.to_pylist():
                    number += 1
                    yield f"{path}, row {number}", record
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as parquet: {error}") from error


def _first(records: _Records, source: Path) -> tuple[str, dict[str, Any]]:
    try:
        return next(records)
    except StopIteration:
        raise DataError(f"{source} holds no rows") from None


def _field(record: dict[str, Any], key: str, place: str) -> str:
    if key not in record:
        raise DataError(f"{place}: '{key}' is missing")
    if not isinstance(record[key], str):
        raise DataError(f"{place}: '{key}' must be a text, found {record[key]!r}")
    return record[key]


def _intent(name: str, place: str) -> str:
    # A '/' would make it a retrieval intent, and Rasa strips blanks.
    if not name or name != name.strip() or "/" in name or not name.isprintable():
        raise DataError(f"{place}: {name!r} cannot be the name of an intent in Rasa")
    return name
