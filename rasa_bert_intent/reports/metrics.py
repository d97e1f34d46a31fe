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


@dataclass(frozen=True)
class ConfidenceBin:
    """Messages whose confidence is about the same.

    Attributes:
        lower: The least confidence, not included but in the first bin.
        upper: The largest, included.
        right: How many were given the right intent.
        wrong: How many another.
        confidence: Their mean confidence; None where there is no message.
    """

    lower: float
    upper: float
    right: int
    wrong: int
    confidence: float | None


def confidence_bins(
    confidences: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray, bins: int = 15
) -> list[ConfidenceBin]:
    """The messages in bins of equal width by confidence.

    Args:
        confidences: Of the intent given to each message, `[n]`, 0 to 1.
        right: Whether it is the right one, `[n]`.
        bins: How many.
    """
    values, hits = np.asarray(confidences, dtype=float), np.asarray(right, dtype=bool)
    edges = np.linspace(0, 1, bins + 1)
    bin_of = np.digitize(values, edges[1:-1], right=True)
    return [
        ConfidenceBin(
            lower=float(edges[number]),
            upper=float(edges[number + 1]),
            right=int(hits[inside].sum()),
            wrong=int((~hits[inside]).sum()),
            confidence=float(values[inside].mean()) if inside.any() else None,
        )
        for number in range(bins)
        for inside in [bin_of == number]
    ]


def expected_calibration_error(
    confidences: Sequence[float] | np.ndarray, right: Sequence[bool] | np.ndarray, bins: int = 15
) -> float:
    """How far confidence is from accuracy, 0 (best) to 1.

    The mean over messages of |accuracy - mean confidence| of their bin, see `confidence_bins`. Guo et al., 2017, On
    Calibration of Modern Neural Networks.

    Args:
        confidences: Of the intent given to each message, `[n]`, 0 to 1.
        right: Whether it is the right one, `[n]`.
        bins: How many.
    """
    found = confidence_bins(confidences, right, bins)
    gaps = (abs(each.right - (each.confidence or 0.0) * (each.right + each.wrong)) for each in found)
    return float(sum(gaps) / len(confidences))


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
