"""What a search tells while it runs."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """One line on standard error, whole, whoever else writes there."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
