"""A linear classifier of a message's letters, whose logits are added to the encoder's. No torch.

The encoder reads what a message means, this what it looks like: they err on different messages, so that their sum is
more often right, and less often sure of what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from rasa_bert_intent.products import FEW, products

# Letters in a row.
_SHORTEST, _LONGEST = 2, 4
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_MOST_INT8 = 127
# Texts looked at together, by one sort: a text's number stands before each hash, of which 8 bits are cut for it.
_CUT = np.uint64(8)
_SHORT_BITS = np.uint64(64) - _CUT
_BLOCK, _ONE = 1 << 8, np.uint64(1)
# Characters; a block of such texts needs 100 MB.
_LONG_TEXT = 4096


def ngrams(text: str) -> np.ndarray:
    """A message's different character n-grams, as 64-bit hashes in rising order, `[n-grams]`, uint64.

    Case and the amount of white space make no difference; words are seen to begin and end.
    """
    return np.unique(np.concatenate(_hashes(_spelled(text))))


def _ngrams_of_block(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The same of up to 256 texts: the text of each n-gram, in order, and its short hash."""
    spelled = [_spelled(text) for text in texts]
    of_text = np.repeat(np.arange(len(texts), dtype=np.uint64), [len(each) // 4 for each in spelled])
    found = []
    for size, hashes in enumerate(_hashes(b"".join(spelled)), _SHORTEST):
        first = of_text[: len(hashes)]
        within = first == of_text[size - 1 :]  # and not from the end of one text into the next
        found.append(first[within] << _SHORT_BITS | _short(hashes[within]))
    keys = np.sort(np.concatenate(found))
    keys = keys[np.append(True, keys[1:] != keys[:-1])]
    return (keys >> _SHORT_BITS).astype(np.int64), keys & ((_ONE << _SHORT_BITS) - _ONE)


def _short(hashes: np.ndarray) -> np.ndarray:
    """Hashes of 56 bits; mixed before they are cut, since a last letter is in a hash's last bits alone."""
    return hashes * _MULTIPLIER >> _CUT


def _spelled(text: str) -> bytes:
    return f" {' '.join(text.lower().split())} ".encode("utf-32-le", "replace")


def _hashes(spelled: bytes) -> list[np.ndarray]:
    """Of what begins at each character, shortest n-grams first, uint64."""
    characters = np.frombuffer(spelled, dtype=np.uint32)
    hashes = characters.astype(np.uint64)
    found = []
    for size in range(_SHORTEST, _LONGEST + 1):
        following = characters[size - 1 :]
        hashes = (hashes[: len(following)] * _MULTIPLIER) ^ following
        found.append(hashes)
    return found


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
        if len(texts) <= FEW or max(map(len, texts)) > _LONG_TEXT:  # together they would need much memory
            for row, text in zip(sums, texts, strict=True):
                known, length = self.known(text)
                row += self.embeddings[known].sum(axis=0, dtype=np.int32) / length
        else:
            for start in range(0, len(texts), _BLOCK):
                sums[start : start + _BLOCK] = self._sums(texts[start : start + _BLOCK])
        return products(sums * self.scales, self.directions.T) + self.bias

    def known(self, text: str) -> tuple[np.ndarray, float]:
        """The rows of a text's known n-grams, and the length of the vector of all of them."""
        of_text = ngrams(text)
        places, known = _find(of_text, self.hashes)
        return places[known], float(np.sqrt(len(of_text)))

    def _sums(self, texts: Sequence[str]) -> np.ndarray:
        """The embeddings' sum over the length, of up to 256 texts, `[texts, rank]`, in units of `scales`."""
        rows, hashes = _ngrams_of_block(texts)
        order, short = self._by_short_hash
        places, known = _find(hashes, short)
        used, columns = np.unique(order[places[known]], return_inverse=True)
        counts = sparse.csr_matrix(
            (np.ones(len(columns), dtype=np.int32), (rows[known], columns)), shape=(len(texts), len(used))
        )
        lengths = np.sqrt(np.bincount(rows, minlength=len(texts)))
        return (counts @ self.embeddings[used].astype(np.int32)) / lengths[:, None]

    @cached_property
    def _by_short_hash(self) -> tuple[np.ndarray, np.ndarray]:
        short = _short(self.hashes)
        order = np.argsort(short)
        return order, short[order]


def _find(wanted: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place of each among hashes in rising order, and whether it is there."""
    places = np.minimum(np.searchsorted(hashes, wanted), max(len(hashes) - 1, 0))
    return places, hashes[places] == wanted
