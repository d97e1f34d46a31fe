"""Confidences as a ranking of intents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def rank(labels: Sequence[str], confidences: np.ndarray, length: int, renormalize: bool) -> list[dict[str, Any]]:
    """The most likely intents, best first, each as `{"name": str, "confidence": float}`.

    Args:
        labels: The intents.
        confidences: Of each intent, `[labels]`, summing to at most 1.
        length: Intents to keep; 0: all.
        renormalize: Whether the confidences of those kept are made to sum to what all did.
    """
    order = np.argsort(-confidences, kind="stable")[: length or None]
    kept = confidences[order]
    if renormalize and kept.sum() > 0:
        kept = kept * (confidences.sum() / kept.sum())
    # Python's own floats: HTTP servers cannot write numpy's.
    return [{"name": labels[i], "confidence": c} for i, c in zip(order.tolist(), kept.tolist(), strict=True)]
