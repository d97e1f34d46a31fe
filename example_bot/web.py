"""Serves the newest model with a page to look at it: the actions, Rasa and `rasa-bert-intent demo`, until Ctrl-C.

Gradio and Rasa exclude each other, so the page has a Python of its own, which EXAMPLE_BOT_WEB_PYTHON names (`make web`
makes it). EXAMPLE_BOT_WEB_PORT is the page's port, 7860 by default; 0 takes a free one.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import action_server
import rasa_server
from chat import endpoints, newest_model
from servers import ServerStartError, usable_port

HERE = Path(__file__).resolve().parent
PORT = "EXAMPLE_BOT_WEB_PORT"


def main(options: Sequence[str]) -> int:
    """Returns the page's exit status; `options` are further ones of the page, such as --share."""
    python = os.environ.get("EXAMPLE_BOT_WEB_PYTHON", sys.executable)
    os.chdir(HERE)  # models, endpoints.yml and the Python modules named in config.yml are here
    model = newest_model()
    try:
        port = usable_port(PORT, "7860")  # told now, not when Rasa has started
        print("Starting the actions, Rasa and the page ...", file=sys.stderr, flush=True)
        with (
            action_server.running() as actions,
            endpoints(actions) as file,
            rasa_server.running(model, file) as url,
        ):
            page = ["-m", "rasa_bert_intent.cli", "demo", "--url", url, "--port", str(port), *options]
            with subprocess.Popen([python, *page]) as process:
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # the page hears Ctrl-C by itself, and ends; then we do
                signal.signal(signal.SIGTERM, lambda *_: process.terminate())
                return process.wait()
    except ServerStartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
