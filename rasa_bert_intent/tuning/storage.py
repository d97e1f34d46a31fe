"""The database of a study: an SQLite file, or a server that the workers of many machines share."""

from __future__ import annotations

import copy
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial
from sqlalchemy.engine import URL, make_url

from rasa_bert_intent.data import database
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.tuning.say import say

# Seconds between two signs of life, and from the last one until a worker is taken for dead.
HEARTBEAT, GRACE = 10, 40
# A trial that kills its worker, by taking all memory, shall not do so for ever.
MOST_DEATHS = 3
_DEATHS = "deaths"
# What the database raises that is away.
AWAY = (StorageInternalError, sqlalchemy.exc.SQLAlchemyError)
# SQLite lets one process write at a time; the others wait this many seconds at most.
_PATIENCE = 120
# A server answers within so many seconds, or not at all.
_TO_CONNECT = 10
_WITH_TIMEOUT = ("postgresql:", "postgresql+psycopg", "mysql+pymysql:", "mariadb+pymysql:")
_ATTEMPTS = 3
_BETWEEN = 1.0
# Attempts to note what a trial found, so much later.
_ATTEMPTS_TO_NOTE = 10


def address_of(study: str) -> str:
    """The URL of a database given as a path, of an SQLite file, or as a URL.

    Raises:
        DataError: if it is a URL of no database, or of one in memory; or a path with a `?`.
    """
    if "://" in study:
        try:
            url = database.parsed(study)
        except DataError as error:
            raise DataError(f"--study: {error}") from None
        if _is_in_memory(url):
            raise DataError(
                f"--study: {database.shown(study)} is in memory, where every trial would be lost at the end. Name a "
                "file, such as sqlite:///study.db."
            )
        return url.render_as_string(hide_password=False)
    path = str(Path(study).absolute())
    if "?" in path:  # SQLAlchemy before 2.1 takes what follows for options
        raise DataError(f"--study: {path} holds a ?, which no database's URL can. Give another --study or --output.")
    return URL.create("sqlite", database=path).render_as_string()


def _is_in_memory(url: URL) -> bool:
    """Whether a database is one of SQLite's that have no file."""
    name = url.database or ":memory:"
    return url.get_backend_name() == "sqlite" and (
        name == ":memory:" or name.startswith("file::memory:") or url.query.get("mode") == "memory"
    )


def file_of(address: str) -> Path | None:
    """The SQLite file of an address; None: it is a server's, or its URL has options, of which one may be a path."""
    url = make_url(address)
    return Path(url.database) if url.database and url.get_backend_name() == "sqlite" and not url.query else None


def shown(address: str) -> str:
    """An address as it may be printed: a path, or a URL without its password."""
    return str(file_of(address) or database.shown(address))


def place_of(address: str, folder: Path) -> str:
    """Where a study is, for a note in a folder: a file as from there, which may move with it; a URL without a login."""
    file, url = file_of(address), make_url(address)
    if file:
        try:
            return Path(os.path.relpath(file, folder)).as_posix()
        except ValueError:  # Windows: on another drive
            return file.as_posix()
    return str(URL.create(url.get_backend_name(), host=url.host, port=url.port, database=url.database))


@contextmanager
def told(address: str) -> Iterator[None]:
    """What the database cannot do is told in one line."""
    try:
        yield
    except AWAY as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = " ".join(str(cause).split())
        raise DataError(
            f"--study: {shown(address)} cannot be read or written ({reason}). What was found so far stays there."
        ) from None


def open_storage(address: str, *, heartbeat: int = HEARTBEAT, grace: int = GRACE) -> RDBStorage:
    """A database; its tables are made where there are none.

    Args:
        address: See `address_of`.
        heartbeat: Seconds between two signs of life of a worker.
        grace: Seconds from the last one until it is taken for dead.

    Raises:
        DataError: if it cannot be reached, or is something else.
    """
    kwargs: dict[str, Any] = {"pool_pre_ping": True}
    if address.startswith("sqlite:"):
        kwargs["connect_args"] = {"timeout": _PATIENCE}
    elif address.startswith(_WITH_TIMEOUT):
        kwargs["connect_args"] = {"connect_timeout": _TO_CONNECT}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings(), told(address):
            warnings.simplefilter("ignore", ExperimentalWarning)  # the heartbeat
            for attempt in range(_ATTEMPTS):
                try:
                    return _Storage(
                        address.replace("{", "{{").replace("}", "}}"),  # Optuna fills in what stands in braces
                        engine_kwargs=kwargs,
                        heartbeat_interval=heartbeat,
                        grace_period=grace,
                        heartbeat_stale_trial_callback=tried_again,
                    )
                except AWAY:
                    # Another worker may be making the same tables.
                    if attempt == _ATTEMPTS - 1:
                        raise
                    time.sleep(_BETWEEN)
    except ImportError as error:
        reason = error.__cause__ if isinstance(error.__cause__, ImportError) else error
        raise DataError(f"--study: {database.no_driver(make_url(address), reason)}") from None
    except RuntimeError as error:  # a schema of another Optuna
        raise DataError(f"--study: {error.__cause__ or error} Mend this, or give another --study.") from None
    raise AssertionError


class _Storage(RDBStorage):
    def record_heartbeat(self, trial_id: int) -> None:
        # While the database is away the trial goes on.
        with suppress(StorageInternalError):
            super().record_heartbeat(trial_id)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        # What a training found is lost with it.
        for left in reversed(range(_ATTEMPTS_TO_NOTE)):
            try:
                return super().set_trial_user_attr(trial_id, key, value)
            except AWAY:
                if not left:
                    raise
                time.sleep(_BETWEEN)


def tried_again(study: optuna.Study, trial: FrozenTrial) -> None:
    """Puts the trial of a dead worker into the queue again."""
    again = deaths(trial) + 1 < MOST_DEATHS
    say(f"the worker of trial {trial.number} was killed: " + ("it is tried again" if again else "it is given up"))
    if again:
        put_back(study, trial, died=1)


def put_back(study: optuna.Study, trial: FrozenTrial, died: int = 0) -> None:
    """Puts a trial that failed into the queue again; nothing that its worker noted of it goes with it.

    Args:
        study: Whose queue it is.
        trial: Which failed.
        died: Workers that it was the end of.
    """
    trial = copy.deepcopy(trial)
    trial.user_attrs = {}
    trial.system_attrs[_DEATHS] = deaths(trial) + died
    RetryHeartbeatStaleTrialCallback()(study, trial)


def deaths(trial: FrozenTrial) -> int:
    """How many workers the trials were the end of that this one tries again; those that were interrupted are none."""
    return trial.system_attrs.get(_DEATHS, 0)


def history(trial: FrozenTrial) -> list[int]:
    """The numbers of the trials that this one tries again."""
    return trial.system_attrs.get("retry_history", [])  # as Optuna's own function does, which warns
