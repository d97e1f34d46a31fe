"""Optuna's study as a queue that several processes work on, and that outlasts the death of any of them.

A trial whose worker was killed is RUNNING without a heartbeat: whoever asks next for work marks it failed and puts it
into the queue again. A trial that was interrupted is put there by its own worker.
"""

from __future__ import annotations

import math
import os
import socket
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import FrozenTrial, TrialState

from rasa_bert_intent.errors import BertIntentError, DataError

# Seconds between two signs of life, and from the last one until a worker is taken for dead.
HEARTBEAT, GRACE = 10, 40
# A trial that kills its worker, by taking all memory, shall not do so for ever.
_MOST_DEATHS = 3
# SQLite lets one process write at a time; the others wait this many seconds at most.
_PATIENCE = 120
_ATTEMPTS = 3
# Seconds between two looks at what other workers do, and looks before a line says so.
_POLL, _SAYS_SO = 1.0, 5

# What is noted of a trial.
ERROR, SURPLUS, WORKER = "error", "surplus", "worker"
_FINGERPRINT = "fingerprint"
_WORTH_KEEPING = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)


class SurplusError(Exception):
    """Two workers took the last trial at once, and this is one too many."""


def address_of(study: str) -> str:
    """The URL of a database given as a path, of an SQLite file, or as a URL."""
    if "://" in study:
        return study
    # Optuna fills in what stands in braces.
    return f"sqlite:///{Path(study).absolute()}".replace("{", "{{").replace("}", "}}")


def shown(address: str) -> str:
    """An address as it may be printed: a path, or a URL without its password."""
    if address.startswith("sqlite:///"):
        return address.removeprefix("sqlite:///")
    return sqlalchemy.engine.make_url(address).render_as_string(hide_password=True)


@contextmanager
def told(address: str) -> Iterator[None]:
    """What the database cannot do is told in one line."""
    try:
        yield
    except (StorageInternalError, sqlalchemy.exc.SQLAlchemyError) as error:
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
        address: Of SQLAlchemy.
        heartbeat: Seconds between two signs of life of a worker.
        grace: Seconds from the last one until it is taken for dead.

    Raises:
        DataError: if it cannot be reached, or is something else.
    """
    kwargs: dict[str, Any] = {"pool_pre_ping": True}
    if address.startswith("sqlite:"):
        kwargs["connect_args"] = {"timeout": _PATIENCE}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings(), told(address):
            warnings.simplefilter("ignore", ExperimentalWarning)  # the heartbeat
            for attempt in range(_ATTEMPTS):
                try:
                    return RDBStorage(
                        address,
                        engine_kwargs=kwargs,
                        heartbeat_interval=heartbeat,
                        grace_period=grace,
                        heartbeat_stale_trial_callback=_tried_again,
                    )
                except (StorageInternalError, sqlalchemy.exc.SQLAlchemyError):
                    # Another worker may be making the same tables.
                    if attempt == _ATTEMPTS - 1:
                        raise
                    time.sleep(_POLL)
    except (ImportError, RuntimeError) as error:  # no driver; a schema of another Optuna
        raise DataError(f"--study: {error.__cause__ or error} Mend this, or give another --study.") from None
    raise AssertionError


def open_study(
    storage: RDBStorage,
    name: str,
    *,
    fingerprint: Mapping[str, str],
    first: Sequence[Mapping[str, Any]] = (),
    sampler: optuna.samplers.BaseSampler | None = None,
    pruner: optuna.pruners.BasePruner | None = None,
) -> optuna.Study:
    """A study, new or as it was left; one of something else in which no trial came to an end is begun anew.

    Args:
        storage: Where it lies.
        name: Its name there.
        fingerprint: What it is a study of: checksums by name.
        first: Points to try first; those that failed are tried again.
        sampler: Chooses points.
        pruner: Breaks off trials.

    Raises:
        DataError: if it is there and of something else.
    """
    study = _created(storage, name, sampler, pruner)
    known = study.user_attrs.get(_FINGERPRINT)
    if known is not None and known != fingerprint:
        if any(trial.state in _WORTH_KEEPING for trial in study.get_trials(deepcopy=False)):
            other = [key for key, value in fingerprint.items() if known.get(key) != value]
            raise DataError(
                f"--study: {shown(storage.url)} holds a search with other {' and '.join(other)}. Go on with those of "
                "that search, or give another --study or --name."
            )
        optuna.delete_study(storage=storage, study_name=name)
        study = _created(storage, name, sampler, pruner)
    study.set_user_attr(_FINGERPRINT, dict(fingerprint))
    trials = study.get_trials(deepcopy=False)
    for point in first:
        if not any(is_at(trial, point) and trial.state != TrialState.FAIL for trial in trials):
            study.enqueue_trial(dict(point))
    return study


def _created(storage: RDBStorage, name: str, sampler: Any, pruner: Any) -> optuna.Study:
    try:
        return optuna.create_study(
            storage=storage, study_name=name, direction="maximize", sampler=sampler, pruner=pruner
        )
    except DuplicatedStudyError:
        return optuna.load_study(storage=storage, study_name=name, sampler=sampler, pruner=pruner)


def is_at(trial: FrozenTrial, point: Mapping[str, Any]) -> bool:
    """Whether a trial is at a point, tried or still to be."""
    own = trial.params or trial.system_attrs.get("fixed_params", {})
    return own.keys() == point.keys() and all(_same(own[name], value) for name, value in point.items())


def _same(one: Any, other: Any) -> bool:
    return (
        math.isclose(one, other, abs_tol=1e-9) if isinstance(one, float) and isinstance(other, float) else one == other
    )


def counted(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that the budget counts: waiting, running or ended, but not those that are tried again."""
    trials = study.get_trials(deepcopy=False)
    again = {number for trial in trials for number in _history(trial)}
    return [trial for trial in trials if trial.state != TrialState.FAIL or _gave_up(trial, again)]


def _gave_up(trial: FrozenTrial, again: set[int]) -> bool:
    """Whether a failed trial is all that there will be of it; `again` are the numbers of those tried again."""
    if ERROR in trial.user_attrs:
        return True
    return trial.number not in again and len(_history(trial)) + 1 >= _MOST_DEATHS


def _history(trial: FrozenTrial) -> list[int]:
    return RetryHeartbeatStaleTrialCallback.retry_history(trial)


def work(
    study: optuna.Study,
    objective: Callable[[optuna.Trial], float],
    budget: int | None,
    until: float = math.inf,
    tell: Callable[[optuna.Study, FrozenTrial], None] = lambda study, trial: None,
) -> None:
    """Works on a study until it has its trials, those of other workers included.

    Args:
        study: Other processes may be at work on it too.
        objective: Gives the score of a trial; what it raises fails the trial alone.
        budget: Trials that the study shall have; 0: those in the queue alone; None: no limit.
        until: No trial is begun after this time, in seconds since the epoch.
        tell: Is called with every trial that this process ended.

    Raises:
        KeyboardInterrupt: the trial at hand being in the queue again.
    """
    runner = _Runner(study, objective, budget)
    waits = 0
    while time.time() < until:
        _bury(study)
        trials = counted(study)
        waiting = [trial for trial in trials if trial.state == TrialState.WAITING]
        running = [trial for trial in trials if trial.state == TrialState.RUNNING]
        if budget is None or waiting or len(trials) < budget:
            waits = 0
            runner.run(tell)
        elif running:
            waits += 1
            if waits == _SAYS_SO:
                say(f"waiting for {_trials(running)} of other workers, or until they are known to be dead")
            time.sleep(_POLL)
        else:
            return


def _bury(study: optuna.Study) -> None:
    """Fails the trials of dead workers, which go into the queue again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
    # One that died before its first sign of life is not found so.
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        began = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
        if WORKER not in trial.user_attrs and time.time() - began > GRACE:
            try:
                study.tell(trial.number, state=TrialState.FAIL)
            except (ValueError, UpdateFinishedTrialError):  # another worker was faster
                continue
            _tried_again(study, trial)


class _Runner:
    """Runs trials one by one."""

    def __init__(self, study: optuna.Study, objective: Callable[[optuna.Trial], float], budget: int | None) -> None:
        self._study = study
        self._objective = objective
        self._budget = budget
        self._number: int | None = None

    def run(self, tell: Callable[[optuna.Study, FrozenTrial], None]) -> None:
        """Runs one trial."""
        self._number = None
        try:
            self._study.optimize(self._score, n_trials=1, catch=(Exception,), callbacks=[tell])
        except KeyboardInterrupt:
            trial = self._trial()
            if trial is not None and trial.state == TrialState.FAIL:
                RetryHeartbeatStaleTrialCallback()(self._study, trial)
            raise
        except (ValueError, UpdateFinishedTrialError):
            trial = self._trial()
            if trial is None or not trial.state.is_finished():
                raise
            # The machine slept, or the process was stopped for long.
            say(f"trial {trial.number} was taken for dead meanwhile: its answer is dropped, it is tried again")

    def _trial(self) -> FrozenTrial | None:
        if self._number is None:
            return None
        return next(trial for trial in self._study.get_trials() if trial.number == self._number)

    def _was_queued(self) -> bool:
        trial = self._trial()
        return trial is not None and not {"fixed_params", "retry_history"}.isdisjoint(trial.system_attrs)

    def _score(self, trial: optuna.Trial) -> float:
        self._number = trial.number
        # Before its name: Optuna never takes a trial for dead that gave no sign of life, and `_bury` none with a name.
        storage: Any = self._study._storage
        storage.record_heartbeat(trial._trial_id)
        trial.set_user_attr(WORKER, f"{socket.gethostname()}:{os.getpid()}")
        if self._budget is not None and not self._was_queued():
            counts = [each.number for each in counted(self._study)]
            if trial.number in counts[self._budget :]:
                trial.set_user_attr(SURPLUS, True)
                raise SurplusError
        try:
            return self._objective(trial)
        except (optuna.TrialPruned, UpdateFinishedTrialError):
            raise
        except Exception as error:
            reason = " ".join(str(error).split())
            trial.set_user_attr(
                ERROR, reason if isinstance(error, BertIntentError) else f"{type(error).__name__}: {reason}"
            )
            raise


def _tried_again(study: optuna.Study, trial: FrozenTrial) -> None:
    """Puts the trial of a dead worker into the queue again."""
    deaths = len(_history(trial)) + 1
    again = deaths < _MOST_DEATHS
    say(f"the worker of trial {trial.number} was killed: " + ("it is tried again" if again else "it is given up"))
    RetryHeartbeatStaleTrialCallback(max_retry=_MOST_DEATHS - 1)(study, trial)


def say(line: str) -> None:
    """One line on standard error, whole, whoever else writes there."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _trials(trials: Sequence[FrozenTrial]) -> str:
    return f"trial {trials[0].number}" if len(trials) == 1 else f"{len(trials)} trials"
