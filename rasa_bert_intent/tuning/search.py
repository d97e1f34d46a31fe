"""The search from beginning to end: trials, then the comparison of the best with the defaults."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from rasa_bert_intent.config import MACHINE_OPTIONS
from rasa_bert_intent.errors import BertIntentError, OptionsError
from rasa_bert_intent.reuse import sources_checksum
from rasa_bert_intent.tuning.gain import METRICS, Gain, gain
from rasa_bert_intent.tuning.objective import ANSWERS, CHANGES, WHICH, Compared, Measured, unpacked
from rasa_bert_intent.tuning.say import say
from rasa_bert_intent.tuning.space import Space
from rasa_bert_intent.tuning.storage import open_storage, told
from rasa_bert_intent.tuning.study import ERROR, SURPLUS, counted, is_at, open_study, work
from rasa_bert_intent.tuning.task import Task
from rasa_bert_intent.tuning.workers import run_workers


@dataclass(frozen=True)
class Search:
    """What is searched, how, and where it is kept.

    Attributes:
        task: The data.
        space: The options.
        metric: A key of `rasa_bert_intent.tuning.gain.METRICS`.
        address: Of the database.
        name: Of the study there.
        trials: That the study shall have; None: no limit.
        until: No trial is begun after this time, in seconds since the epoch.
        trainings: Of the defaults and of the best in the final comparison.
        workers: Processes.
        threads: CPU threads of each.
    """

    task: Task
    space: Space
    metric: str
    address: str
    name: str
    trials: int | None
    until: float
    trainings: int
    workers: int
    threads: int


@dataclass(frozen=True)
class Outcome:
    """What was found.

    Attributes:
        study: With all trials.
        defaults: The trial of the defaults.
        best: The best trial, which may be that one.
        changes: What it changes.
        gains: On the test data, by the metric of the search and the other one; empty if the defaults are the best.
    """

    study: optuna.Study
    defaults: FrozenTrial
    best: FrozenTrial
    changes: dict[str, Any]
    gains: list[Gain]


@dataclass(frozen=True)
class Job:
    """What each worker does, see `rasa_bert_intent.tuning.study.work`."""

    address: str
    name: str
    objective: Measured | Compared
    fingerprint: dict[str, str]
    budget: int | None
    until: float
    seed: int
    tell: Callable[[optuna.Study, FrozenTrial], None]

    def open(self, worker: int = 0) -> optuna.Study:
        """The study, new or as it is, with what is to be tried first."""
        storage = open_storage(self.address)
        points = self.objective.points
        with told(self.address):
            study = open_study(storage, self.name, fingerprint=self.fingerprint, first=() if worker else points)
            # Another seed for every worker, and after every start.
            seed = int(np.random.SeedSequence([self.seed, worker, len(study.trials)]).generate_state(1)[0])
        study.sampler, study.pruner = self.objective.sampler(seed), self.objective.pruner()
        return study

    def __call__(self, worker: int) -> None:
        """Works until the study has its trials."""
        study = self.open(worker + 1)
        with told(self.address):
            work(study, self.objective, self.budget, self.until, self.tell)


def run(search: Search) -> Outcome:
    """Searches, or goes on with a search.

    Raises:
        DataError: if the database fails, or holds another search.
        BertIntentError: if the defaults cannot be trained with.
        KeyboardInterrupt: all that was found being kept.
    """
    seed = search.space.options({}).random_seed
    fingerprint = fingerprint_of(search)
    measured = Measured(search.task, search.space, search.metric, search.threads)
    tell = partial(_tell_trial, defaults=search.space.defaults, budget=search.trials, metric=search.metric)
    job = Job(search.address, search.name, measured, fingerprint, search.trials, search.until, seed, tell)
    study = job.open()
    _tell_start(study, search)
    run_workers(job, search.workers)
    done = study.get_trials(states=(TrialState.COMPLETE,))
    defaults = next((trial for trial in done if is_at(trial, search.space.defaults)), None)
    if defaults is None:
        raise BertIntentError("the time was over before the defaults were tried. Start again with a longer --time.")
    # Of equals the defaults, then the earlier one.
    best = max(done, key=lambda trial: (trial.value, trial is defaults, -trial.number))
    changes = best.user_attrs[CHANGES]
    gains = _compare(search, best, changes, fingerprint, seed) if changes else []
    return Outcome(study, defaults, best, changes, gains)


def _compare(
    search: Search, best: FrozenTrial, changes: dict[str, Any], fingerprint: dict[str, str], seed: int
) -> list[Gain]:
    """Trains with the defaults and with the best on all that the search saw, and compares on what it did not see."""
    compared = Compared(search.task, search.space, changes, search.trainings, search.metric, search.threads)
    say(
        f"comparing trial {best.number} with the defaults: {_times(search.trainings, 'training')} of each on "
        f"{len(search.task.train)} examples"
    )
    name = f"{search.name}: trial {best.number}, {_times(search.trainings, 'training')}"
    tell = partial(_tell_training, metric=search.metric)
    job = Job(search.address, name, compared, fingerprint, 0, math.inf, seed, tell)
    study = job.open()
    run_workers(job, min(search.workers, len(compared.points)))
    answers: dict[str, list[np.ndarray]] = {which: [] for which in WHICH}
    for trial in study.get_trials(states=(TrialState.COMPLETE,)):
        answers[trial.params["options"]].append(unpacked(trial.user_attrs[ANSWERS]))
    failed = [trial.user_attrs[ERROR] for trial in study.trials if ERROR in trial.user_attrs]
    if not all(answers.values()):
        raise BertIntentError(f"the final comparison failed: {failed[0] if failed else 'its workers were killed'}")
    column = {label: number for number, label in enumerate(search.task.labels)}
    truth = [column[intent] for intent in search.task.test.intents]
    metrics = sorted(METRICS, key=lambda metric: metric != search.metric)
    defaults, of_best = (np.stack(answers[which]) for which in WHICH)
    return [gain(metric, truth, defaults, of_best, seed) for metric in metrics]


def fingerprint_of(search: Search) -> dict[str, str]:
    """Checksums of what a search is of: continued with anything else its trials could not be compared.

    Raises:
        EncoderError: if the encoder, or another source that the options name, is nowhere.
    """
    options = search.space.options({})
    decisive = {name: value for name, value in options.to_dict().items() if name not in MACHINE_OPTIONS}
    contents = {
        "examples": asdict(search.task),
        "options in config.yml, encoder or version": [decisive, sources_checksum(options)],
        "--options": [repr(parameter) for parameter in search.space.parameters],
        "--metric": search.metric,
    }
    return {key: hashlib.sha256(json.dumps(content).encode()).hexdigest() for key, content in contents.items()}


def _tell_start(study: optuna.Study, search: Search) -> None:
    ended = [trial for trial in counted(study) if trial.state.is_finished()]
    budget = "" if search.trials is None else f" of {search.trials}"
    if ended:
        say(f"going on after {len(ended)}{budget} trials")
    say(
        f"searching {', '.join(parameter.name for parameter in search.space.parameters)} by {METRICS[search.metric]} "
        f"on {search.task.measured_on()}; {len(search.task.test)} examples are set aside for the final comparison"
    )


def _tell_trial(
    study: optuna.Study, trial: FrozenTrial, *, defaults: dict[str, Any], budget: int | None, metric: str
) -> None:
    """One line for a trial that ended."""
    if SURPLUS in trial.user_attrs:
        return
    if trial.state == TrialState.FAIL and is_at(trial, defaults):
        raise OptionsError(f"the defaults cannot be trained with: {trial.user_attrs.get(ERROR)}")
    trials = counted(study)
    ended = sum(each.state.is_finished() for each in trials)
    changes = trial.user_attrs.get(CHANGES, {})
    what = ", ".join(f"{name}: {value}" for name, value in changes.items()) or "defaults"
    of = "" if budget is None else f"/{budget}"
    say(f"[{ended}{of}] trial {trial.number}: {_result(study, trial, metric)}  {what}")


def _result(study: optuna.Study, trial: FrozenTrial, metric: str) -> str:
    seconds = f"{trial.duration.total_seconds():.0f} s" if trial.duration else ""
    if trial.state == TrialState.FAIL:
        return f"failed ({trial.user_attrs.get(ERROR)}), {seconds}"
    if trial.state == TrialState.PRUNED:
        return f"broken off at {METRICS[metric]} {trial.value:.4f}, {seconds}"
    best = max(
        (each for each in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))),
        key=lambda each: (each.value, -each.number),
    )
    note = "the best so far" if best.number == trial.number else f"best {best.value:.4f} by trial {best.number}"
    return f"{METRICS[metric]} {trial.value:.4f}, {seconds}, {note}"


def _tell_training(study: optuna.Study, trial: FrozenTrial, *, metric: str) -> None:
    """One line for a training of the final comparison."""
    if SURPLUS in trial.user_attrs:
        return
    ended = sum(each.state.is_finished() for each in counted(study))
    which, nth = trial.params["options"], trial.params["training"] + 1
    what = f"failed ({trial.user_attrs.get(ERROR)})" if trial.value is None else f"{METRICS[metric]} {trial.value:.4f}"
    say(f"[{ended}/{len(counted(study))}] {which}, training {nth}: {what}")


def _times(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
