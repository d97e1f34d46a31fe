"""Which examples a model was trained on: a hash of each, so that others can be told from them without their texts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


def hashes(texts: Sequence[str], intents: Sequence[str]) -> np.ndarray:
    """The hash of each example, `[examples]`, uint64: the first 64 bits of BLAKE2b of intent and text."""
    digests = [
        hashlib.blake2b(f"{intent}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for text, intent in zip(texts, intents, strict=True)
    ]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def added(seen: np.ndarray | None, texts: Sequence[str], intents: Sequence[str]) -> np.ndarray:
    """What a model has seen after it was trained on examples: sorted, each hash once.

    Args:
        seen: What it had seen before; None: nothing that is known.
        texts: The examples.
        intents: The intent of each.
    """
    fresh = hashes(texts, intents)
    return np.unique(fresh if seen is None else np.concatenate([seen, fresh]))
