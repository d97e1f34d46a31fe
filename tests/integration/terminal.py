"""Commands at a terminal, for those that ask questions or hear Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from bot import Bot, environment


class Terminal:
    """A terminal with a process in it.

    Attributes:
        text: All that was written so far, without control sequences.
    """

    def __init__(self, side: int, process: subprocess.Popen[bytes]) -> None:
        self.text = ""
        self._side = side
        self._process = process
        self._seen = 0

    def send(self, keys: str) -> None:
        os.write(self._side, keys.encode())

    def expect(self, words: str, seconds: float = 240) -> None:
        """Waits until the words are written after those last waited for."""
        deadline = time.monotonic() + seconds
        while (found := self.text.find(words, self._seen)) < 0:
            assert time.monotonic() < deadline, f"no {words!r} in time in:\n{self.text}"
            assert self._read(), f"ended without {words!r}:\n{self.text}"
        self._seen = found + len(words)

    def status(self, seconds: float = 120) -> int:
        """Reads on until the process ends, and returns its exit status."""
        deadline = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < deadline, f"still running:\n{self.text}"
        return self._process.wait(seconds)

    def _read(self) -> bool:
        if not select.select([self._side], [], [], 0.5)[0]:
            return self._process.poll() is None
        try:
            written = os.read(self._side, 65536).decode("utf-8", "replace")
        except OSError:  # Linux: the other side was closed
            return False
        self.text += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written)
        return bool(written)


def rasa_at_terminal(bot: Bot, *arguments: str) -> AbstractContextManager[Terminal]:
    """Runs `rasa` in the bot's folder at a terminal of its own; it is ended with the block."""
    return at_terminal(bot, "-m", "rasa", *arguments)


@contextmanager
def at_terminal(bot: Bot, *arguments: str, **env: str) -> Iterator[Terminal]:
    """Runs Python in the bot's folder at a terminal of its own; it is ended with the block."""
    ours, its = pty.openpty()

    def take_terminal() -> None:
        """Makes it the one whose Ctrl-C the process and its children hear."""
        os.setsid()
        fcntl.ioctl(its, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=bot.folder,
        stdin=its,
        stdout=its,
        stderr=its,
        env=environment(TERM="xterm", **env),
        preexec_fn=take_terminal,
    )
    os.close(its)
    try:
        yield Terminal(ours, process)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
