"""From logits to confidences that are as high as they are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax


@dataclass(frozen=True)
class Calibration:
    """How a softmax reads the gaps of the logits to the largest one: each counts `gap * (linear + quadratic * gap)`.

    With `quadratic` 0 this is temperature scaling, `linear` being one over the temperature. Label smoothing makes one
    temperature too few: it holds the gaps of sure answers at one size, which must still count in full when the smaller
    gaps of doubtful answers count less. The order of the labels never changes.

    Attributes:
        linear: Above 0.
        quadratic: From 0.

    Source:
        Guo et al. 2017 (arXiv 1706.04599), section 4.2; Rahimi et al. 2020 (arXiv 2003.06820) on maps that keep the
        order.
    """

    linear: float = 1.0
    quadratic: float = 0.0

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """P(label), `[messages, labels]`, float64, of logits `[messages, labels]`."""
        logits = np.asarray(logits, dtype=np.float64)
        gaps = logits.max(axis=1, keepdims=True) - logits
        return softmax(-gaps * (self.linear + self.quadratic * gaps), axis=1)
