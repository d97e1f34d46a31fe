"""The kinds of value an option takes.

A check is called with a value and returns it in its proper type, or raises `ValueError` with what was expected; as a
string it says what it allows. Numbers may come as strings, as YAML dialects disagree on `2e-4`; booleans may not.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit


class Check(Protocol):
    """Turns a value into its proper type, or raises `ValueError`."""

    def __call__(self, value: Any) -> Any:
        """Returns the value in its proper type."""


@dataclass(frozen=True)
class Number:
    """A finite number from `low` to `high`; `open_low` and `open_high` exclude the bound itself."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __call__(self, value: Any) -> float:
        """Returns the value as a float, or as an int where it was one."""
        number = _number(value)
        if number is None or not self._contains(number):
            raise ValueError(str(self))
        return number

    def _contains(self, number: float) -> bool:
        above = number > self.low if self.open_low else number >= self.low
        below = number < self.high if self.open_high else number <= self.high
        return above and below

    def __str__(self) -> str:
        low = f"above {self.low:g}" if self.open_low else f"from {self.low:g}"
        if math.isinf(self.high):
            return f"a number {low}"
        return f"a number {low} to {'below ' if self.open_high else ''}{self.high:g}"


@dataclass(frozen=True)
class Integer:
    """A whole number from `low` to `high`."""

    low: int
    high: float = math.inf

    def __call__(self, value: Any) -> int:
        """Returns the value as an int."""
        number = _number(value)
        if number is None or not float(number).is_integer() or not self.low <= number <= self.high:
            raise ValueError(str(self))
        return int(number)

    def __str__(self) -> str:
        top = "" if math.isinf(self.high) else f" to {int(self.high)}"
        return f"a whole number from {self.low}{top}"


@dataclass(frozen=True)
class Flag:
    """`true` or `false`."""

    def __call__(self, value: Any) -> bool:
        """Returns the value, a bool."""
        if not isinstance(value, bool):
            raise ValueError(str(self))
        return value

    def __str__(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Text:
    """A string that is not blank."""

    def __call__(self, value: Any) -> str:
        """Returns the value, a str."""
        if not isinstance(value, str) or not value.strip():
            raise ValueError(str(self))
        return value.strip()

    def __str__(self) -> str:
        return "a text"


@dataclass(frozen=True)
class Url:
    """The address of an HTTP server. A name or password in it would end in logs and archives."""

    def __call__(self, value: Any) -> str:
        """Returns the address without a slash at its end."""
        if not isinstance(value, str) or not self._is_address(value.strip()):
            raise ValueError(str(self))
        return value.strip().rstrip("/")

    @staticmethod
    def _is_address(value: str) -> bool:
        try:
            parts = urlsplit(value)
            named = bool(parts.hostname) and parts.port != 0  # reading a senseless port raises
        except ValueError:
            return False
        return named and parts.scheme in ("http", "https") and not (set("@ ?#") & set(value))

    def __str__(self) -> str:
        return "an address such as http://host:5056, without a password"


class OneOf:
    """One of the words given."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, value: Any) -> str:
        """Returns the word."""
        if value is None and "none" in self.words:
            return "none"
        if value not in self.words:
            raise ValueError(str(self))
        return str(value)

    def __str__(self) -> str:
        return "one of " + ", ".join(self.words)


@dataclass(frozen=True)
class Optional:
    """What another check allows, or null."""

    check: Check

    def __call__(self, value: Any) -> Any:
        """Returns the value, or None."""
        if value is None:
            return None
        try:
            return self.check(value)
        except ValueError:
            raise ValueError(str(self)) from None

    def __str__(self) -> str:
        return f"{self.check} or null"


@dataclass(frozen=True)
class Device:
    """The name of a torch device that can train and serve."""

    def __call__(self, value: Any) -> str:
        """Returns the name."""
        if not isinstance(value, str) or not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
            raise ValueError(str(self))
        return value

    def __str__(self) -> str:
        return "one of auto, cpu, cuda, cuda:N, mps"


@dataclass(frozen=True)
class TargetModules:
    """`all-linear`, or a list of layer names."""

    def __call__(self, value: Any) -> str | list[str]:
        """Returns the word or the list."""
        if value == "all-linear":
            return "all-linear"
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and v.strip() for v in value):
            raise ValueError(str(self))
        return list(value)

    def __str__(self) -> str:
        return "all-linear or a list of layer names"


def _number(value: Any) -> float | int | None:
    """The finite number that a value is or spells, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return None
    try:
        return value if math.isfinite(value) else None
    except OverflowError:  # an int that no float holds
        return None


def unknown(key: str, known: Sequence[str]) -> str:
    """What is wrong with a key that is none of those known, with the one that may be meant."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}?" if close else "remove it"
    return f"{key}: unknown option ({hint})"
