"""Chats with the newest model: through `rasa shell` in a terminal, else a message a line from standard input.

printf 'wake me up at nine am on friday\\nplay some jazz\\n' | python chat.py
"""

import asyncio
import logging
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    os.chdir(HERE)  # models, endpoints.yml and replies.py are here
    if sys.stdin.isatty():
        os.execv(sys.executable, [sys.executable, "-m", "rasa", "shell"])
    asyncio.run(answer_lines())


async def answer_lines() -> None:
    from rasa.core.agent import load_agent
    from rasa.core.utils import AvailableEndpoints
    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog

    configure_logging_and_warnings(logging.ERROR)
    configure_structlog(logging.ERROR)
    newest = max(Path("models").glob("*.tar.gz"), key=lambda file: file.stat().st_mtime, default=None)
    if newest is None:
        sys.exit("error: there is no model in models/. Run: make train-bot")
    agent = await load_agent(str(newest), endpoints=AvailableEndpoints.read_endpoints("endpoints.yml"))
    for line in sys.stdin:
        if message := line.strip():
            print(f"You: {message}", flush=True)
            for reply in await agent.handle_text(message):
                print(f"Bot: {reply.get('text', '')}", flush=True)


if __name__ == "__main__":
    main()
