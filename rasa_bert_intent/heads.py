"""The last layer's arithmetic once it is trained: from features to logits. No torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

# The largest logit of a cosine head: with it the softmax over 60 labels can come as near to 1 as label smoothing asks.
COSINE_SCALE = 16.0


def logits_of(head: Mapping[str, np.ndarray], kind: str, features: np.ndarray) -> np.ndarray:
    """Logits `[messages, labels]`, float32.

    Args:
        head: `weight` of `[labels, hidden]`, and `bias` of `[labels]` of a linear one.
        kind: `linear` or `cosine`.
        features: `[messages, hidden]`, float32.
    """
    if kind == "cosine":
        return COSINE_SCALE * _unit(features) @ _unit(head["weight"]).T
    return features @ head["weight"].T + head["bias"]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
