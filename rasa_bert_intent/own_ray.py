"""Ray for one command alone: on the loopback interface, with a token of its own, without usage statistics.

Its files lie in a folder that goes away with it, and none of its processes outlives the command.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rasa_bert_intent.config import ENVIRONMENT_PREFIX
from rasa_bert_intent.cpus import available_cpus
from rasa_bert_intent.errors import ServerError
from rasa_bert_intent.guard import guarded
from rasa_bert_intent.kept import keep, release

THREADS_VARIABLE = f"{ENVIRONMENT_PREFIX}NUM_THREADS"
_MEGABYTE = 1024 * 1024


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
    with connected(
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
def connected(**init: Any) -> Iterator[None]:
    """A connection to a Ray inside the block, whose processes do not write to our streams.

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
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ServerError(f"Ray failed: {reason}") from None
    finally:
        ray.shutdown()
