"""Reads the intent examples of Rasa NLU data in YAML as Rasa does, without Rasa, and knows the line of each.

Rasa's own loader forgets where an example stood. Here the YAML is parsed to nodes, which keep their marks: values are
taken as they are written (`yes` stays `yes`, as in YAML 1.2, which Rasa reads), and nothing is constructed of tags.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from rasa_bert_intent.errors import DataError

logger = logging.getLogger(__name__)

SUFFIXES = (".yml", ".yaml")

# libyaml is ten times as fast; PyYAML is also built without it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_MERGE = "tag:yaml.org,2002:merge"

# [text](type), [text](type:value), [text]{"entity": ...} and [text][{...}, {...}], as Rasa's entities_parser has them.
_ENTITY = re.compile(r"\[([^\]]+?)\](?:\([^:)]+?(?::[^)]+)?\)|\{[^}]+?\}|\[.*?\])")
# What Rasa strips from an example: no tabs and no other blanks.
_STRIPPED = "\n\r "


@dataclass(frozen=True)
class Example:
    """A labelled text and where it stands: `line` counts from 1."""

    text: str
    intent: str
    path: Path
    line: int


def read_rasa_yaml(path: Path, *, repeats: bool = True) -> Iterator[Example]:
    """Yields the intent examples of a file, or of every YAML file below a folder; other sections and files are skipped.

    The text is without entity annotations; of a retrieval intent, such as `faq/ask_name`, the intent is `faq`.

    Args:
        path: A file or a folder; hidden files and folders in it are left out, as Rasa leaves them out.
        repeats: Whether an example that stands twice (same intent, same text, same annotation) is yielded twice. Rasa
            takes it once.

    Raises:
        DataError: naming file and line that are not YAML or not Rasa's format.
    """
    seen = set()
    for file in _files(path):
        for intent, annotated, line in _written_examples(file):
            if not repeats and (intent, annotated) in seen:
                continue
            seen.add((intent, annotated))
            text = plain_text(annotated)
            if text:
                yield Example(text, intent.partition("/")[0], file, line)


def plain_text(annotated: str) -> str:
    """The text of an example as it is written, without its entities' annotations."""
    return _ENTITY.sub(r"\1", annotated)


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    visited = set()  # a link may lead back up
    for folder, folders, names in os.walk(path, followlinks=True):
        visited.add(os.path.realpath(folder))
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(os.path.join(folder, name)) not in visited  # noqa: PTH118
        )
        yield from (
            Path(folder, name) for name in sorted(names) if name.endswith(SUFFIXES) and not name.startswith(".")
        )


def _written_examples(path: Path) -> Iterator[tuple[str, str, int]]:
    """Intent, text as written, and line of each example in a file."""
    root = _parse(path)
    if not isinstance(root, yaml.MappingNode):  # nothing, or no file of Rasa's
        return
    items = _entries(root, path).get("nlu")
    if items is None or _is_null(items):
        return
    if not isinstance(items, yaml.SequenceNode):
        raise _error(path, items, "'nlu' must be a list of '- intent: ...'")
    for item in items.value:
        if not isinstance(item, yaml.MappingNode):
            raise _error(path, item, "expected '- intent: NAME' with 'examples: |' below it")
        entries = _entries(item, path)
        if "intent" not in entries:  # a synonym, regex or lookup
            continue
        name = entries["intent"]
        if not isinstance(name, yaml.ScalarNode) or _is_null(name) or not name.value.strip():
            raise _error(path, name, "an intent needs a name")
        if "examples" in entries:
            for text, line in _texts(entries["examples"], path):
                yield name.value.strip(), text.strip(_STRIPPED), line


def _texts(examples: yaml.Node, path: Path) -> Iterator[tuple[str, int]]:
    """The texts of one intent, either form, with their lines."""
    if isinstance(examples, yaml.ScalarNode):
        if _is_null(examples):
            return
        first = _first_line(examples)
        for number, line in enumerate(examples.value.splitlines()):
            # Within quotes line breaks are escapes: all is on one line.
            place = first + number if examples.style in ("|", ">") else first
            if line.startswith("-"):
                yield line[1:], place
            elif line.strip():
                logger.warning(f"{path}, line {place}: skipped, as Rasa does: an example starts with '-' ({line!r}).")
        return
    if not isinstance(examples, yaml.SequenceNode):
        raise _error(path, examples, "expected 'examples: |' with lines that start with '-'")
    for item in examples.value:
        text = _entries(item, path).get("text") if isinstance(item, yaml.MappingNode) else None
        if not isinstance(text, yaml.ScalarNode):
            raise _error(path, item, "expected '- text: ...'. For a plain list write 'examples: |' above it")
        yield text.value, _first_line(text)


def _first_line(scalar: yaml.ScalarNode) -> int:
    # The mark of a block is that of its | or >, and the text starts below.
    return scalar.start_mark.line + (2 if scalar.style in ("|", ">") else 1)


def _parse(path: Path) -> yaml.Node | None:
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text: {error}.") from None
    try:
        # Rasa does this to a file that is all ASCII, whatever stands around the escape.
        if content.isascii() and re.search(r"\\u", content, re.IGNORECASE):
            content = content.encode().decode("raw_unicode_escape").encode("utf-16", "surrogatepass").decode("utf-16")
        return yaml.compose(content, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise DataError(f"{path}{where}: not YAML: {error.problem or error.context}. Mend the line.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path}{_line_of_odd_character(content)}: not YAML: {str(error).splitlines()[0]}.") from None


def _line_of_odd_character(content: str) -> str:
    odd = yaml.SafeLoader.NON_PRINTABLE.search(content)
    return f", line {content.count(chr(10), 0, odd.start()) + 1}" if odd else ""


def _entries(mapping: yaml.MappingNode, path: Path) -> dict[str, yaml.Node]:
    """The mapping's own values by their keys, and those that it merges (`<<: *anchor`) and has not itself."""
    merged: dict[str, yaml.Node] = {}
    own: dict[str, yaml.Node] = {}
    for key, value in mapping.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.tag == _MERGE:
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(source, yaml.MappingNode):
                    raise _error(path, source, "'<<' takes a mapping such as *anchor, or a list of them")
                merged = {**_entries(source, path), **merged}  # of several the first holds
            continue
        if key.value in own:
            raise _error(path, key, f"'{key.value}' stands twice. Put both together, or remove one")
        own[key.value] = value
    return {**merged, **own}


def _is_null(node: yaml.Node) -> bool:
    return node.tag == "tag:yaml.org,2002:null"


def _error(path: Path, node: yaml.Node, problem: str) -> DataError:
    return DataError(f"{path}, line {node.start_mark.line + 1}: {problem}.")
