"""A linear classifier of a message's letters, whose logits are added to the encoder's. No torch.

The encoder reads what a message means, this what it looks like: they err on different messages, so that their sum is
more often right, and less often sure of what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rasa_bert_intent.products import products

# Letters in a row, from two.
_LONGEST = 4
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MOST_INT8 = 127


def ngrams(text: str) -> np.ndarray:
    """A message's different character n-grams, as 64-bit hashes in rising order, `[n-grams]`, uint64.

    Case and the amount of white space make no difference; words are seen to begin and end.
    """
    characters = np.frombuffer(f" {' '.join(text.lower().split())} ".encode("utf-32-le", "replace"), dtype=np.uint32)
    hashes = characters.astype(np.uint64)
    found = []
    for size in range(2, _LONGEST + 1):
        following = characters[size - 1 :]
        hashes = (hashes[: len(following)] * _MULTIPLIER) ^ following
        found.append(hashes)
    return np.unique(np.concatenate(found))


@dataclass(frozen=True)
class NGrams:
    """A linear classifier of character n-grams, of low rank: each n-gram has an embedding, each label a direction.

    After fastText (Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification").

    Attributes:
        hashes: Of the n-grams it knows, in rising order, `[n-grams]`, uint64.
        embeddings: `[n-grams, rank]`, int8, in units of `scales`.
        scales: `[rank]`, float32.
        directions: `[rank, labels]`, float32.
        bias: `[labels]`, float32.
        weight: Of all logits, `[1]`, float32.
    """

    hashes: np.ndarray
    embeddings: np.ndarray
    scales: np.ndarray
    directions: np.ndarray
    bias: np.ndarray
    weight: np.ndarray = field(default_factory=lambda: np.ones(1, dtype=np.float32))

    @classmethod
    def of(cls, hashes: np.ndarray, embeddings: np.ndarray, directions: np.ndarray, bias: np.ndarray) -> NGrams:
        """Rounds embeddings `[n-grams, rank]`, float32, to int8, with a scale for each column."""
        scales = np.maximum(np.abs(embeddings).max(axis=0, initial=0), 1e-12) / _MOST_INT8
        rounded = np.rint(embeddings / scales).astype(np.int8)
        return cls(hashes, rounded, *(array.astype(np.float32) for array in (scales, directions, bias)))

    def times(self, factor: float) -> NGrams:
        """The same classifier with logits this many times as large."""
        return replace(self, weight=self.weight * np.float32(factor))

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """Logits `[texts, labels]`, float32, to be added to the encoder's."""
        return self.unweighted(texts) * self.weight

    def unweighted(self, texts: Sequence[str]) -> np.ndarray:
        """Its own logits `[texts, labels]`, float32: the fewer of a text's n-grams are known, the smaller."""
        sums = np.zeros((len(texts), len(self.scales)), dtype=np.float32)
        for row, text in zip(sums, texts, strict=True):
            known, length = self.known(text)
            row += self.embeddings[known].sum(axis=0, dtype=np.int32) / length
        return products(sums * self.scales, self.directions.T) + self.bias

    def known(self, text: str) -> tuple[np.ndarray, float]:
        """The rows of a text's known n-grams, and the length of the vector of all of them."""
        of_text = ngrams(text)
        places = np.minimum(np.searchsorted(self.hashes, of_text), max(len(self.hashes) - 1, 0))
        return places[self.hashes[places] == of_text], float(np.sqrt(len(of_text)))
