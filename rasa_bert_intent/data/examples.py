"""Reads examples for evaluation: Rasa NLU data (through Rasa's own loader), JSON lines, or plain lines."""

from __future__ import annotations

import json
from pathlib import Path

from rasa_bert_intent.errors import DataError

# What the fields are called in MASSIVE's release, on the hub, and in most other files.
_TEXT_KEYS = ("text", "utt")
_INTENT_KEYS = ("intent", "label_text", "label")


def read_examples(path: Path) -> tuple[list[str], list[str]]:
    """Texts and intents in a file or folder.

    Args:
        path: A `.jsonl` file with `text` (or `utt`) and `intent` (or `label_text`), or a file or folder of Rasa NLU
            data, for which Rasa must be installed.

    Raises:
        DataError: naming the file and line that cannot be read.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist. Give a .jsonl file, or Rasa NLU data.")
    texts, intents = _from_json_lines(path) if path.suffix == ".jsonl" else _from_rasa(path)
    if not texts:
        raise DataError(f"{path} holds no example with a text and an intent.")
    return texts, intents


def read_messages(path: Path) -> list[str]:
    """Texts in a file or folder, whatever their intents.

    Args:
        path: A `.txt` file with one message a line, a `.jsonl` file with `text` (or `utt`), or Rasa NLU data.

    Raises:
        DataError: naming the file and line that cannot be read.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist. Give a .txt file with one message a line, .jsonl, or Rasa NLU data.")
    if path.suffix == ".txt":
        texts = [line.strip() for line in _lines(path) if line.strip()]
    elif path.suffix == ".jsonl":
        texts, _ = _from_json_lines(path, labelled=False)
    else:
        texts, _ = _from_rasa(path)
    if not texts:
        raise DataError(f"{path} holds no message.")
    return texts


def _from_json_lines(path: Path, labelled: bool = True) -> tuple[list[str], list[str]]:
    texts, intents = [], []
    for number, line in enumerate(_lines(path), start=1):
        try:
            row = json.loads(line)
            text = next(row[key] for key in _TEXT_KEYS if key in row)
            intent = next(row[key] for key in _INTENT_KEYS if key in row) if labelled else ""
        except (ValueError, TypeError, StopIteration):
            keys = " or ".join(_TEXT_KEYS) + (f", and {' or '.join(_INTENT_KEYS)}" if labelled else "")
            raise DataError(
                f"{path}, line {number}: expected a JSON object with {keys}, got {line.strip()[:60]!r}."
            ) from None
        texts.append(str(text))
        intents.append(str(intent))
    return texts, intents


def _lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            return file.readlines()  # not splitlines: a JSON string may hold U+2028
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text ({error}). Save it as UTF-8.") from None


def _from_rasa(path: Path) -> tuple[list[str], list[str]]:
    try:
        from rasa.shared.exceptions import RasaException
        from rasa.shared.nlu.training_data.loading import load_data
    except ImportError:
        raise DataError(
            f"{path}: Rasa NLU data is read by Rasa, which is not installed (it needs Python 3.10). Give a .jsonl file."
        ) from None
    try:
        data = load_data(str(path))
    except (RasaException, ValueError) as error:
        raise DataError(f"{path} is no NLU data that Rasa can read: {' '.join(str(error).split())}") from None
    examples = [m for m in data.intent_examples if m.get("text") and m.get("intent")]
    return [m.get("text") for m in examples], [m.get("intent") for m in examples]
