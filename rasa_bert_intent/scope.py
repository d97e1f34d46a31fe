"""P(in scope): whether a message is like anything the bot was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, logsumexp

from rasa_bert_intent.products import products

# What the energy weighs beside the logarithms of the squared distances: on development rows of MASSIVE 0.2 to 0.8 are
# alike.
_ENERGY = 0.4
# Bots that give messages out of scope an intent of their own call it so.
OUT_OF_SCOPE_INTENT = "out_of_scope"


def in_scope_columns(labels: Sequence[str]) -> np.ndarray:
    """Which intents are in scope, `[labels]`, bool: all but the one for messages out of scope."""
    return np.array([label != OUT_OF_SCOPE_INTENT for label in labels])


@dataclass(frozen=True)
class Energy:
    """How little any intent is spoken for by the logits.

    Attributes:
        columns: Of the intents in scope, `[labels]`, bool.

    Source:
        Liu et al. 2020 (arXiv 2010.03759).
    """

    columns: np.ndarray

    def __call__(self, layers: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """The energy, `[messages]`."""
        return -logsumexp(logits[:, self.columns].astype(np.float64), axis=1)


@dataclass(frozen=True)
class Distance:
    """How far a message is from the nearest intent, seen in three ways.

    By its squared distance from the mean of the intent's examples; by the same after whitening, which makes the spread
    that all intents share the same in all directions, as the Mahalanobis distance does; and by the energy of the
    logits. Both distances are in units of how far the intent's own examples spread. The first tells best what is close
    to the intents and of none, if there are examples enough; the others what is far from all.

    Attributes:
        means: Of each intent's unit-length vectors of all layers, `[labels, hidden]`; NaN where an intent has no part
            in this.
        spreads: The mean squared distance of an intent's examples from its mean, `[labels]`.
        whitened_spreads: Likewise after `whitening`.
        weight: Of the first distance, beside 1 for the second, `[1]`.
        whitening: `[hidden, hidden]`; makes the shared spread the same in all directions.

    Source:
        Lee et al. 2018 (arXiv 1807.03888); Podolskiy et al. 2021 (arXiv 2101.03778); Chen et al. 2022 (arXiv
        2210.07485), of all layers; Liu et al. 2020 (arXiv 2010.03759).
    """

    means: np.ndarray
    spreads: np.ndarray
    whitened_spreads: np.ndarray
    weight: np.ndarray
    whitening: np.ndarray

    @cached_property
    def _columns(self) -> np.ndarray:
        return np.isfinite(self.means).all(axis=1)

    @cached_property
    def _own(self) -> _Means:
        return _Means.of(self.means[self._columns], self.spreads[self._columns])

    @cached_property
    def _directions(self) -> np.ndarray:
        return np.ascontiguousarray(self.whitening.T, dtype=np.float64)

    @cached_property
    def _shared(self) -> _Means:
        points = self.means[self._columns].astype(np.float64) @ self._directions.T
        return _Means.of(points, self.whitened_spreads[self._columns])

    def __call__(self, layers: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """The sum of the logarithms, `[messages]`, of vectors `[messages, hidden]` and logits `[messages, labels]`."""
        vectors = unit(layers)
        own = self._own.nearest(vectors)
        shared = self._shared.nearest(products(vectors, self._directions))
        return shared + self.weight * own + _ENERGY * Energy(self._columns)(layers, logits)


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

    def nearest(self, vectors: np.ndarray) -> np.ndarray:
        """The logarithm of the smallest squared distance in units of the point's scale, of each vector."""
        distances = (vectors**2).sum(axis=1)[:, None] + self.squares - 2 * products(vectors, self.points)
        return np.log(np.maximum((distances / self.scales).min(axis=1), 1e-12))


@dataclass(frozen=True)
class Scope:
    """The probability that a message is in scope, by a distance and how far gibberish is.

    Attributes:
        distance: Of a message by its vector of all layers and its logits; larger is farther out.
        centre: The distance at which the probability is one half.
        width: By how much farther the odds fall to 1 : e.
    """

    distance: Distance | Energy
    centre: float
    width: float

    def probability(self, layers: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """P(in scope), `[messages]`, from vectors of all layers `[messages, hidden]` and logits."""
        return expit((self.centre - self.distance(layers, logits)) / self.width)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors `[n, size]` at length 1, float64."""
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
