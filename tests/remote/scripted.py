"""A server that fails as it is told, and in between answers by a real model: no real one fails at will."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from rasa_bert_intent import load_to_serve
from rasa_bert_intent.remote.client import PROBE
from rasa_bert_intent.remote.protocol import read_request, write_answer
from rasa_bert_intent.storage import fingerprint


class ScriptedServer:
    """Listens on a port of its own inside a `with` block.

    Attributes:
        failures: Status and body of the next answers; when none is left, the model answers.
        stalls: Seconds before each answer.
        asked: Texts of each request so far, probes included.
        connections: How many were opened.
    """

    def __init__(self, model: Path) -> None:
        self.failures: list[tuple[int, bytes]] = []
        self.stalls = 0.0
        self.asked: list[list[str]] = []
        self.connections: set[Any] = set()
        self._name, self._model = fingerprint(model), load_to_serve(model)
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = server.answer(body, self.client_address)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> ScriptedServer:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def messages(self) -> list[list[str]]:
        """Of the requests that were no probes."""
        return [texts for texts in self.asked if texts != PROBE]

    def answer(self, body: bytes, client: Any) -> tuple[int, bytes]:
        request = read_request(body)
        with self._lock:
            self.asked.append(request.texts)
            self.connections.add(client)
            failure = self.failures.pop(0) if self.failures else None
        time.sleep(self.stalls)
        if failure:
            return failure
        rows = list(zip(*map(np.ndarray.tolist, self._model.predict_with_scope(request.texts)), strict=True))
        return 200, write_answer(self._name, self._model.labels, rows)


def error(status: int, message: str = "broken") -> tuple[int, bytes]:
    return status, json.dumps({"error": message}).encode()
