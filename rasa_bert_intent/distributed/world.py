"""Which processes train together, as torchrun, accelerate or Ray Train tell each of them. Needs no torch."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rasa_bert_intent.errors import OptionsError

T = TypeVar("T")

# torch's own variables, https://pytorch.org/docs/stable/elastic/run.html#environment-variables
_NUMBERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
_ADDRESS = ("MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class World:
    """The processes that train one model, of which this is one.

    Attributes:
        rank: This one's number, from 0.
        size: How many there are, on all machines.
        local_rank: This one's number on its machine, from 0.
        launched: Whether something started them to train together, be it but one.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    launched: bool = False

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> World:
        """The world that the environment tells of, or this process alone.

        Raises:
            OptionsError: The environment tells who this process is, but not where it finds the others.
        """
        if any(name not in environment for name in _NUMBERS):
            return cls()
        if missing := [name for name in _ADDRESS if name not in environment]:
            raise OptionsError(
                f"{' and '.join(missing)}: not set, though {', '.join(_NUMBERS)} are, by which processes train "
                "together. Start them by torchrun, which sets all of these, or unset those to train in one process."
            )
        rank, size, local_rank = (int(environment[name]) for name in _NUMBERS)
        return cls(rank, size, local_rank, launched=True)

    @property
    def is_main(self) -> bool:
        """Whether this process does what is done once: it finishes the model, saves it, and says what happens."""
        return self.rank == 0

    def share(self, rows: Sequence[T]) -> list[T]:
        """This process's part of some rows, in their order.

        Each has as many rows; where they do not suffice, the last one is repeated in the end. All parts one after
        another thus begin with the rows themselves.
        """
        each = -(-len(rows) // self.size)
        return [rows[min(i, len(rows) - 1)] for i in range(self.rank * each, (self.rank + 1) * each)]


def end_with_parent() -> None:
    """Ends this process soon after the one that started it, which, killed at once, cannot stop those it started."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
