"""What a trial does: train with the options of a point, and score the answers to what was held out."""

from __future__ import annotations

import base64
import json
import warnings
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from transformers import TrainerCallback

from rasa_bert_intent.config import Options
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.reports.metrics import accuracy, macro_f1
from rasa_bert_intent.training.fit import fit
from rasa_bert_intent.tuning.space import Space
from rasa_bert_intent.tuning.storage import AWAY
from rasa_bert_intent.tuning.task import Labelled, Task

# Looks at a training, the last of them at its end.
LOOKS = 5

# Trials chosen at random before what they found is gone by, and before any is broken off.
_AT_RANDOM, _TO_COMPARE = 8, 5
# The look at which a trial may first be broken off: what a fifth of a training says is little.
_FIRST_LOOK = 2

# What is noted of a trial.
CHANGES, SCORES, ANSWERS = "options", "scores", "answers"

# What is compared in the end.
WHICH = ("defaults", "best")

_METRICS = {"accuracy": accuracy, "macro-f1": macro_f1}


@dataclass(frozen=True)
class Measured:
    """The objective of the search.

    Attributes:
        task: The data.
        space: Makes options of a point.
        metric: `accuracy` or `macro-f1`.
        threads: CPU threads, where the options leave them open.
    """

    task: Task
    space: Space
    metric: str
    threads: int

    @property
    def points(self) -> list[dict[str, Any]]:
        """What is tried first: the defaults, so that the search cannot end below them."""
        return [self.space.defaults]

    def sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        """Chooses points: tree-structured Parzen estimators of what is good and what is not."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # before Optuna 5
            return optuna.samplers.TPESampler(
                seed=seed, n_startup_trials=_AT_RANDOM, multivariate=True, constant_liar=True
            )

    def pruner(self) -> optuna.pruners.BasePruner:
        """Breaks off trials that are below the median of the others at the same point of their trainings."""
        return optuna.pruners.MedianPruner(n_startup_trials=_TO_COMPARE, n_warmup_steps=_FIRST_LOOK)

    def __call__(self, trial: optuna.Trial) -> float:
        """Trains and scores, once or for every fold; the answers to all folds are scored together.

        Raises:
            optuna.TrialPruned: if others were better by then.
        """
        point = self.space.suggest(trial)
        changes = self.space.changes(point)
        trial.set_user_attr(CHANGES, changes)
        # torch answers as well as the graph that would be exported each time.
        options = replace(_on_machine(self.space.options(changes), self.threads), engine="torch")
        truth: list[str] = []
        given: list[str] = []

        def report(more: Sequence[str], answers: Sequence[str], step: int) -> None:
            with suppress(*AWAY):  # the training goes on without this look
                trial.report(_METRICS[self.metric]([*truth, *more], [*given, *answers]), step)
                if changes and trial.should_prune():  # the defaults are what all is compared with
                    raise optuna.TrialPruned

        for number, (seen, unseen) in enumerate(self.task.rounds()):
            watch = _Looks.at(unseen, lambda answers, look: report(unseen.intents, answers, number * LOOKS + look))  # noqa: B023
            model = fit(seen.texts, seen.intents, options, progress=False, watch=watch)
            truth += unseen.intents
            given += answers_of(model, unseen.texts)
            report([], [], (number + 1) * LOOKS)
        scores = {name: metric(truth, given) for name, metric in _METRICS.items()}
        trial.set_user_attr(SCORES, scores)
        return scores[self.metric]


@dataclass(frozen=True)
class Compared:
    """The objective of the final comparison: a training on all examples of the search, as it would be served.

    Attributes:
        task: The data.
        space: Makes options of changes.
        changes: The best.
        trainings: With each, with different seeds.
        metric: `accuracy` or `macro-f1`.
        threads: CPU threads, where the options leave them open.
    """

    task: Task
    space: Space
    changes: dict[str, Any]
    trainings: int
    metric: str
    threads: int

    @property
    def points(self) -> list[dict[str, Any]]:
        """All trials that there are."""
        return [{"options": which, "training": nth} for nth in range(self.trainings) for which in WHICH]

    def sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        """Chooses nothing: all points are in the queue."""
        return optuna.samplers.RandomSampler(seed)

    def pruner(self) -> optuna.pruners.BasePruner:
        """Breaks off nothing."""
        return optuna.pruners.NopPruner()

    def __call__(self, trial: optuna.Trial) -> float:
        """Trains with the options and the seed that the trial names, and notes the answers to the test examples."""
        changes = self.changes if trial.suggest_categorical("options", WHICH) == "best" else {}
        nth = trial.suggest_int("training", 0, self.trainings - 1)
        options = _on_machine(self.space.options(changes), self.threads)
        options = replace(options, random_seed=(options.random_seed + nth) % 2**32)
        train, test = self.task.train, self.task.test
        model = fit(train.texts, train.intents, options, progress=False)
        answers = answers_of(model, test.texts, batch_size=model.batch_as_served)
        column = {label: number for number, label in enumerate(self.task.labels)}
        trial.set_user_attr(ANSWERS, packed([column[answer] for answer in answers]))
        return _METRICS[self.metric](test.intents, answers)


def answers_of(model: IntentModel, texts: Sequence[str], batch_size: int = 64) -> list[str]:
    """The intent given to each text."""
    return [model.labels[column] for column in model.predict_proba(texts, batch_size).argmax(axis=1)]


def packed(columns: Sequence[int]) -> str:
    """Whole numbers as a short text: some databases keep no long one."""
    return base64.b85encode(zlib.compress(json.dumps(columns).encode(), 9)).decode()


def unpacked(text: str) -> np.ndarray:
    """What `packed` made a text of."""
    return np.array(json.loads(zlib.decompress(base64.b85decode(text))))


class _Looks(TrainerCallback):
    """Answers the held-out texts now and then in a training, by the encoder alone: n-grams come later."""

    def __init__(self, model: IntentModel, unseen: Labelled, report: Callable[[list[str], int], None]) -> None:
        self._model = model
        self._tokens = model.tokenize(unseen.texts)
        self._report = report
        self._last = 0
        self._features: np.ndarray | None = None

    @classmethod
    def at(cls, unseen: Labelled, report: Callable[[list[str], int], None]) -> Callable[[IntentModel], TrainerCallback]:
        """What `fit` makes it by."""
        return lambda model: cls(model, unseen, report)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Reports after each fifth of the training, but the last one, which `Measured` does."""
        look = int(LOOKS * state.epoch / args.num_train_epochs + 1e-6)
        if not self._last < look < LOOKS:
            return
        self._last = look
        model = self._model
        if self._features is None or model.options.method != "head":
            self._features = model.features_of_tokens(self._tokens)
        columns = model.logits_of_features(self._features).argmax(axis=1)
        self._report([model.labels[column] for column in columns], look)


def _on_machine(options: Options, threads: int) -> Options:
    """Options for one of several workers; the environment's come later and override them."""
    return replace(options, num_threads=options.num_threads or threads, tensorboard_log_directory=None)
