"""A tiny trained model, the real server in a process of its own, and plain HTTP to it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ports import free_port

from rasa_bert_intent.config import Options
from rasa_bert_intent.training.fit import fit

TOKEN = "a-word-that-nobody-guesses"
_STARTS_WITHIN = 300


def train(examples: tuple[list[str], list[str]], encoder: Path, directory: Path, **changes: Any) -> Path:
    """A model that knows its examples, served by ONNX Runtime."""
    config = {"encoder": str(encoder), "max_length": 32, "min_steps": 60, "num_threads": 1, "engine": "onnx"}
    rates = {"learning_rate": 5e-3, "head_learning_rate": 5e-2}
    fit(*examples, Options.from_config({**config, **rates, **changes}), progress=False).save(directory)
    return directory


def replace_model(at: Path, by: Path) -> None:
    """Puts a copy of a model in the place of another."""
    shutil.rmtree(at, ignore_errors=True)
    shutil.copytree(by, at)


def wait_until(condition: Callable[[], Any], what: str, seconds: float = _STARTS_WITHIN) -> Any:
    """What a condition gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return found


@dataclass
class Server:
    """`rasa-bert-intent serve`, running."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    token: str | None

    @classmethod
    def start(cls, model: Path, log: Path, *arguments: str, token: str | None = None, port: int = 0) -> Server:
        """Starts a server and waits until it is ready."""
        server = cls(*cls._launch(model, log, port or free_port(), arguments, token), log, token)
        wait_until(server.said_or_ended("Serving "), "the server starts")
        assert server.process.poll() is None, server.output
        return server

    @staticmethod
    def _launch(
        model: Path, log: Path, port: int, arguments: tuple[str, ...], token: str | None
    ) -> tuple[subprocess.Popen[bytes], int]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RASA_BERT_INTENT_")}
        environment = {**kept, "PYTHONWARNINGS": "ignore", **({"RASA_BERT_INTENT_TOKEN": token} if token else {})}
        command = [sys.executable, "-m", "rasa_bert_intent.cli", "serve", str(model), "--port", str(port), *arguments]
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                # A test run started in the background ignores interrupts, and its children would too.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        return process, port

    @property
    def output(self) -> str:
        return self.log.read_text("utf-8", errors="replace")

    def said_or_ended(self, words: str) -> Callable[[], bool]:
        return lambda: words in self.output or self.process.poll() is not None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and body of one request, with the server's token unless another header says otherwise."""
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = self.connect()
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def classify(self, **content: Any) -> tuple[int, dict[str, Any]]:
        status, body = self.ask("POST", "/v1/classify", json.dumps(content).encode())
        return status, json.loads(body)

    @property
    def models(self) -> list[str]:
        """What a replica has, newest first."""
        return json.loads(self.ask("GET", "/readyz")[1])["models"]

    def processes(self, named: str = "") -> list[int]:
        """The server's descendants whose command line holds some words."""
        import psutil

        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if named in " ".join(child.cmdline()):
                    found.append(child.pid)
            except psutil.NoSuchProcess:
                pass
        return found

    def stop(self) -> int:
        """Ctrl-C; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(120)

    def kill(self) -> None:
        """kill -9 of the server; waits until nobody listens any more."""
        self.process.kill()
        self.process.wait(60)
        wait_until(self._is_deaf, "nobody listens after kill -9", 60)

    def _is_deaf(self) -> bool:
        try:
            self.connect().connect()
        except OSError:
            return True
        return False
