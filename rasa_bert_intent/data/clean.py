"""Makes texts and labels of any origin such that Rasa's files can hold them."""

from __future__ import annotations

import re
from collections import Counter

# What Rasa's own writer puts into YAML as it is, and Rasa's own reader then refuses: control characters but tab and
# line break, the line and paragraph separators, what Unicode has reserved, and lone surrogates.
_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_NAME = re.compile(r"[\s/{}@]+")


def clean(text: str, replaced: Counter[tuple[str, str]]) -> str:
    """The text as Rasa's files can hold it, without blanks at its ends.

    C1 controls (U+0080 to U+009F) are what is left of Windows-1252 that was read as Latin-1: each becomes the
    character that Windows-1252 has in its place, such as U+0092 an apostrophe, as browsers do (HTML Standard, numeric
    character references). Line and paragraph separators become line breaks, all else a blank.

    Args:
        text: any text.
        replaced: counts what was replaced by what; line breaks of other systems and outer blanks are not counted.
    """

    def replacement(match: re.Match[str]) -> str:
        fresh = _replacement(match[0])
        replaced[match[0], fresh] += 1
        return fresh

    return _REFUSED.sub(replacement, text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def has_surrogate(text: str) -> bool:
    """Whether a text holds half a character, which UTF-8 cannot write."""
    return _SURROGATE.search(text) is not None


def intent_name(label: str) -> str:
    """The label as an intent's name: ``_`` for blanks and what has a meaning in Rasa's ``/intent@1.0{...}``."""
    printable = "".join(character if character.isprintable() else " " for character in label)
    return _NO_NAME.sub("_", printable.strip())


def _replacement(character: str) -> str:
    if character in "\u2028\u2029":
        return "\n"
    if "\x80" <= character <= "\x9f":
        fresh = character.encode("latin-1").decode("windows-1252", "ignore")
        return fresh or " "
    return " "
