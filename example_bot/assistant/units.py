"""Conversion of units: "convert three feet to inches", "how many feet make one mile"."""

import math
import re
from functools import lru_cache
from typing import Any

import pint

from assistant.sums import format_number
from assistant.time_words import in_digits

_N = r"(?<![\w.,])(?P<n>1 half|half an?|-?\d+(?:\.\d+)?|-?\.\d+|an?)"
_UNIT = r"[a-z°]+(?:(?:/| per )[a-z]+)?(?: (?:of )?[a-z]+)?"
# As they are typed; pint would take them for kilobarns, the speed of light and years.
_SHORT = {"kb": "kilobyte", "mb": "megabyte", "gb": "gigabyte", "tb": "terabyte", "pa": "pascal"}
_SHORT |= {"f": "degF", "c": "degC", "k": "kelvin", "w": "watt", "kw": "kilowatt", "kwh": "kilowatt_hour"}
_SHORT |= {f"{unit}s": unit for unit in ("kg", "km", "cm", "mm", "ml", "mg")}
_QUESTIONS = [
    rf"how many (?P<to>{_UNIT}?) (?:are |is |does it take )?(?:there )?(?:in|make(?: up)?|equal) {_N} (?P<of>{_UNIT})$",
    rf"(?:convert|change|turn|what is|what's|how much is|what are)? ?{_N} (?:degrees? )?(?P<of>{_UNIT}?)"
    rf" (?:in|to|into|is|equals?|are) (?:how many )?(?:degrees? )?(?P<to>{_UNIT})$",
    rf"{_N} (?P<of>{_UNIT}?) (?:is|are|equals?|make) how many (?P<to>{_UNIT})$",
]
_FEET_AND_INCHES = r"(\d+) ?(?:feet|foot|ft) (?:and )?(\d+) ?(?:inches|inch|in)\b(?! [a-z]+$)"
# Before the number it makes another of it: no answer is better than a wrong one.
_MORE = r"\d|\b(?:half|third|quarter)s?\b"


def convert(message: str) -> str | None:
    """The conversion asked for with its result, "3 feet = 36 inches"; None where none of two known units is."""
    text = re.sub(r"\b(?:minus|negative) (?=[\d.])", "-", in_digits(message).lower())
    text = re.sub(_FEET_AND_INCHES, lambda height: f"{12 * int(height[1]) + int(height[2])} inches", text)
    for question in _QUESTIONS:
        found = re.search(question, text)
        if found is None or re.search(_MORE, text[: found.start("n")]):
            continue
        source, target = _unit(found["of"]), _unit(found["to"])
        if source is None or target is None:
            continue
        number = {"a": 1.0, "an": 1.0, "1 half": 0.5, "half a": 0.5, "half an": 0.5}.get(found["n"]) or float(
            found["n"]
        )
        try:
            result = _registry().Quantity(number, source).to(target).magnitude
        except pint.DimensionalityError:
            return f"{found['of']} and {found['to']} measure different things"
        if not math.isfinite(number) or not math.isfinite(result):
            return None
        return f"{format_number(number)} {found['of']} = {format_number(round(result, 10))} {found['to']}"
    return None


@lru_cache(maxsize=1)
def _registry() -> Any:
    return pint.UnitRegistry(autoconvert_offset_to_baseunit=True)


def _unit(words: str) -> Any:
    words = re.sub(r"^(?:degrees? )", "", words.strip()).replace(" per ", "/")
    words = re.sub(r"^kilos?$", "kilograms", words)
    words = re.sub("[a-z]+", lambda word: _SHORT.get(word[0], word[0]), words)
    try:
        return _registry().parse_units(words.replace(" ", "_") if words.startswith(("fluid", "nautical")) else words)
    except Exception:  # pint raises its own, and Python's where the words are not an expression
        return None
