"""Optuna's study as a queue that several processes work on, and that outlasts the death of any of them.

A trial whose worker was killed is RUNNING without a heartbeat: whoever asks next for work marks it failed and puts it
into the queue again. A trial that was interrupted is put there by its own worker.
"""

from __future__ import annotations

import math
import os
import socket
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from rasa_bert_intent.errors import BertIntentError, DataError
from rasa_bert_intent.tuning.say import say
from rasa_bert_intent.tuning.storage import AWAY, GRACE, MOST_DEATHS, deaths, history, put_back, shown, tried_again

# Seconds between two looks at what other workers do, and looks before a line says so.
_POLL, _SAYS_SO = 1.0, 5

# What is noted of a trial.
ERROR, SURPLUS, WORKER = "error", "surplus", "worker"
_FINGERPRINT = "fingerprint"
_WORTH_KEEPING = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)


class FailedError(Exception):
    """A trial failed, which is noted of it."""


class SurplusError(Exception):
    """Two workers took the last trial at once, or put the same point into the queue, and this is one too many."""


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
    own = {**trial.system_attrs.get("fixed_params", {}), **trial.params}  # one that begins has a part of the latter
    return own.keys() == point.keys() and all(_same(own[name], value) for name, value in point.items())


def _same(one: Any, other: Any) -> bool:
    return (
        math.isclose(one, other, abs_tol=1e-9) if isinstance(one, float) and isinstance(other, float) else one == other
    )


def counted(study: optuna.Study) -> list[FrozenTrial]:
    """The trials that the budget counts: waiting, running or ended, but not those that are tried again."""
    trials = study.get_trials(deepcopy=False)
    again = {number for trial in trials for number in history(trial)}
    return [trial for trial in trials if trial.state != TrialState.FAIL or _gave_up(trial, again)]


def _gave_up(trial: FrozenTrial, again: set[int]) -> bool:
    """Whether a failed trial is all that there will be of it; `again` are the numbers of those tried again."""
    if ERROR in trial.user_attrs:
        return True
    return trial.number not in again and deaths(trial) + 1 >= MOST_DEATHS


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
        StorageInternalError, SQLAlchemyError: likewise, the database being away for long; or it is left as a dead
            worker's.
    """
    runner = _Runner(study, objective, budget)
    nameless: dict[int, float] = {}
    waits = 0
    while time.time() < until:
        _bury(study, nameless)
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


def _bury(study: optuna.Study, nameless: dict[int, float]) -> None:
    """Fails the trials of dead workers, which go into the queue again.

    Args:
        study: Whose trials they are.
        nameless: Since when a trial was seen to run without a worker's name, by our clock: others' differ.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
    # One that died before its first sign of life is not found so.
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        if WORKER in trial.user_attrs:
            continue
        if time.monotonic() - nameless.setdefault(trial.number, time.monotonic()) > GRACE:
            try:
                study.tell(trial.number, state=TrialState.FAIL)
            except (ValueError, UpdateFinishedTrialError):  # another worker was faster
                continue
            tried_again(study, trial)


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
            self._study.optimize(self._score, n_trials=1, catch=(FailedError, SurplusError), callbacks=[tell])
        except (KeyboardInterrupt, *AWAY):
            trial = self._trial()
            if trial is not None and trial.state == TrialState.FAIL and {ERROR, SURPLUS}.isdisjoint(trial.user_attrs):
                put_back(self._study, trial)
            raise
        except (UnboundLocalError, AssertionError) as error:  # Optuna's, when it cannot note how a trial ended
            if isinstance(error.__context__, AWAY):
                raise error.__context__ from error.__context__.__cause__
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

    def _is_surplus(self) -> bool:
        own, trials = self._trial(), counted(self._study)
        if own is None:
            return False
        if {"fixed_params", "retry_history"}.isdisjoint(own.system_attrs):
            return self._budget is not None and own.number in [trial.number for trial in trials[self._budget :]]
        # It was in the queue, maybe twice: two searches that began at once saw nothing of each other.
        point = {**own.system_attrs.get("fixed_params", {}), **own.params}
        others = [trial for trial in trials if trial.number < own.number and trial.state != TrialState.FAIL]
        return any(is_at(trial, point) for trial in others)

    def _score(self, trial: optuna.Trial) -> float:
        self._number = trial.number
        # Before its name: Optuna never takes a trial for dead that gave no sign of life, and `_bury` none with a name.
        storage: Any = self._study._storage
        storage.record_heartbeat(trial._trial_id)
        trial.set_user_attr(WORKER, f"{socket.gethostname()}:{os.getpid()}")
        if self._is_surplus():
            trial.set_user_attr(SURPLUS, True)
            raise SurplusError
        try:
            return self._objective(trial)
        except (optuna.TrialPruned, UpdateFinishedTrialError, *AWAY):
            raise
        except Exception as error:
            reason = " ".join(str(error).split())
            trial.set_user_attr(
                ERROR, reason if isinstance(error, BertIntentError) else f"{type(error).__name__}: {reason}"
            )
            raise FailedError from error


def _trials(trials: Sequence[FrozenTrial]) -> str:
    return f"trial {trials[0].number}" if len(trials) == 1 else f"{len(trials)} trials"
