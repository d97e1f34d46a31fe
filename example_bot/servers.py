"""What the servers beside the bot share: a port, an end, and the error in one line."""

import os
import socket
import subprocess
import sys
from typing import Any

_SECONDS_TO_STOP = 10


class ServerStartError(Exception):
    """A server could not be started; the message says why, in a line."""


def bound(variable: str, default: str = "0") -> socket.socket:
    """A socket at the port of this machine that a variable of the environment names; 0 is a free one.

    Raises:
        ServerStartError: It is no port, or taken.
    """
    port = os.environ.get(variable) or default
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", int(port)))
    except (ValueError, OverflowError):
        sock.close()
        raise ServerStartError(f"{variable} is {port!r}: give a number from 0 to 65535; 0 takes a free port") from None
    except OSError as error:
        sock.close()
        raise ServerStartError(
            f"port {port} cannot be used ({error.strerror}): set {variable} to another one, or to 0 for a free one"
        ) from None
    return sock


def usable_port(variable: str, default: str = "0") -> int:
    """The port that `bound` finds, free again.

    Raises:
        ServerStartError: It is no port, or taken.
    """
    with bound(variable, default) as sock:
        return int(sock.getsockname()[1])


def stop(process: "subprocess.Popen[Any]") -> None:
    """Ends a server that lives as long as its standard input is open."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop_at_end_of_input() -> None:
    """At once: nobody waits for an answer any more, and the database keeps whole transactions alone."""
    sys.stdin.read()
    os._exit(0)
