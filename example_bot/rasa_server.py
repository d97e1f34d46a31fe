"""Starts Rasa's HTTP server beside a page, and stops it with it.

    with rasa_server.running(model, endpoints) as url:
        ...  # POST {"text": ...} to url + "/model/parse"

EXAMPLE_BOT_RASA_PORT chooses its port; else it takes a free one. By hand: `rasa run --enable-api`.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from action_server import stop_at_end_of_input

HERE = Path(__file__).resolve().parent
LOG = HERE / "rasa.log"
PORT = "EXAMPLE_BOT_RASA_PORT"
_SECONDS_TO_START = 300
_SECONDS_TO_STOP = 10


class RasaServerError(Exception):
    """The server could not be started; the message says why, in a line."""


@contextmanager
def running(model: Path, endpoints: str) -> Iterator[str]:
    """The address of a server that runs until the block is left, in whatever way; its output goes to `rasa.log`.

    The server lives as long as its standard input is open: it ends with this process even if that is killed. It does
    not hear Ctrl-C.

    Raises:
        RasaServerError: The port is taken, or Rasa cannot load the model.
    """
    port = usable_port(PORT, "0")
    server = [sys.executable, __file__, "run", "--enable-api", "--interface", "127.0.0.1", "--port", str(port)]
    served = ["--model", str(model), "--endpoints", endpoints, "--credentials", "credentials.yml"]
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            [*server, *served],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdin is not None
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process)
        yield url
    finally:
        process.stdin.close()
        try:
            process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def usable_port(variable: str, default: str) -> int:
    """The port that a variable of the environment names, or a free one for 0.

    Raises:
        RasaServerError: It is no port, or taken.
    """
    port = os.environ.get(variable) or default
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", int(port)))
        except (ValueError, OverflowError):
            raise RasaServerError(
                f"{variable} is {port!r}: give a number from 0 to 65535; 0 takes a free port"
            ) from None
        except OSError as error:
            raise RasaServerError(
                f"port {port} cannot be used ({error.strerror}): set {variable} to another one, or to 0 for a free one"
            ) from None
        return int(sock.getsockname()[1])


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Waits until the server has its model; without one Rasa would run on for ever."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        try:
            urlopen(f"{url}/status", timeout=_SECONDS_TO_START).close()
            return
        except (URLError, TimeoutError, ConnectionError):
            if process.poll() is not None or "Could not load model" in LOG.read_text("utf-8", "replace"):
                break
            time.sleep(0.2)
    told = [line.partition("Exception: ")[2] for line in LOG.read_text("utf-8", "replace").splitlines()]
    reason = next(filter(None, reversed(told)), "it may have to be trained anew: make train-bot")
    raise RasaServerError(f"Rasa did not start ({LOG} has all it said): {reason}")


if __name__ == "__main__":
    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    from rasa.__main__ import main

    main()
