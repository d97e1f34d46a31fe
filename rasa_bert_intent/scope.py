"""P(in scope): whether a message is like anything the bot was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit, logsumexp

from rasa_bert_intent.products import products

# Bots that give messages out of scope an intent of their own call it so.
OUT_OF_SCOPE_INTENT = "out_of_scope"


def in_scope_columns(labels: Sequence[str]) -> np.ndarray:
    """Which intents are in scope, `[labels]`, bool: all but the one for messages out of scope."""
    return np.array([label != OUT_OF_SCOPE_INTENT for label in labels])


@dataclass(frozen=True)
class MahalanobisDistance:
    """How far a message's features are from the nearest intent, by the spread of the examples around their intents.

    Attributes:
        means: Of each intent's unit-length features, `[labels, hidden]`; NaN where an intent has no part in this.
        whitening: `[hidden, hidden]`; makes that spread the same in all directions.

    Source:
        Lee et al. 2018 (arXiv 1807.03888); Podolskiy et al. 2021 (arXiv 2101.03778).
    """

    means: np.ndarray
    whitening: np.ndarray

    # float64: near a mean, which an intent's only example is, next to nothing is left of the squares.
    @cached_property
    def _directions(self) -> np.ndarray:
        return np.ascontiguousarray(self.whitening.T, dtype=np.float64)

    @cached_property
    def _white_means(self) -> np.ndarray:
        return self.means[np.isfinite(self.means).all(axis=1)].astype(np.float64) @ self._directions.T

    @cached_property
    def _squares(self) -> np.ndarray:
        return (self._white_means**2).sum(axis=1)

    def __call__(self, features: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """The logarithm of the squared distance, `[messages]`."""
        white = products(unit(features), self._directions)
        squares = (white**2).sum(axis=1)[:, None] + self._squares
        nearest = (squares - 2 * products(white, self._white_means)).min(axis=1)
        return np.log(np.maximum(nearest, 1e-12))


@dataclass(frozen=True)
class Energy:
    """How little any intent is spoken for by the logits.

    Attributes:
        columns: Of the intents in scope, `[labels]`, bool.

    Source:
        Liu et al. 2020 (arXiv 2010.03759).
    """

    columns: np.ndarray

    def __call__(self, features: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """The energy, `[messages]`."""
        return -logsumexp(logits[:, self.columns].astype(np.float64), axis=1)


@dataclass(frozen=True)
class Scope:
    """The probability that a message is in scope, by a distance and how far gibberish is.

    Attributes:
        distance: Of a message by its features and logits; larger is farther out.
        centre: The distance at which the probability is one half.
        width: By how much farther the odds fall to 1 : e.
    """

    distance: MahalanobisDistance | Energy
    centre: float
    width: float

    def probability(self, features: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """P(in scope), `[messages]`, from features `[messages, hidden]` and logits `[messages, labels]`."""
        return expit((self.centre - self.distance(features, logits)) / self.width)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors `[n, size]` at length 1, float64."""
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
