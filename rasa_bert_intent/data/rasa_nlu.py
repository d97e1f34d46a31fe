"""Writes Rasa NLU training data (YAML, format 3.1) that Rasa's own reader gives back unchanged.

Examples are written as people write them, ``- wake me up at [nine am](time)`` under ``examples: |``. An intent with an
example that a block of lines cannot hold (a control character, a line break, a backslash) becomes a list of quoted
``- text: "..."`` instead. Inside an example three things need care, because Rasa has no escape character:

- Rasa takes any ``[`` for the start of an annotation and strips blanks and line breaks from both ends of an example.
  Both are kept by ``[...][]``, an annotation with an empty list of entities: Rasa reads it as its bare text.
- An entity type with ``:`` or ``)`` is written as ``{"entity": "..."}``.
- An entity cannot hold ``]`` and cannot be empty: the text is kept without that entity, which `write_nlu` reports.

An empty text and a text with a lone surrogate (which UTF-8 cannot hold) are left out, which `write_nlu` reports too.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from rasa_bert_intent.data.clean import has_surrogate
from rasa_bert_intent.data.massive import Entity, Row

RASA_FORMAT = "3.1"


def write_nlu(
    path: Path, rows: Iterable[Row], report: Callable[[Row, str], None], *, origin: str = "Examples"
) -> list[Row]:
    """Write ``rows`` as one NLU file, by intent in alphabetical order, within an intent in the order given.

    Args:
        path: the file to write; an existing one is overwritten.
        rows: entities must be in order and must not overlap.
        report: called for every row or entity that the format cannot hold, with one sentence that says why.
        origin: where the rows are from, for the comment on the first line.

    Returns:
        The rows written, with the entities written.
    """
    by_intent: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        carried = _carried(row, report)
        if carried is not None:
            by_intent[row.intent].append(carried)
    examples = {
        intent: [annotated(row.text, row.entities) for row in by_intent[intent]] for intent in sorted(by_intent)
    }
    write_examples(path, examples, f"{origin} → Rasa, by `rasa-bert-intent convert`")
    return [row for intent in sorted(by_intent) for row in by_intent[intent]]


def write_examples(path: Path, examples: Mapping[str, Sequence[str]], comment: str) -> None:
    """Write one NLU file of examples that are written as Rasa reads them, see `annotated`.

    Args:
        path: the file to write; an existing one is overwritten.
        examples: of each intent, in the order given; none of them holds a line break.
        comment: for the first line. It holds a character that is not ASCII: Rasa decodes backslash escapes before it
            parses a file that is all ASCII.
    """
    printable = "".join(character if character.isprintable() else " " for character in comment)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'# {printable}\nversion: "{RASA_FORMAT}"\nnlu:\n')
        for intent, lines in examples.items():
            file.write(f"- intent: {_scalar(intent)}\n")
            file.write(_examples(lines))


def write_domain(path: Path, intents: Iterable[str], entities: Iterable[str]) -> None:
    """Write a domain with these intents and entity types, in alphabetical order."""
    sections = {"intents": sorted(set(intents)), "entities": sorted(set(entities))}
    lines = [f'version: "{RASA_FORMAT}"']
    for section, names in sections.items():
        lines += [f"{section}:" if names else f"{section}: []", *(f"- {_scalar(name)}" for name in names)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def annotated(text: str, entities: Sequence[Entity] = ()) -> str:
    """The example that Rasa reads back as ``text`` with ``entities``: in order, disjoint, and none with ``]``."""
    parts, end = [], 0
    for entity in entities:
        parts.append(_literal(text[end : entity.start]))
        parts.append(f"[{text[entity.start : entity.end]}]{_entity_type(entity.type)}")
        end = entity.end
    parts.append(_literal(text[end:]))
    return _STRIPPED_BY_RASA.sub(lambda blanks: _guarded(blanks[0]), "".join(parts))


_STRIPPED_BY_RASA = re.compile(r"\A[\n\r ]+|[\n\r ]+\Z")
# What a block of lines does not hold, or a reader of the file would not see: control characters, line breaks of any
# kind (Rasa splits the block by str.splitlines), byte order marks, and the backslash.
_NEEDS_QUOTES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\\\\]")
_NEEDS_ESCAPE = re.compile(_NEEDS_QUOTES.pattern[:-1] + '"]')
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
_PLAIN_NAME = re.compile(r"(?!(?:null|true|false|yes|no|on|off|y|n)\Z)[a-z][a-z0-9_]*\Z")


def _carried(row: Row, report: Callable[[Row, str], None]) -> Row | None:
    """The row with the entities that the format can hold; None where it cannot hold the row."""
    if not row.text:
        report(row, "left out: its text is empty")
        return None
    if any(has_surrogate(part) for part in (row.text, row.intent, *(entity.type for entity in row.entities))):
        report(row, "left out: it holds a lone surrogate, which UTF-8 cannot write")
        return None
    kept = []
    for entity in row.entities:
        value = row.text[entity.start : entity.end]
        if value and "]" not in value:
            kept.append(entity)
        else:
            reason = "cannot hold ']'" if value else "cannot be empty"
            report(row, f"written without its entity '{entity.type}': an entity {reason} in Rasa's format")
    return row if len(kept) == len(row.entities) else row.with_entities(kept)


def _literal(text: str) -> str:
    return text.replace("[", _guarded("["))


def _guarded(text: str) -> str:
    return f"[{text}][]"


def _entity_type(name: str) -> str:
    if name and not any(character in name for character in ":)"):
        return f"({name})"
    return '{"entity": %s}' % json.dumps(name, ensure_ascii=False).replace("}", "\\u007d")  # noqa: UP031


def _examples(examples: Sequence[str]) -> str:
    if any(_NEEDS_QUOTES.search(example) for example in examples):
        return "  examples:\n" + "".join(f"  - text: {_quoted(example)}\n" for example in examples)
    return "  examples: |\n" + "".join(f"    - {example}\n" for example in examples) + "\n"


def _scalar(name: str) -> str:
    return name if _PLAIN_NAME.match(name) else _quoted(name)


def _quoted(text: str) -> str:
    return '"' + _NEEDS_ESCAPE.sub(lambda match: _escape(match[0]), text) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    return _SHORT_ESCAPES.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
