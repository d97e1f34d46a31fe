"""Token ids in batches of like length."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

# Unicode's categories of blanks, line ends, control and zero-width characters, and halves of characters.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}


def whole_characters(texts: Sequence[str]) -> list[str]:
    """Texts with `?` for lone surrogates: halves of characters, which JSON can bring and no tokenizer takes."""
    return [text.encode("utf-8", "replace").decode() for text in texts]


def says_something(text: str) -> bool:
    """Whether a text has a character that can be seen: no encoder sees blanks, control and zero-width characters."""
    return any(unicodedata.category(character) not in _UNSEEN and character != "\ufffd" for character in text)


def embedded(token_ids: Sequence[list[int]], embeddings: int, unknown: int) -> list[list[int]]:
    """Token ids with `unknown` for those from `embeddings` on, which the encoder has not, and for no token."""
    return [
        ids
        if ids and max(ids) < embeddings
        else [token if token < embeddings else unknown for token in ids or [unknown]]
        for ids in token_ids
    ]


def pad(token_ids: Sequence[Sequence[int]], pad_id: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and attention mask, both `[messages, longest]`, int64, padded on the right."""
    lengths = [len(ids) for ids in token_ids]
    mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask] = np.concatenate([np.asarray(row, dtype=np.int64) for row in token_ids])
    return ids, mask.astype(np.int64)


def by_length(token_ids: Sequence[Sequence[int]], batch_size: int) -> Iterator[list[int]]:
    """Indices in batches of like length, so that little is padding; longest first, so that memory fails early."""
    order = sorted(range(len(token_ids)), key=lambda index: -len(token_ids[index]))
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def in_batches(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray],
    token_ids: Sequence[Sequence[int]],
    width: int,
    *,
    pad_id: int,
    batch_size: int,
    on_batch: Callable[[int], Any] = lambda texts: None,
) -> np.ndarray:
    """What a function of token ids and mask gives for texts of any number and length: `[texts, width]`, float32.

    Args:
        function: Gives `[messages, width]` for token ids and mask of `[messages, tokens]`.
        token_ids: Of each text.
        width: Of the result.
        pad_id: Of the tokenizer.
        batch_size: Texts a batch.
        on_batch: Told the number of texts of each batch that is done.
    """
    output = np.zeros((len(token_ids), width), dtype=np.float32)
    for indices in by_length(token_ids, batch_size):
        output[indices] = function(*pad([token_ids[i] for i in indices], pad_id))
        on_batch(len(indices))
    return output
