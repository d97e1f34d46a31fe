"""Starts a shared server on this machine, reloads its model, and stops it. Ray runs for this server alone."""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasa_bert_intent.errors import BertIntentError, ServerError
from rasa_bert_intent.own_ray import folder_for_ray, own_ray, require
from rasa_bert_intent.remote.protocol import TOKEN_VARIABLE
from rasa_bert_intent.remote.snapshots import Snapshot, Snapshots, change_of

logger = logging.getLogger(__name__)

_APPLICATION = "rasa_bert_intent"

_TICK_SECONDS = 2

# Requests that wait when all replicas are busy; further ones are told 503.
_MOST_WAITING = 2000
_SECONDS_TO_ANSWER = 60

# Serve gives up on what does not start within seconds, as on a busy machine.
_PATIENCE = {
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "120",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
}


@dataclass(frozen=True)
class Settings:
    """How to serve.

    Attributes:
        model: Path, as for `rasa_bert_intent.archive.model_directory`.
        host: Address to listen on.
        port: TCP port.
        replicas: The fewest and the most processes that hold the model.
        max_batch: Messages that are classified together.
        batch_wait_ms: How long a batch waits to be full.
        max_request_bytes: The longest body of a request.
        watch: Whether to reload as soon as another model lies at the path.
        token: What clients must give; None: nothing.
    """

    model: Path
    host: str
    port: int
    replicas: tuple[int, int]
    max_batch: int
    batch_wait_ms: float
    max_request_bytes: int
    watch: bool
    token: str | None


def serve_model(settings: Settings, say: Callable[[str], object]) -> None:
    """Serves a model until this process is told to stop (SIGINT, SIGTERM); SIGHUP makes it read the model again.

    Args:
        settings: How to serve.
        say: Told, in a line each, that the server is ready and what is reloaded.

    Raises:
        ModelError: if there is no model, or it cannot be loaded.
        ServerError: if Ray is not installed, the port is taken, or anybody could ask without a token.
    """
    require("serving needs Ray Serve", "serve", "ray")
    if settings.token is None and not _is_loopback(settings.host):
        raise ServerError(
            f"--host {settings.host} lets other machines ask, which needs a token: give --token-file, or set "
            f"{TOKEN_VARIABLE}."
        )
    _check_port(settings.host, settings.port)
    with folder_for_ray() as (folder, token):
        (folder / "models").mkdir()
        server = _Server(settings, Snapshots(folder / "models"), say)
        with _ray(settings, server.newest, folder / "ray", token) as metrics_port:
            server.run(metrics_port)


class _Server:
    def __init__(self, settings: Settings, snapshots: Snapshots, say: Callable[[str], object]) -> None:
        self._settings = settings
        self._snapshots = snapshots
        self._say = say
        self._seen = self._last = change_of(settings.model)
        self._served = [snapshots.take(settings.model)]

    @property
    def newest(self) -> Snapshot:
        return self._served[0]

    def run(self, metrics_port: int) -> None:
        """Serves until it is told to stop."""
        told, orders = threading.Event(), set()

        def take_order(number: int, _: object) -> None:
            orders.add(number)
            told.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # after Ray has set its own handlers
            signal.signal(number, take_order)
        self._try(self.newest)
        self._deploy(metrics_port)
        settings = self._settings
        self._say(
            f"Serving {settings.model} ({self.newest.model[:12]}, {self.newest.num_labels} intents) at "
            f"http://{settings.host}:{settings.port}. Ctrl-C stops, SIGHUP ({os.getpid()}) reloads."
        )
        while orders <= {signal.SIGHUP}:
            told.wait(_TICK_SECONDS)
            told.clear()
            _check_ray()
            if signal.SIGHUP in orders or (settings.watch and self._is_replaced()):
                orders.discard(signal.SIGHUP)
                self._reload(metrics_port)

    def _is_replaced(self) -> bool:
        """Whether another model lies at the path, and is not being written any more."""
        now = change_of(self._settings.model)
        rests, self._last = now == self._last, now
        return rests and now != self._seen

    def _reload(self, metrics_port: int) -> None:
        """Serves what lies at the path now; the model before stays for those who ask for it by name."""
        self._seen = change_of(self._settings.model)
        before = self._served
        try:
            newest = self._snapshots.take(self._settings.model)
            if newest == self.newest:
                self._say(f"The model is still {newest.model[:12]}.")
                return
            self._try(newest)
            self._served = [newest, before[0]]
            self._deploy(metrics_port)
        except (BertIntentError, OSError) as error:
            self._served = before
            self._say(f"Not reloaded, {before[0].model[:12]} is served on: {error}")
            return
        self._snapshots.keep({each.model for each in self._served})
        self._say(f"Reloaded: {newest.model[:12]} is served, and {before[0].model[:12]} to those who ask for it.")

    def _try(self, snapshot: Snapshot) -> None:
        """Loads a model in another process, so that one that fails harms no replica.

        Raises:
            ServerError: with what is wrong.
        """
        import ray

        try:
            problem = ray.get(ray.remote(num_cpus=0, max_retries=0)(_problem_of).remote(str(snapshot.directory)))
        except ray.exceptions.RayError as error:  # the process was killed, by want of memory or a fault of its own
            problem = f"the process that tried it ended ({type(error).__name__})"
        if problem:
            raise ServerError(problem)

    def _deploy(self, metrics_port: int) -> None:
        """Starts the replicas, or tells them which models to hold."""
        from ray import serve

        from rasa_bert_intent.remote.deployment import SharedModel

        settings = self._settings
        fewest, most = settings.replicas
        scale: dict[str, Any] = {"num_replicas": fewest}
        if fewest != most:
            scale = {
                "autoscaling_config": {
                    "min_replicas": fewest,
                    "max_replicas": most,
                    "target_ongoing_requests": max(1, settings.max_batch // 2),
                    "upscale_delay_s": 5,
                    "downscale_delay_s": 120,
                    "look_back_period_s": 10,
                    "metrics_interval_s": 1,
                }
            }
        deployment = serve.deployment(
            name="model",
            version="1",  # another model is no other code: replicas need not start anew for it
            **scale,
            user_config={"models": [(each.model, str(each.directory)) for each in self._served]},
            max_ongoing_requests=4 * settings.max_batch,
            max_queued_requests=_MOST_WAITING,
            health_check_period_s=1,
            health_check_timeout_s=30,
            graceful_shutdown_wait_loop_s=0.5,
            graceful_shutdown_timeout_s=10,
            ray_actor_options={"num_cpus": 1},
        )
        application = deployment(SharedModel).bind(
            max_batch=settings.max_batch,
            batch_wait_ms=settings.batch_wait_ms,
            max_request_bytes=settings.max_request_bytes,
            metrics_port=metrics_port,
        )
        try:
            serve.run(application, name=_APPLICATION, logging_config=_QUIET)
        except RuntimeError as error:
            raise ServerError(f"the replicas did not start: {str(error).splitlines()[-1]}") from None


_QUIET = {"log_level": "ERROR", "enable_access_log": False}


def _problem_of(directory: str) -> str | None:
    """What is wrong with a model, None if it answers."""
    from rasa_bert_intent.serving import load_to_serve

    try:
        load_to_serve(Path(directory)).predict_proba(["hello"])
    except BertIntentError as error:
        return str(error)
    except Exception as error:  # whatever the engine raises
        return f"The model fails: {type(error).__name__}: {error}"
    return None


@contextmanager
def _ray(settings: Settings, snapshot: Snapshot, folder: Path, token: str) -> Iterator[int]:
    """A Ray of our own inside the block, with Serve's HTTP server; gives the port of its metrics."""
    for name, seconds in _PATIENCE.items():
        os.environ.setdefault(name, seconds)
    if settings.token is not None:
        os.environ[TOKEN_VARIABLE] = settings.token
    metrics_port = _free_port()
    with own_ray(
        folder,
        token,
        processes=settings.replicas[1],
        share_cpus=snapshot.num_threads is None,
        environment={
            "RAY_enable_open_telemetry": "0",  # Ray 2.52's exporter has no token and loses every metric
            "RAY_metrics_report_interval_ms": "2000",
            "RAY_SERVE_LOG_TO_STDERR": "0",
        },
        _metrics_export_port=metrics_port,
    ):
        from ray import serve

        logging.getLogger("ray.serve").setLevel(logging.ERROR)
        serve.start(
            proxy_location="HeadOnly",
            http_options={"host": settings.host, "port": settings.port, "request_timeout_s": _SECONDS_TO_ANSWER},
            logging_config=_QUIET,
        )
        yield metrics_port
        serve.delete(_APPLICATION)


def _check_ray() -> None:
    """Raises an error when Ray's own processes have died: replicas would live on, and none be replaced."""
    import ray

    if not any(node["Alive"] for node in ray.nodes()):
        raise ServerError("Ray failed: its node died. Start the server again.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_ADVICE_ON_HOST = (
    "Give --host an IPv4 address of this machine, or its name: 127.0.0.1 for this machine alone, 0.0.0.0 for all."
)


def _check_port(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except (OSError, UnicodeError) as error:  # the latter: no name of a machine
        port_is_at_fault = isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES)
        advice = "Choose another port." if port_is_at_fault else _ADVICE_ON_HOST
        reason = getattr(error, "strerror", None) or error
        raise ServerError(f"--host {host} --port {port}: cannot listen there ({reason}). {advice}") from None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]
