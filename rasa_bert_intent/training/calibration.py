"""Fits the calibration of a model on examples that it was not trained on."""

from __future__ import annotations

import logging

import numpy as np
from scipy.optimize import minimize

from rasa_bert_intent.calibration import Calibration
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.reports.metrics import expected_calibration_error
from rasa_bert_intent.training.batching import Examples

logger = logging.getLogger(__name__)

_LINEAR = (0.02, 50.0)
_QUADRATIC = (0.0, 10.0)
# How far from none a quadratic term is believed without evidence.
_QUADRATIC_SPREAD = 0.2


def calibrate(model: IntentModel, held_out: Examples) -> None:
    """Gives a trained model its calibration, by examples that it was not trained on; told in one line.

    Models of folds of small data are no stand-in: at 10 examples an intent of MASSIVE a temperature found by them made
    the confidences too high (calibration error on development rows 0.08, against 0.05 as trained; one seed).
    """
    # One by one, as a bot is asked: in int8 the messages of a batch round one another's numbers.
    features, labels = model.features_of_tokens(held_out.inputs, batch_size=1), np.asarray(held_out.labels)
    before = _calibration_error(model.confidences(features), labels)
    model.calibration = fit_calibration(model.logits_of_features(features), labels)
    after = _calibration_error(model.confidences(features), labels)
    logger.info(
        f"Calibrated by {len(labels)} held-out examples (linear {model.calibration.linear:.2f}, quadratic "
        f"{model.calibration.quadratic:.2f}): calibration error {before:.3f} before, {after:.3f} after."
    )


def fit_calibration(logits: np.ndarray, labels: np.ndarray) -> Calibration:
    """The calibration under which the labels are likeliest.

    A few examples that are all right would ask for confidences of 1: normal priors on the logarithm of the linear term
    and on the quadratic one, which weigh as much as one example, hold both near none until there is evidence.

    Args:
        logits: `[examples, labels]`, of examples that were not trained on.
        labels: The right column of each, `[examples]`.
    """
    rows = np.arange(len(labels))

    def loss(parameters: np.ndarray) -> float:
        log_linear, quadratic = parameters
        likelihoods = Calibration(np.exp(log_linear), quadratic).probabilities(logits)[rows, labels]
        priors = log_linear**2 / 2 + (quadratic / _QUADRATIC_SPREAD) ** 2 / 2
        return float(priors - np.log(np.maximum(likelihoods, 1e-300)).sum())

    bounds = [tuple(np.log(_LINEAR)), _QUADRATIC]
    log_linear, quadratic = minimize(loss, np.array([0.0, 0.01]), method="L-BFGS-B", bounds=bounds).x
    return Calibration(float(np.exp(log_linear)), float(quadratic))


def _calibration_error(confidences: np.ndarray, labels: np.ndarray) -> float:
    return expected_calibration_error(confidences.max(axis=1), confidences.argmax(axis=1) == labels)
