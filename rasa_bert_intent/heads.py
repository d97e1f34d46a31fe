"""The last layer's arithmetic once it is trained: from features to logits. No torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rasa_bert_intent.products import products

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
        lengths = np.maximum(_lengths(features)[:, None] * _lengths(head["weight"]), 1e-12)
        return COSINE_SCALE * products(features, head["weight"]) / lengths
    return products(features, head["weight"]) + head["bias"]


def _lengths(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
