"""Chats with the newest model: through `rasa shell` in a terminal, else a message a line from standard input.

printf 'wake me up at nine am on friday\\nplay some jazz\\n' | python chat.py

The action server is started with the chat, and stopped with it.
"""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

import action_server
from servers import ServerStartError

HERE = Path(__file__).resolve().parent


def main() -> None:
    os.chdir(HERE)  # models, endpoints.yml and the Python modules named in config.yml are here
    newest = newest_model()
    try:
        with action_server.running() as url, endpoints(url) as file:
            if sys.stdin.isatty():
                sys.exit(chat_in_terminal(file))
            asyncio.run(answer_lines(newest, file))
    except ServerStartError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def newest_model() -> Path:
    """The one trained last; where there is none, this ends the program and says so."""
    newest = max(Path("models").glob("*.tar.gz"), key=lambda file: file.stat().st_mtime, default=None)
    if newest is None:
        sys.exit("error: there is no model in models/. Run: make train-bot")
    return newest


@contextmanager
def endpoints(url: str) -> Iterator[str]:
    """A copy of endpoints.yml with the address of the action server that runs."""
    settings = yaml.safe_load(Path("endpoints.yml").read_text("utf-8"))
    with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
        yaml.safe_dump(settings | {"action_endpoint": {"url": url}}, file)
        file.flush()
        yield file.name


def chat_in_terminal(endpoints_file: str) -> int:
    """Runs `rasa shell`, which alone hears Ctrl-C; returns its status."""
    with subprocess.Popen([sys.executable, "-m", "rasa", "shell", "--endpoints", endpoints_file]) as shell:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return shell.wait()


async def answer_lines(model: Path, endpoints_file: str) -> None:
    from rasa.core.agent import load_agent
    from rasa.core.utils import AvailableEndpoints
    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog

    configure_logging_and_warnings(logging.ERROR)
    configure_structlog(logging.ERROR)
    agent = await load_agent(str(model), endpoints=AvailableEndpoints.read_endpoints(endpoints_file))
    for line in sys.stdin:
        message = line.strip()
        if message == "/stop":  # ends `rasa shell` too
            break
        if message:
            print(f"You: {message}", flush=True)
            for reply in await agent.handle_text(message):
                print(f"Bot: {reply.get('text', '')}", flush=True)


if __name__ == "__main__":
    main()
