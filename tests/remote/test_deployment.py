"""A replica without a Ray around it."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
from ports import free_port

pytest.importorskip("ray", reason="needs Ray Serve: pip install 'rasa-bert-intent[serve]'")
pytest.importorskip("starlette", reason="needs Ray Serve: pip install 'rasa-bert-intent[serve]'")

from starlette.requests import Request
from starlette.responses import Response

from rasa_bert_intent.remote import deployment
from rasa_bert_intent.remote.deployment import SharedModel

Result = TypeVar("Result")
A, B, C = ((name, f"/models/{name}") for name in "ABC")


def run_apart(test: Awaitable[Result]) -> Result:
    """What a coroutine gives, in a thread of its own: the browser's tests leave a loop that runs in this one."""

    async def awaited() -> Result:
        return await test

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(awaited())).result()


class Loads:
    """Takes the place of `load_to_serve`: gives a model's name when the test lets it.

    Attributes:
        begun: The names asked for so far.
    """

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._may_end = {name: threading.Event() for name in "ABC"}
        self._failing: set[str] = set()

    def __call__(self, directory: Path) -> str:
        self.begun.append(directory.name)
        assert self._may_end[directory.name].wait(30)
        if directory.name in self._failing:
            raise MemoryError(directory.name)
        return directory.name

    def end(self, *names: str, fail: bool = False) -> None:
        self._failing |= set(names) if fail else set()
        for name in names:
            self._may_end[name].set()


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    loads = Loads()
    monkeypatch.setattr(deployment, "load_to_serve", loads)
    return loads


def made(metrics_port: int = 1) -> SharedModel:
    return SharedModel(max_batch=1, batch_wait_ms=0, max_request_bytes=1000, metrics_port=metrics_port)


def run(test: Coroutine[Any, Any, None]) -> None:
    run_apart(asyncio.wait_for(test, 60))


async def begins(loads: Loads, *names: str) -> None:
    while loads.begun != list(names):
        await asyncio.sleep(0.01)


async def asked_for_b_and_for_a_again(loads: Loads) -> SharedModel:
    """A replica that has A, and still loads the B that was wanted before it was A again."""
    replica = made()
    loads.end("A")
    await replica.reconfigure({"models": [A]})
    await replica.reconfigure({"models": [B, A]})
    await begins(loads, "A", "B")
    await replica.reconfigure({"models": [A, B]})
    return replica


def test_what_was_wanted_last_is_what_there_is(loads: Loads):
    async def reloads() -> None:
        replica = await asked_for_b_and_for_a_again(loads)
        loads.end("B")
        await replica._loading
        assert list(replica._models) == ["A", "B"]
        await replica.check_health()

    run(reloads())


def test_one_is_loaded_after_another_and_none_that_nobody_wants_any_more(loads: Loads):
    async def reloads() -> None:
        replica = made()
        loads.end("A")
        await replica.reconfigure({"models": [A]})
        for wanted in ([B, A], [C, B], [A, C]):
            await replica.reconfigure({"models": wanted})
        loads.end("C")
        await replica._loading
        assert loads.begun == ["A", "C"]
        assert list(replica._models) == ["A", "C"]

    run(reloads())


def test_a_failure_is_not_lost_by_a_later_reload(loads: Loads):
    async def reloads() -> None:
        replica = await asked_for_b_and_for_a_again(loads)
        loads.end("B", fail=True)
        await asyncio.wait([replica._loading])
        assert list(replica._models) == ["A"]
        with pytest.raises(MemoryError):
            await replica.check_health()

    run(reloads())


def metrics(port: int) -> Response:
    scope = {"type": "http", "method": "GET", "path": "/metrics", "query_string": b"", "headers": []}

    async def ask() -> Response:
        return await made(port)(Request(scope))

    return run_apart(ask())


def test_the_metrics_come_through_no_proxy(monkeypatch: pytest.MonkeyPatch):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ray_x 1")

        def log_message(self, *_: Any) -> None:
            pass

    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        response = metrics(server.server_port)
    assert (response.status_code, response.body) == (200, b"ray_x 1")


def test_metrics_that_cannot_be_had_are_told():
    response = metrics(free_port())
    assert response.status_code == 503
    assert "Ray gives no metrics" in json.loads(response.body)["error"]
