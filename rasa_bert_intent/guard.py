"""A process that outlives ours by a moment, however that one ends, and leaves nothing of its Ray.

Killed at once, a process cannot stop what it started, and some of Ray's processes would stay for ever.

    python -m rasa_bert_intent.guard FOLDER    waits until standard input is closed
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MARK = "RAY_AUTH_TOKEN"


@contextmanager
def guarded(folder: Path, token: str) -> Iterator[None]:
    """Ends all of a Ray's processes after the block, and removes its folder.

    Args:
        folder: Of its files.
        token: Which its processes have in their environment, and no others do (looked up where there is /proc).
    """
    command = [sys.executable, "-m", "rasa_bert_intent.guard", str(folder)]
    # A session of its own: Ctrl-C in a terminal is not for it.
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, _MARK: token}, start_new_session=True)
    try:
        yield
    finally:
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait()


def _marked(mark: bytes) -> Iterator[int]:
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            number = int(environment.parent.name)
            if number != os.getpid() and mark in environment.read_bytes():
                yield number
        except OSError:  # it is gone, or another user's
            continue


def main() -> None:
    """Waits for the end of who started it, and does what that could not."""
    sys.stdin.read()
    mark = f"{_MARK}={os.environ[_MARK]}".encode()
    for _ in range(100):  # those that are just being started come later
        left = list(_marked(mark))
        if not left:
            break
        for number in left:
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    main()
