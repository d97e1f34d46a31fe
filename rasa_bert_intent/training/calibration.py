"""Confidences that mean what they say: a temperature for the logits, fitted on examples that were not trained on."""

from __future__ import annotations

import logging

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.reports.metrics import expected_calibration_error
from rasa_bert_intent.training.batching import Examples

logger = logging.getLogger(__name__)

_LOWEST, _HIGHEST = 0.02, 50.0


def calibrate(model: IntentModel, held_out: Examples) -> float:
    """The temperature of a trained model, by examples that it was not trained on; told in one line.

    Models of folds of small data are no stand-in: at 10 examples an intent of MASSIVE their temperature made the
    confidences too high (calibration error on development rows 0.08, against 0.05 as trained; one seed).
    """
    features = model.features_of_tokens(held_out.inputs)
    logits, labels = model.logits_of_features(features), np.asarray(held_out.labels)
    in_scope = 1.0 if model.scope is None else model.scope.probability(features, logits)
    temperature = fit_temperature(logits, labels, in_scope)
    before, after = (_calibration_error(logits / t, labels, in_scope) for t in (1.0, temperature))
    logger.info(
        f"Temperature {temperature:.2f} by {len(labels)} held-out examples: calibration error {before:.3f} before, "
        f"{after:.3f} after."
    )
    return temperature


def fit_temperature(logits: np.ndarray, labels: np.ndarray, in_scope: np.ndarray | float = 1.0) -> float:
    """The temperature by which the confidence of the likeliest label best foretells whether it is right.

    The logits are divided by it, so it never changes their order. A few examples that are all right would ask for a
    temperature of 0: a normal prior on its logarithm, which weighs as much as one example, holds it near 1 until there
    is evidence.

    Args:
        logits: `[examples, labels]`, of examples that were not trained on.
        labels: The right column of each, `[examples]`.
        in_scope: P(in scope) of each, `[examples]`, which the confidences are multiplied by.

    Source:
        Guo et al. 2017 (arXiv 1706.04599), section 4.2, there by the likelihood of all labels.
    """
    logits = np.asarray(logits, dtype=np.float64)
    right = logits.argmax(axis=1) == labels

    def loss(log_temperature: float) -> float:
        confidence = np.clip(_confidence(logits / np.exp(log_temperature), in_scope), 1e-9, 1 - 1e-9)
        return float(-np.log(np.where(right, confidence, 1 - confidence)).sum() + log_temperature**2 / 2)

    bounds = (np.log(_LOWEST), np.log(_HIGHEST))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def _confidence(logits: np.ndarray, in_scope: np.ndarray | float) -> np.ndarray:
    return softmax(logits.astype(np.float64), axis=1).max(axis=1) * in_scope


def _calibration_error(logits: np.ndarray, labels: np.ndarray, in_scope: np.ndarray | float) -> float:
    return expected_calibration_error(_confidence(logits, in_scope), logits.argmax(axis=1) == labels)
