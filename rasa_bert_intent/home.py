"""What users' own folders and paths are like."""

from __future__ import annotations

import os
from pathlib import Path

# What macOS and Windows leave in a folder that somebody looks at.
OF_A_DESKTOP = (".DS_Store", "Thumbs.db", "desktop.ini")


def expanded(path: str | Path) -> Path:
    """A path whose `~` is the home directory, or stays where there is none, for which `Path.expanduser` raises."""
    return Path(os.path.expanduser(path))  # noqa: PTH111
