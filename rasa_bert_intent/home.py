"""Paths as users write them."""

from __future__ import annotations

import os
from pathlib import Path


def expanded(path: str | Path) -> Path:
    """A path whose `~` is the home directory, or stays where there is none, for which `Path.expanduser` raises."""
    return Path(os.path.expanduser(path))  # noqa: PTH111
