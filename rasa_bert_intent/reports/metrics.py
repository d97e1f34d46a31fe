"""Scores of predictions against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import f1_score, precision_recall_fscore_support, roc_auc_score


def accuracy(truth: Sequence[Any] | np.ndarray, predicted: Sequence[Any] | np.ndarray) -> float:
    """The share of predictions that are right, 0 to 1."""
    return float(np.mean(np.asarray(truth) == np.asarray(predicted)))


def macro_f1(truth: Sequence[Any] | np.ndarray, predicted: Sequence[Any] | np.ndarray) -> float:
    """The mean of every label's F1, 0 to 1, over the labels in the truth or the predictions."""
    return float(f1_score(truth, predicted, average="macro", zero_division=0))


def expected_calibration_error(
    confidences: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray, bins: int = 15
) -> float:
    """How far confidence is from accuracy, 0 (best) to 1.

    The messages are put into `bins` bins of equal width by confidence, the first `[0, 1/bins]`, each other without its
    lower edge; the result is the mean over messages of |accuracy - mean confidence| of their bin. Guo et al., 2017, On
    Calibration of Modern Neural Networks.

    Args:
        confidences: Of the intent given to each message, `[n]`, 0 to 1.
        right: Whether it is the right one, `[n]`.
        bins: How many.
    """
    values, hits = np.asarray(confidences, dtype=float), np.asarray(right, dtype=float)
    bin_of = np.digitize(values, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    gaps = np.bincount(bin_of, weights=hits - values, minlength=bins)
    return float(np.abs(gaps).sum() / len(values))


def auroc(in_scope: Sequence[float] | np.ndarray, out_of_scope: Sequence[float] | np.ndarray) -> float:
    """How well a score tells messages in scope from those out of scope: 1 wholly, 0.5 not at all.

    The probability that a random message in scope has the higher score, ties counting half: the area under the
    receiver operating characteristic.

    Args:
        in_scope: Scores `[n]`, at least one.
        out_of_scope: Scores `[m]`, at least one.
    """
    truth = np.repeat([1, 0], [len(in_scope), len(out_of_scope)])
    return float(roc_auc_score(truth, np.concatenate([in_scope, out_of_scope])))


@dataclass(frozen=True)
class IntentScores:
    """How one intent is recognised.

    Attributes:
        intent: Its name.
        precision: Of the messages given this intent, the share that has it.
        recall: Of the messages that have it, the share given it.
        f1: The harmonic mean of both.
        support: How many messages have it.
    """

    intent: str
    precision: float
    recall: float
    f1: float
    support: int


def per_intent(truth: Sequence[str], predicted: Sequence[str]) -> list[IntentScores]:
    """The scores of every intent in the truth or the predictions, worst F1 first."""
    labels = sorted({*truth, *predicted})
    columns = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    rows = [
        IntentScores(label, float(p), float(r), float(f), int(s))
        for label, p, r, f, s in zip(labels, *columns, strict=True)
    ]
    return sorted(rows, key=lambda row: (row.f1, row.intent))
