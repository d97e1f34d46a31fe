"""The Ray Serve deployment: replicas that each hold the model, answer in batches, and take up a newer one in between.

The only module, beside `server`, that imports Ray.
"""

from __future__ import annotations

import asyncio
import hmac
import http.client
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ray import serve
from ray.serve.metrics import Counter, Histogram
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rasa_bert_intent.predictor import IntentPredictor
from rasa_bert_intent.remote.protocol import (
    CLASSIFY,
    TooMuchError,
    read_request,
    token_of_environment,
    write_answer,
)
from rasa_bert_intent.serving import load_to_serve

_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]
_MESSAGES = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]

# To this machine's own Ray, whatever proxy the environment names.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# Of one text: confidences of all labels, and P(in scope).
Row = tuple[list[float], float]


class SharedModel:
    """One replica.

    Args:
        max_batch: Messages that are classified together.
        batch_wait_ms: How long a batch waits to be full; while one is worked on, the next one gathers anyway.
        max_request_bytes: The longest body of a request.
        metrics_port: Where this machine's Ray shows its metrics, on the loopback interface.
    """

    def __init__(self, *, max_batch: int, batch_wait_ms: float, max_request_bytes: int, metrics_port: int) -> None:
        self._most_bytes = max_request_bytes
        self._metrics_url = f"http://127.0.0.1:{metrics_port}/metrics"
        self._token = token_of_environment()
        self._models: dict[str, IntentPredictor] = {}  # newest first
        self._wanted: list[tuple[str, str]] = []  # newest first: fingerprint and directory
        self._loading: asyncio.Task[None] | None = None  # of the last who wanted some
        self._suspect = False  # the last batch failed
        self._worker = ThreadPoolExecutor(max_workers=1)  # a model works on one batch at a time
        self._classify.set_max_batch_size(max_batch)
        self._classify.set_batch_wait_timeout_s(batch_wait_ms / 1000)
        self._requests = Counter(
            "rasa_bert_intent_requests", description="Requests to classify, by their status.", tag_keys=("status",)
        )
        self._seconds = Histogram(
            "rasa_bert_intent_request_seconds", description="Time to answer a request.", boundaries=_SECONDS
        )
        self._batches = Histogram(
            "rasa_bert_intent_batch_messages", description="Messages classified together.", boundaries=_MESSAGES
        )

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """Takes up models; called by Serve before the first request, and at each reload.

        Requests are answered by the models there are until new ones are loaded. Reloads may come close together: what
        was wanted last is what there will be.

        Args:
            config: `models`, the newest first: fingerprint and directory of each.
        """
        self._wanted = config["models"]
        self._loading = asyncio.create_task(self._take_up(self._wanted, self._loading))
        if not self._models:
            await self._loading

    async def _take_up(self, wanted: list[tuple[str, str]], former: asyncio.Task[None] | None) -> None:
        """Loads one after another; what fails fails all that come after, so that `check_health` sees it."""
        if former is not None:
            await former
        models = dict(self._models)
        for name, directory in wanted:
            if wanted is not self._wanted:
                return  # overtaken: others are wanted now
            if name not in models:
                models[name] = await asyncio.to_thread(load_to_serve, Path(directory))
        if wanted is self._wanted:
            self._models = {name: models[name] for name, _ in wanted}

    async def check_health(self) -> None:
        """Raises what is wrong with this replica; Serve then replaces it."""
        if self._loading is not None and self._loading.done():
            self._loading.result()
        if self._suspect:
            await self._in_worker(_classify, self._newest, ["hello"])
            self._suspect = False

    @property
    def _newest(self) -> IntentPredictor:
        return next(iter(self._models.values()))

    async def __call__(self, request: Request) -> Response:
        """Answers an HTTP request."""
        path, method = request.url.path, request.method
        if path in ("/healthz", "/readyz"):
            return JSONResponse({"models": list(self._models)})
        if not self._is_allowed(request):
            return _error(401, "give the server's token as Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})
        if (method, path) == ("POST", CLASSIFY):
            began = time.perf_counter()
            response = await self._respond(request)
            self._seconds.observe(time.perf_counter() - began)
            self._requests.inc(tags={"status": str(response.status_code)})
            return response
        if (method, path) == ("GET", "/metrics"):
            return await self._metrics()
        return _error(404, f"there is POST {CLASSIFY}, GET /readyz, GET /healthz and GET /metrics")

    def _is_allowed(self, request: Request) -> bool:
        if self._token is None:
            return True
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode())

    async def _metrics(self) -> Response:
        try:
            content = await asyncio.to_thread(_fetch, self._metrics_url)
        except (OSError, http.client.HTTPException) as error:
            return _error(503, f"Ray gives no metrics: {error or type(error).__name__}")
        return Response(content, media_type="text/plain; version=0.0.4")

    async def _respond(self, request: Request) -> Response:
        body = await _body(request, self._most_bytes)
        if body is None:
            return _error(413, f"a request may have {self._most_bytes} bytes")
        try:
            asked = read_request(body)
        except TooMuchError as error:
            return _error(413, str(error))
        except ValueError as error:
            return _error(400, str(error))
        name = asked.model or next(iter(self._models))
        model = self._models.get(name)
        if model is None:
            return _error(409, f"the models here are {', '.join(each[:12] for each in self._models)}")
        try:
            rows = await asyncio.gather(*(self._classify((text, model)) for text in asked.texts))
        except Exception as error:  # whatever the engine raises: the others of the batch must be told too
            self._suspect = True
            return _error(500, f"the model failed: {type(error).__name__}")
        return Response(write_answer(name, model.labels, rows), media_type="application/json")

    @serve.batch
    async def _classify(self, messages: list[tuple[str, IntentPredictor]]) -> list[Row]:
        """Rows of messages that came together; around a reload they may be for two models."""
        self._batches.observe(len(messages))
        rows: dict[int, Row] = {}
        for model in {id(model): model for _, model in messages}.values():
            places = [place for place, (_, its) in enumerate(messages) if its is model]
            of_model = await self._in_worker(_classify, model, [messages[place][0] for place in places])
            rows.update(zip(places, of_model, strict=True))
        return [rows[place] for place in range(len(messages))]

    async def _in_worker(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._worker, function, *arguments)


def _classify(model: IntentPredictor, texts: list[str]) -> list[Row]:
    confidences, in_scope = model.predict_with_scope(texts)
    return list(zip(confidences.tolist(), in_scope.tolist(), strict=True))


async def _body(request: Request, most: int) -> bytes | None:
    """The body; None if it is longer than allowed, which its head may tell before it is read."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, headers)


def _fetch(url: str) -> bytes:
    with _DIRECTLY.open(url, timeout=10) as response:
        return response.read()
