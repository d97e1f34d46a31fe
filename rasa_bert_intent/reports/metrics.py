"""Scores of predictions against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import f1_score, precision_recall_fscore_support


def accuracy(truth: Sequence[Any] | np.ndarray, predicted: Sequence[Any] | np.ndarray) -> float:
    """The share of predictions that are right, 0 to 1."""
    return float(np.mean(np.asarray(truth) == np.asarray(predicted)))


def macro_f1(truth: Sequence[Any] | np.ndarray, predicted: Sequence[Any] | np.ndarray) -> float:
    """The mean of every label's F1, 0 to 1, over the labels in the truth or the predictions."""
    return float(f1_score(truth, predicted, average="macro", zero_division=0))


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
