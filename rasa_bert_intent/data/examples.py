"""Reads labelled examples, with the file and line of each: Rasa NLU data in YAML, or JSON lines. Needs no Rasa."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

from rasa_bert_intent.data.clean import has_surrogate
from rasa_bert_intent.data.rasa_yaml import SUFFIXES, Example, read_rasa_yaml
from rasa_bert_intent.errors import DataError, name_some

logger = logging.getLogger(__name__)

# What the fields are called in MASSIVE's release, on the hub, and in most other files.
_TEXT_KEYS = ("text", "utt")
_INTENT_KEYS = ("intent", "label_text", "label")


def read_examples(path: Path) -> tuple[list[str], list[str]]:
    """Texts and intents in a file or folder; of Rasa NLU data what Rasa itself takes: exact repeats once.

    Args:
        path: A `.jsonl` file with `text` (or `utt`) and `intent` (or `label_text`), or a file or folder of Rasa NLU
            data in YAML.

    Raises:
        DataError: naming the file and line that cannot be read.
    """
    examples = read_located(path, repeats=False)
    return [example.text for example in examples], [example.intent for example in examples]


def read_messages(path: Path) -> list[str]:
    """Texts in a file or folder, whatever their intents.

    Args:
        path: A `.txt` file with one message a line, a `.jsonl` file with `text` (or `utt`), or Rasa NLU data in YAML.

    Raises:
        DataError: naming the file and line that cannot be read.
    """
    if path.suffix.lower() != ".txt" or not path.exists():
        return [example.text for example in read_located(path, repeats=False, labelled=False)]
    try:
        texts = [line.strip() for line in path.read_text("utf-8-sig").split("\n") if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text ({error}). Save it as UTF-8.") from None
    if not texts:
        raise DataError(f"{path} holds no message.")
    return texts


def read_located(path: Path, *, repeats: bool = True, labelled: bool = True) -> list[Example]:
    """Every example in a file or folder with its place.

    Args:
        path: As for `read_examples`.
        repeats: Whether Rasa NLU data that says an example twice gives it twice.
        labelled: Whether JSON lines must name an intent; if not, the examples have the empty one.

    Raises:
        DataError: naming the file and line that cannot be read.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist. Give a {'' if labelled else '.txt or '}.jsonl file, or Rasa NLU data.")
    if path.suffix.lower() == ".jsonl":
        examples = list(_from_json_lines(path, labelled))
    elif path.is_dir() or path.suffix.lower() in SUFFIXES:
        examples = list(read_rasa_yaml(path, repeats=repeats))
    else:
        kinds = ".yml nor .jsonl" if labelled else ".yml, .jsonl nor .txt"
        raise DataError(
            f"{path} is neither {kinds}. Give one of these; Rasa's older formats become YAML by `rasa data convert "
            "nlu`."
        )
    if not examples:
        raise DataError(
            f"{path} holds no example with a text and an intent. Give Rasa NLU data, or .jsonl with text and intent."
        )
    return examples


def _from_json_lines(path: Path, labelled: bool) -> Iterator[Example]:
    """The rows whose text and, if asked for, intent are not null; of a retrieval intent the part before `/`.

    Labels that are no retrieval intents may hold a `/` too: one line in the log says which become one.
    """
    cut: dict[str, set[str]] = {}
    # Lines are split as bytes: a text may hold what `str` takes for a line break.
    for number, line in enumerate(_lines(path), start=1):
        if line.isspace():
            continue
        try:
            row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            text = next(row[key] for key in _TEXT_KEYS if key in row)
            intent = next(row[key] for key in _INTENT_KEYS if key in row) if labelled else ""
            if not isinstance(text, str | None) or not isinstance(intent, str | int | None):
                raise TypeError
        except (ValueError, TypeError, StopIteration, RecursionError):
            shown = line.decode("utf-8", "replace").strip()[:60]
            keys = " or ".join(_TEXT_KEYS) + (f", and {' or '.join(_INTENT_KEYS)}" if labelled else "")
            raise DataError(f"{path}, line {number}: expected a JSON object with {keys}, got {shown!r}.") from None
        if text is None or intent is None:
            continue
        if isinstance(intent, bool):
            raise DataError(f"{path}, line {number}: the intent is {str(intent).lower()}. Write a name, in quotes.")
        for value in (text, intent := str(intent)):
            if has_surrogate(value):
                raise DataError(f"{path}, line {number}: {value!r} holds a lone surrogate, half a character. Mend it.")
        name, slash, _ = intent.partition("/")
        if slash and not name:
            raise DataError(f"{path}, line {number}: nothing stands before '/' in the intent {intent!r}. Name it.")
        cut.setdefault(name, set()).add(intent)
        yield Example(text, name, path, number)
    merged = sorted(each for intents in cut.values() if len(intents) > 1 for each in intents)
    if merged:
        logger.warning(
            f"{path}: of an intent counts what stands before '/', as of Rasa's retrieval intents, so that "
            f"{name_some(merged)} are one with what they share. If they are none, write '_' in place of '/'."
        )


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as lines:
            yield from lines
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).") from None
