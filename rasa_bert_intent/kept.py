"""Folders of temporary files that nobody takes away while they are in use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def keep(folder: Path) -> int:
    """Locks a folder, so that a cleaner of /tmp such as systemd-tmpfiles leaves it alone, however old its files are.

    Returns:
        The open file that holds the lock, until it is closed; -1 where there are no such locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return -1
    file = os.open(folder, os.O_RDONLY)
    with suppress(OSError):  # a file system without locks
        fcntl.flock(file, fcntl.LOCK_SH)
    return file


def release(file: int) -> None:
    """Closes what `keep` opened."""
    if file >= 0:
        os.close(file)
