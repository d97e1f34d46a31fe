"""P(in scope): whether a message is like anything the bot was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logsumexp, rel_entr, softmax

from rasa_bert_intent.products import FEW, products
from rasa_bert_intent.token_counts import TokenCounts

# What the energy weighs beside the logarithms of the squared distances: on development rows of MASSIVE 0.2 to 0.8 are
# alike.
_ENERGY = 0.4
# Likewise the evidence of the tokens, and the divergence between encoder and n-grams: 0.05 to 0.15, 1 to 3.
_TOKENS, _DIVERGENCE = 0.1, 1.5
# The nearest intent is looked for among so many, those of the greatest logits: to read the means of a thousand took a
# fifth of a message's time.
_CANDIDATES = 64
# The nearest example among those of so many: on two models of MASSIVE without ten intents all tell no better.
_CANDIDATES_OF_EXAMPLES = 3
# Squared distance of vectors of length 1 below which an example is the message itself in other words: of 1 in 100
# development rows of MASSIVE.
_LEAST_SQUARE = 1e-2
# Messages looked at together: with a thousand intents each needs 100 KB, or more if it is long.
_BLOCK = 256
# Bots that give messages out of scope an intent of their own call it so.
OUT_OF_SCOPE_INTENT = "out_of_scope"


def in_scope_columns(labels: Sequence[str]) -> np.ndarray:
    """Which intents are in scope, `[labels]`, bool: all but the one for messages out of scope."""
    return np.array([label != OUT_OF_SCOPE_INTENT for label in labels])


class Messages(NamedTuple):
    """What is seen of messages.

    Attributes:
        tokens: Their token ids.
        layers: Their vectors of all layers, `[messages, hidden]`.
        logits: The encoder's, `[messages, labels]`.
        ngram_logits: Those of the classifier of n-grams, whatever they count, `[messages, labels]`; None: there is
            none.
    """

    tokens: Sequence[Sequence[int]]
    layers: np.ndarray
    logits: np.ndarray
    ngram_logits: np.ndarray | None = None

    def some(self, rows: slice | np.ndarray) -> Messages:
        """The messages of some rows."""
        tokens = self.tokens[rows] if isinstance(rows, slice) else [self.tokens[row] for row in rows]
        by_ngrams = None if self.ngram_logits is None else self.ngram_logits[rows]
        return Messages(tokens, self.layers[rows], self.logits[rows], by_ngrams)

    def blocks(self) -> Iterator[Messages]:
        """The messages, some at a time."""
        for start in range(0, len(self.tokens), _BLOCK):
            yield self.some(slice(start, start + _BLOCK))


@dataclass(frozen=True)
class Energy:
    """How little any intent is spoken for by the logits.

    Attributes:
        columns: Of the intents in scope, `[labels]`, bool.

    Source:
        Liu et al. 2020 (arXiv 2010.03759).
    """

    columns: np.ndarray

    def __call__(self, messages: Messages) -> np.ndarray:
        """The energy, `[messages]`."""
        return -logsumexp(messages.logits[:, self.columns].astype(np.float64), axis=1)


@dataclass(frozen=True)
class Distance:
    """How far a message is from what the bot knows, seen in five ways.

    By its squared distance from the mean of the nearest intent's examples, in units of how far these spread; by that
    from the nearest example; and by the energy of the logits. Intents are looked at among the 64 of the greatest
    logits, examples among those of three.

    An encoder puts a message near an intent without saying that it has never seen half of its words. So there is also
    how little its tokens speak for any intent, and by how much the classifier of n-grams is of another opinion.

    Attributes:
        tokens: Of the intents' examples.
        means: Of each intent's unit-length vectors of all layers, `[labels, hidden]`; NaN where an intent has no part
            in this.
        spreads: The mean squared distance of an intent's examples from its mean, `[labels]`.
        examples: Vectors of examples likewise, those of an intent one after the other, `[examples, hidden]`, float16.
        starts: Where the examples of each intent start, and where the last end, `[labels + 1]`, int64.

    Source:
        Podolskiy et al. 2021 (arXiv 2101.03778), of the means; Sun et al. 2022 (arXiv 2204.06507), of the nearest
        example; Chen et al. 2022 (arXiv 2210.07485), of all layers; Liu et al. 2020 (arXiv 2010.03759).
    """

    tokens: TokenCounts
    means: np.ndarray
    spreads: np.ndarray
    examples: np.ndarray
    starts: np.ndarray

    @cached_property
    def _columns(self) -> np.ndarray:
        return np.isfinite(self.means).all(axis=1)

    @cached_property
    def _means(self) -> _Means:
        return _Means.of(self.means[self._columns], self.spreads[self._columns])

    @cached_property
    def _examples(self) -> np.ndarray:
        return self.examples.astype(np.float32)

    def __call__(self, messages: Messages) -> np.ndarray:
        """The weighted sum of the five, `[messages]`, the distances as logarithms."""
        return np.concatenate([np.empty(0), *map(self._of_some, messages.blocks())])

    def _of_some(self, messages: Messages) -> np.ndarray:
        vectors, logits = unit(messages.layers), messages.logits[:, self._columns]
        from_mean = self._means.nearest(vectors, _greatest(logits, _CANDIDATES))
        strange = -self.tokens.evidence(messages.tokens)[:, self._columns].max(axis=1)
        seen = _ENERGY * Energy(self._columns)(messages) + _TOKENS * strange + _DIVERGENCE * _divergence(messages)
        return from_mean + self._from_example(vectors, logits) + seen

    def _from_example(self, vectors: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """The logarithm of the squared distance from the nearest example, `[vectors]`."""
        count = min(_CANDIDATES_OF_EXAMPLES, logits.shape[1])
        intents = np.flatnonzero(self._columns)[np.argpartition(logits, -count, axis=1)[:, -count:]]
        vectors, likest = vectors.astype(np.float32), np.full(len(vectors), -1.0)
        for intent in np.unique(intents):
            rows = np.flatnonzero((intents == intent).any(axis=1))
            of_intent = self._examples[self.starts[intent] : self.starts[intent + 1]]
            likest[rows] = np.maximum(likest[rows], products(vectors[rows], of_intent).max(axis=1))
        return np.log(np.maximum(2 - 2 * likest, _LEAST_SQUARE))


def _divergence(messages: Messages) -> np.ndarray | float:
    """Jensen and Shannon's, between the encoder's probabilities and the n-grams', `[messages]`; 0 without n-grams."""
    if messages.ngram_logits is None:
        return 0.0
    encoders, ngrams = (
        softmax(logits.astype(np.float64), axis=1) for logits in (messages.logits, messages.ngram_logits)
    )
    middle = (encoders + ngrams) / 2
    return (rel_entr(encoders, middle) + rel_entr(ngrams, middle)).sum(axis=1) / 2


@dataclass(frozen=True)
class _Means:
    """Points, each with a scale of its own.

    In float64: near a mean, which an intent's only example is, next to nothing is left of the squares.
    """

    points: np.ndarray
    squares: np.ndarray
    scales: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, scales: np.ndarray) -> _Means:
        points = points.astype(np.float64)
        return cls(points, (points**2).sum(axis=1), np.asarray(scales, dtype=np.float64))

    def nearest(self, vectors: np.ndarray, candidates: np.ndarray | None) -> np.ndarray:
        """The logarithm of the smallest squared distance in units of the point's scale, of each vector.

        Args:
            vectors: `[vectors, size]`.
            candidates: Which points are looked at, of each vector: `[vectors, some]`; None: all.
        """
        if candidates is not None and len(vectors) <= FEW:  # most points are not even read
            along = np.einsum("ij,ikj->ik", vectors, self.points[candidates])
        else:
            along = products(vectors, self.points)
            along = along if candidates is None else np.take_along_axis(along, candidates, axis=1)
        squares, scales = (each if candidates is None else each[candidates] for each in (self.squares, self.scales))
        distances = (vectors**2).sum(axis=1)[:, None] + squares - 2 * along
        return np.log(np.maximum((distances / scales).min(axis=1), 1e-12))


@dataclass(frozen=True)
class Scope:
    """The probability that a message is in scope, by a distance and how far gibberish is.

    Attributes:
        distance: Of a message; larger is farther out.
        centre: The distance at which the probability is one half.
        width: By how much farther the odds fall to 1 : e.
    """

    distance: Distance | Energy
    centre: float
    width: float

    def probability(self, messages: Messages) -> np.ndarray:
        """P(in scope), `[messages]`."""
        return expit((self.centre - self.distance(messages)) / self.width)


def _greatest(values: np.ndarray, count: int) -> np.ndarray | None:
    """The columns of the greatest values of each row, `[rows, count]`, in no order; None if there are no more."""
    return np.argpartition(values, -count, axis=1)[:, -count:] if values.shape[1] > count else None


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors `[n, size]` at length 1, float64."""
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
