"""How words about time are read: by rules, each a pattern and what to make of it. And words that many of them name."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

DAY = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
MONTH = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
)
UNIT = "second|minute|hour|day|week|fortnight|month|year"
LENGTH = rf"(?:\d+(?:\.\d+)?|half an?|an?) (?:{UNIT})s?(?: and a half|(?: and)? \d+ (?:{UNIT})s?)?"
# The hour meant by a part of the day that comes without one.
HOURS_OF_PARTS = {"morning": 9, "afternoon": 15, "evening": 19, "night": 21}

# All but something is meant, or the contrary of what the verb says.
EXCEPTION = (
    r"\b(?:except|but(?: not)?(?: for)? (?:the|my|in)|apart from|other than|besides|excluding|without (?:the|my)"
    r"|(?:but|and|just) (?:leave|keep) (?:the|my|it|only|just|\d))\b"
)
NOT = r"\b(?:do not|don't|dont|never|not to) (?:you )?"

Found = dict[str, Any]  # fields of When
Reader = Callable[[re.Match[str], datetime], Found]


class Rules(list[tuple[re.Pattern[str], Reader]]):
    """Patterns with their readers, in the order in which they are tried: what is longer or surer comes first."""

    def reads(self, *patterns: str) -> Callable[[Reader], Reader]:
        """Adds a reader for some patterns."""

        def add(read: Reader) -> Reader:
            self.extend((re.compile(pattern, re.IGNORECASE), read) for pattern in patterns)
            return read

        return add


def unclear(match: re.Match[str], now: datetime | None = None) -> Found:
    """For words that are about time and not understood: to take half of them would set another day."""
    return {"unclear": match[0].strip()}
