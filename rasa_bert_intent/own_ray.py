"""Ray for one command alone: on the loopback interface, with a token of its own, without usage statistics.

Its files lie in a folder that goes away with it, and none of its processes outlives the command.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rasa_bert_intent.config import ENVIRONMENT_PREFIX
from rasa_bert_intent.cpus import available_cpus
from rasa_bert_intent.errors import ServerError, first_line
from rasa_bert_intent.guard import guarded
from rasa_bert_intent.kept import keep, release

THREADS_VARIABLE = f"{ENVIRONMENT_PREFIX}NUM_THREADS"
_MEGABYTE = 1024 * 1024
# Of a machine: a name, or a number, that of IPv6 in brackets.
_HOST = re.compile(r"[\w.-]+|\[[0-9A-Fa-f:.]+\]")
_SECONDS_TO_CONNECT = 10


def require(what: str, extra: str, *modules: str) -> None:
    """Raises ServerError where one of Ray's modules is not installed.

    Args:
        what: Needs them, as the message begins.
        extra: Of this package, which brings them.
        *modules: Their names.
    """
    if any(importlib.util.find_spec(name) is None for name in modules):
        raise ServerError(f"{what}: pip install 'rasa-bert-intent[{extra}]'")


@contextmanager
def folder_for_ray() -> Iterator[tuple[Path, str]]:
    """A folder, and the token of the Ray whose files may lie in it; after the block neither it nor they are left."""
    token = secrets.token_hex(32)
    # /tmp: Ray's sockets lie in there, and the system allows their paths about a hundred bytes.
    folder = Path(tempfile.mkdtemp(prefix="rbi-", dir="/tmp"))
    lock = keep(folder)
    try:
        with guarded(folder, token):
            yield folder, token
    finally:
        release(lock)


@contextmanager
def own_ray(
    folder: Path,
    token: str,
    *,
    processes: int,
    share_cpus: bool = True,
    object_store_mb: int = 100,
    environment: Mapping[str, str] | None = None,
    **init: Any,
) -> Iterator[None]:
    """A Ray on this machine inside the block.

    Args:
        folder: For its files, see `folder_for_ray`.
        token: Which its processes ask each other for.
        processes: Of ours that it may start; they are what its CPUs are counted by.
        share_cpus: Whether the CPUs there are be divided among them, where the environment does not say.
        object_store_mb: Memory for what they hand each other, in MB.
        environment: Further variables of Ray.
        **init: Further arguments of `ray.init`.

    Raises:
        ServerError: if Ray fails, also within the block.
    """
    os.environ |= {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token,
        "RAY_worker_niceness": "0",  # not 15: somebody waits
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # processes share the GPUs there are
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        **(environment or {}),
    }
    # Ray gives up on what does not start within seconds, as on a busy machine.
    os.environ.setdefault("RAY_worker_register_timeout_seconds", "300")
    if share_cpus:
        os.environ.setdefault(THREADS_VARIABLE, str(max(1, available_cpus() // processes)))
    with _ray(
        address="local",
        num_cpus=processes,
        include_dashboard=False,
        object_store_memory=object_store_mb * _MEGABYTE,
        _node_ip_address="127.0.0.1",
        _temp_dir=str(folder),
        **init,
    ):
        yield


@contextmanager
def connected(address: str) -> Iterator[None]:
    """A connection inside the block to a Ray cluster that runs already.

    Args:
        address: As `--ray-address` gives it: HOST:PORT, or auto.

    Raises:
        ServerError: if it is neither, nobody listens there, or Ray fails, also within the block.
    """
    if address != "auto":
        _check_address(address)
    with _ray(address=address):
        yield


def _check_address(address: str) -> None:
    """Refuses what Ray would raise a traceback for, or ask for minutes."""
    host, _, port = address.rpartition(":")
    if not _HOST.fullmatch(host) or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ServerError(
            f"--ray-address: expected HOST:PORT, as `ray start --head` prints it, or auto, for the cluster that this "
            f"machine is of, got {address!r}."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_CONNECT).close()
    except (OSError, UnicodeError) as error:  # the latter: no name of a machine
        reason = getattr(error, "strerror", None) or error
        raise ServerError(
            f"--ray-address: {address} cannot be reached ({reason}). Give the address of a cluster that "
            "runs, as `ray start --head` prints it, or auto, for the one that this machine is of."
        ) from None


@contextmanager
def _ray(**init: Any) -> Iterator[None]:
    """A Ray inside the block, whose processes do not write to our streams.

    Args:
        **init: Arguments of `ray.init`.

    Raises:
        ServerError: if Ray fails, also within the block.
    """
    import ray

    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **init)
        yield
    except (RuntimeError, ConnectionError, ray.exceptions.RayError) as error:
        cause = error.cause if isinstance(error, ray.exceptions.RayTaskError) else None
        raise ServerError(f"Ray failed: {first_line(error) if cause is None else _named(cause)}") from None
    finally:
        ray.shutdown()


def _named(cause: BaseException) -> str:
    """What was raised in a process of Ray's, whose own text of it begins with that process."""
    return f"{type(cause).__name__}: {first_line(cause)}"
