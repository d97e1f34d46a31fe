"""How much better the best options are than the defaults, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

METRICS = {"macro-f1": "macro-F1", "accuracy": "accuracy"}

_RESAMPLES = 2000
_SURE = 0.95


@dataclass(frozen=True)
class Gain:
    """A score of the defaults and of the best options, means over trainings.

    Attributes:
        metric: A key of `METRICS`.
        defaults: 0 to 1.
        best: 0 to 1.
        low: The difference is from `low`
        high: to `high` in 95 % of the resamples.
        trainings: With the defaults, and with the best, whose means these are.
    """

    metric: str
    defaults: float
    best: float
    low: float
    high: float
    trainings: tuple[int, int]

    @property
    def is_sure(self) -> bool:
        """Whether the best options are better for all that chance may do."""
        return self.low > 0


def scores(metric: str, truth: np.ndarray, given: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Accuracy or macro-F1, 0 to 1, as `rasa_bert_intent.reports.metrics` has them, of weighted messages.

    Args:
        metric: A key of `METRICS`.
        truth: Right columns, `[n]`, whole numbers.
        given: Those given, `[n]`.
        weights: How often each message counts, `[n]`; None: once.
    """
    weights = np.ones(len(truth)) if weights is None else weights
    right = weights * (truth == given)
    if metric == "accuracy":
        return float(right.sum() / weights.sum())
    columns = int(max(truth.max(), given.max())) + 1
    hits = np.bincount(truth, right, columns)
    either = np.bincount(truth, weights, columns) + np.bincount(given, weights, columns)
    return float(np.mean(2 * hits[either > 0] / either[either > 0]))


def gain(metric: str, truth: Sequence[int], defaults: np.ndarray, best: np.ndarray, seed: int = 0) -> Gain:
    """Compares answers to the same messages.

    The interval is bootstrapped: messages are drawn anew, the same for both, and so are the trainings of each, for
    another seed would have made other models. Efron and Tibshirani, 1993, An Introduction to the Bootstrap.

    Args:
        metric: A key of `METRICS`.
        truth: Right columns, `[n]`.
        defaults: Columns given after each training with the defaults, `[trainings, n]`.
        best: Likewise with the best options; the number of trainings may differ.
        seed: Of the resamples.
    """
    right = np.asarray(truth)
    random = np.random.default_rng(seed)

    def mean(answers: np.ndarray, weights: np.ndarray | None = None) -> float:
        return float(np.mean([scores(metric, right, row, weights) for row in answers]))

    differences = []
    for _ in range(_RESAMPLES):
        weights = np.bincount(random.integers(len(right), size=len(right)), minlength=len(right)).astype(float)
        drawn = [answers[random.integers(len(answers), size=len(answers))] for answers in (defaults, best)]
        differences.append(mean(drawn[1], weights) - mean(drawn[0], weights))
    low, high = np.quantile(differences, [(1 - _SURE) / 2, (1 + _SURE) / 2])
    return Gain(metric, mean(defaults), mean(best), float(low), float(high), (len(defaults), len(best)))
