"""Starts the action server beside the bot, and stops it with it.

    with action_server.running() as url:
        ...  # url is the action_endpoint of Rasa

EXAMPLE_BOT_ACTION_PORT chooses its port; else it takes a free one. By hand: `rasa run actions`.
"""

import logging
import select
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from urllib.error import URLError
from urllib.request import urlopen

from servers import ServerStartError, bound, stop, stop_at_end_of_input

HERE = Path(__file__).resolve().parent
PORT = "EXAMPLE_BOT_ACTION_PORT"
_READY = "ready "
_SECONDS_TO_START = 60


@contextmanager
def running() -> Iterator[str]:
    """The address of an action server that runs until the block is left, in whatever way.

    The server lives as long as its standard input is open: it ends with this process even if that is killed. It does
    not hear Ctrl-C, so that it still answers while Rasa says good-bye.

    Raises:
        ServerStartError: The port is taken, or the database or a setting cannot be used.
    """
    process = subprocess.Popen(
        [sys.executable, __file__],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield _address(process)
    finally:
        stop(process)
        process.stdout.close()


def _address(process: "subprocess.Popen[str]") -> str:
    """Waits until the server says that it listens, and answers that it is well."""
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], _SECONDS_TO_START)[0]:
        raise ServerStartError(f"the action server did not start within {_SECONDS_TO_START} seconds")
    said = process.stdout.readline().strip()
    if not said.startswith(_READY):
        raise ServerStartError(said or f"the action server ended with status {process.wait()}")
    address = f"http://127.0.0.1:{said.removeprefix(_READY)}"
    try:
        urlopen(f"{address}/health", timeout=_SECONDS_TO_START).close()
    except (URLError, TimeoutError) as error:
        raise ServerStartError(f"the action server at {address} is not well: {error}") from error
    return f"{address}/webhook"


def _serve() -> None:
    """Serves until standard input ends; says on standard output that it listens, or why it cannot."""
    try:
        sock = bound(PORT)
        sock.listen()
    except ServerStartError as error:
        _give_up(str(error))

    with warnings.catch_warnings(record=True):  # Sanic lets every deprecation be shown
        from rasa_sdk.endpoint import create_app

    from actions.turn import household
    from assistant.household import SettingsError
    from assistant.store import StoreError

    logging.basicConfig(level=logging.WARNING, format="action server: %(message)s")
    try:
        household()
    except (SettingsError, StoreError) as error:
        _give_up(str(error))
    app = create_app("actions")

    @app.after_server_start
    async def say_ready(*_: object) -> None:
        print(f"{_READY}{sock.getsockname()[1]}", flush=True)
        threading.Thread(target=stop_at_end_of_input, daemon=True).start()

    app.run(sock=sock, access_log=False)


def _give_up(reason: str) -> NoReturn:
    print(reason, flush=True)
    sys.exit(1)


if __name__ == "__main__":
    _serve()
