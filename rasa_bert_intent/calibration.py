"""From logits to confidences that are as high as they are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

# A first label above this is above all others.
_HALF = 0.5 + 1e-9


@dataclass(frozen=True)
class Calibration:
    """How a softmax reads the gaps of the logits to the largest one, and then how sure the first label is.

    Each gap counts `gap * (linear + quadratic * gap)`. With `quadratic` 0 this is temperature scaling, `linear` being
    one over the temperature. Label smoothing makes one temperature too few: it holds the gaps of sure answers at one
    size, which must still count in full when the smaller gaps of doubtful answers count less.

    Then the first label's probability p becomes the sigmoid of `a * ln(p) - b * ln(1 - p) + c`, and the others share
    the rest as before: what a softmax cannot say, that sure answers too are wrong at times (wrong examples), and
    doubtful ones right more often than not. The order of the labels never changes: a first label is not put below one
    half, or below where it was, whichever is less.

    Attributes:
        linear: Above 0.
        quadratic: From 0.
        a: Above 0, 1 for none.
        b: Likewise.
        c: 0 for none.

    Source:
        Guo et al. 2017 (arXiv 1706.04599), section 4.2; Rahimi et al. 2020 (arXiv 2003.06820) on maps that keep the
        order; Kull, Silva Filho and Flach 2017, Beta calibration, of a, b and c.
    """

    linear: float = 1.0
    quadratic: float = 0.0
    a: float = 1.0
    b: float = 1.0
    c: float = 0.0

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """P(label), `[messages, labels]`, float64, of logits `[messages, labels]`."""
        logits = np.asarray(logits, dtype=np.float64)
        gaps = logits.max(axis=1, keepdims=True) - logits
        probabilities = softmax(-gaps * (self.linear + self.quadratic * gaps), axis=1)
        if (self.a, self.b, self.c) == (1, 1, 0):
            return probabilities
        first = np.arange(len(logits)), logits.argmax(axis=1)
        probabilities[first] = 0
        others = np.maximum(probabilities.sum(axis=1), 1e-300)  # precise where they are next to nothing
        left = self.left(others)
        probabilities *= (left / others)[:, None]
        probabilities[first] = 1 - left
        return probabilities

    def left(self, others: np.ndarray) -> np.ndarray:
        """What is left for all labels but the first, `[messages]`, of what the softmax gave them."""
        left = expit(self.b * np.log(others) - self.a * np.log1p(-others) - self.c)
        return np.minimum(left, 1 - np.minimum(1 - others, _HALF))
