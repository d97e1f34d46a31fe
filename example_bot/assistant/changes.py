"""What one message changed or would change, so that the next can correct, undo or confirm it."""

import re
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from assistant.rules import EXCEPTION, NOT
from assistant.store import Alarm, Contact, Entry, Item, TodoList

_TABLES: dict[str, Any] = {"alarm": Alarm, "entry": Entry, "item": Item, "list": TodoList, "contact": Contact}

NOTHING_DELETED = "I can only delete what you name, or all of it: nothing was deleted."
_SPARED = rf"{EXCEPTION}|{NOT}(?:delete|remove|cancel|clear|erase|cross|drop|strike|scratch|scrap|touch)\b"


@dataclass(frozen=True)
class Change:
    """Rows of one kind: alarm, entry, item, list or contact."""

    kind: str
    ids: list[int]

    @classmethod
    def of(cls, *rows: Any) -> "Change":
        kind = next(name for name, table in _TABLES.items() if isinstance(rows[0], table))
        return cls(kind, [row.id for row in rows])

    @property
    def as_slot(self) -> dict[str, Any]:
        return asdict(self)

    def rows(self, session: Session) -> list[Any]:
        """Those that are still there."""
        found = (session.get(_TABLES[self.kind], number) for number in self.ids)
        return [row for row in found if row is not None]

    def delete(self, session: Session) -> int:
        """Deletes the rows; returns how many there were."""
        rows = self.rows(session)
        for row in rows:
            session.delete(row)
        return len(rows)


@dataclass(frozen=True)
class Outcome:
    """What to reply.

    Attributes:
        reply: The words.
        made: What was added, for the next message to correct or undo.
        unsure: What would be deleted if the next message says yes.
    """

    reply: str
    made: Change | None = None
    unsure: Change | None = None


def is_spared(words: str) -> bool:
    """Whether a message about deleting leaves something out, or forbids it: "all except the dentist", "don't"."""
    return re.search(_SPARED, words, re.IGNORECASE) is not None


def enumerate_words(words: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
