"""Starts Rasa's HTTP server beside a page, and stops it with it.

    with rasa_server.running(model, endpoints) as url:
        ...  # POST {"text": ...} to url + "/model/parse"

EXAMPLE_BOT_RASA_PORT chooses its port; else it takes a free one. By hand: `rasa run --enable-api`.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from servers import ServerStartError, stop, stop_at_end_of_input, usable_port

HERE = Path(__file__).resolve().parent
LOG = HERE / "rasa.log"
PORT = "EXAMPLE_BOT_RASA_PORT"
_SECONDS_TO_START = 300


@contextmanager
def running(model: Path, endpoints: str) -> Iterator[str]:
    """The address of a server that runs until the block is left, in whatever way; its output goes to `rasa.log`.

    The server lives as long as its standard input is open: it ends with this process even if that is killed. It does
    not hear Ctrl-C.

    Raises:
        ServerStartError: The port is taken, or Rasa cannot load the model.
    """
    port = usable_port(PORT)
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
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process)
        yield url
    finally:
        stop(process)


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
    raise ServerStartError(f"Rasa did not start ({LOG} has all it said): {reason}")


if __name__ == "__main__":
    threading.Thread(target=stop_at_end_of_input, daemon=True).start()
    from rasa.__main__ import main

    main()
