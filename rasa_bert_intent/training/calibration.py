"""Fits a model's confidences: P(in scope), the calibration, and what its n-grams count."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace

import numpy as np
from scipy.optimize import minimize

from rasa_bert_intent.calibration import Calibration
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.reports.metrics import expected_calibration_error
from rasa_bert_intent.scope import Distance
from rasa_bert_intent.training.batching import Examples
from rasa_bert_intent.training.scope import fit_scope

logger = logging.getLogger(__name__)

_LINEAR = (0.02, 50.0)
_QUADRATIC = (0.0, 10.0)
_FACTOR = (0.01, 100.0)
_BETA = ((0.05, 5.0), (0.05, 5.0), (-3.0, 3.0))
# How far from none a quadratic term is believed without evidence.
_QUADRATIC_SPREAD = 0.2
# Likewise of beta calibration. Of 0.15 to 1 the least calibration error on development rows of MASSIVE, fitted to 50 to
# 1000 others.
_BETA_SPREAD = 0.3

# What the logits are multiplied by where no examples are held out: some recipes make confidences that are too low, and
# P(in scope) by left-out examples takes a little of what is in scope too. With both, the calibration error on MASSIVE's
# development rows is .033, .030 and .033 at 5, 10 and 20 examples an intent (three seeds, the default recipe).
_FACTOR_OF_FEW, _FEW_BELOW = 1.15, 15
_FACTOR_OF_HEAD = 1.3
_FACTOR_OF_SCOPE = 1.2


def fit_confidences(model: IntentModel, train: Examples, held_out: Examples, *, fresh: bool) -> None:
    """Gives a trained model its P(in scope) and its calibration, as the options ask for.

    Args:
        model: Trained, as it will serve.
        train: The examples it was trained on.
        held_out: Others; there may be none.
        fresh: Whether it has no former calibration, which is kept where no examples are held out.
    """
    model.scope = fit_scope(model, train, held_out)
    if model.options.calibrate_confidences and len(held_out):
        calibrate(model, held_out)
    elif model.options.calibrate_confidences and fresh:
        presume(model, len(train), len(set(train.labels)))


def calibrate(model: IntentModel, held_out: Examples) -> None:
    """Gives a trained model its calibration, and its n-grams their weight, by examples that it was not trained on.

    Models of folds of small data are no stand-in: at 10 examples an intent of MASSIVE a temperature found by them made
    the confidences too high (calibration error on development rows 0.08, against 0.05 as trained; one seed).
    """
    vectors, labels = model.vectors_of_tokens(held_out.inputs, model.batch_as_served), np.asarray(held_out.labels)

    def error() -> float:
        confidences = model.confidences(held_out.texts, vectors)
        return expected_calibration_error(confidences.max(axis=1), confidences.argmax(axis=1) == labels)

    before, told = error(), ""
    messages, ngrams = model.messages(held_out.texts, vectors), model.ngrams
    encoders = messages.logits
    added = messages.ngram_logits * ngrams.weight if ngrams is not None else np.zeros_like(encoders)
    if ngrams is not None and model.options.ngram_weight is None:
        calibration, factor = fit_calibration(encoders, labels, added)
        model.ngrams, added = ngrams.times(factor), factor * added
    else:
        calibration, _ = fit_calibration(encoders + added, labels)
    answers = (encoders + added).argmax(axis=1)
    if ngrams is not None:
        alone, together = (encoders.argmax(axis=1) == labels).mean(), (answers == labels).mean()
        told = f"; accuracy {alone:.3f} by the encoder alone, {together:.3f} with n-grams"
    in_scope = np.where(model.in_scope[answers], model.scope_probabilities(messages), 1)
    model.calibration = fit_beta(calibration, encoders + added, answers == labels, in_scope)
    fitted = ", ".join(f"{name} {value:.2f}" for name, value in asdict(model.calibration).items())
    logger.info(
        f"Calibrated by {len(labels)} held-out examples ({fitted}): calibration error {before:.3f} before, "
        f"{error():.3f} after{told}."
    )


def presume(model: IntentModel, num_examples: int, num_intents: int) -> None:
    """Gives a trained model the calibration of its recipe, for want of examples that it was not trained on."""
    options, linear = model.options, 1.0
    if model.scope is not None and isinstance(model.scope.distance, Distance):
        linear = _FACTOR_OF_SCOPE
    if options.method == "head":
        linear *= _FACTOR_OF_HEAD
    elif options.method == "lora" and options.contrastive_weight and num_examples < _FEW_BELOW * num_intents:
        linear *= _FACTOR_OF_FEW
    model.calibration = Calibration(linear)


def fit_calibration(
    logits: np.ndarray, labels: np.ndarray, added: np.ndarray | float = 0.0
) -> tuple[Calibration, float]:
    """The calibration under which the labels are likeliest, and the factor by which other logits are to be added.

    A few examples that are all right would ask for confidences of 1: normal priors on the logarithm of the linear term
    and of the factor, and on the quadratic term, which weigh as much as one example, hold them near none and the factor
    near 1 until there is evidence.

    Args:
        logits: `[examples, labels]`, of examples that were not trained on.
        labels: The right column of each, `[examples]`.
        added: The other logits, `[examples, labels]`; 0: there are none.

    Source:
        Wolpert 1992, Stacked generalization, of the factor.
    """
    rows = np.arange(len(labels))
    # In float32 the steps that find the slope would be rounded away.
    logits, added = np.asarray(logits, dtype=np.float64), np.asarray(added, dtype=np.float64)

    def loss(parameters: np.ndarray) -> float:
        log_linear, quadratic, log_factor = parameters
        calibration = Calibration(np.exp(log_linear), quadratic)
        likelihoods = calibration.probabilities(logits + np.exp(log_factor) * added)[rows, labels]
        priors = (log_linear**2 + (quadratic / _QUADRATIC_SPREAD) ** 2 + log_factor**2) / 2
        return float(priors - np.log(np.maximum(likelihoods, 1e-300)).sum())

    bounds = [tuple(np.log(_LINEAR)), _QUADRATIC, tuple(np.log(_FACTOR))]
    log_linear, quadratic, log_factor = minimize(loss, np.array([0.0, 0.01, 0.0]), method="L-BFGS-B", bounds=bounds).x
    return Calibration(float(np.exp(log_linear)), float(quadratic)), float(np.exp(log_factor))


def fit_beta(calibration: Calibration, logits: np.ndarray, right: np.ndarray, in_scope: np.ndarray) -> Calibration:
    """The calibration with the `a`, `b` and `c` under which confidences best say whether the first label is right.

    Normal priors that weigh as much as one example hold all three near none until there is evidence.

    Args:
        calibration: With its linear and quadratic term.
        logits: `[examples, labels]`, of examples that were not trained on.
        right: Whether the first label is the right one, `[examples]`, bool.
        in_scope: P(in scope) of each, `[examples]`, by which its probability will be multiplied.
    """
    probabilities = replace(calibration, a=1, b=1, c=0).probabilities(logits)
    others = np.maximum(1 - probabilities.max(axis=1), 1e-12)

    def loss(parameters: np.ndarray) -> float:
        a, b, c = parameters
        confidences = (1 - Calibration(a=a, b=b, c=c).left(others)) * in_scope
        likelihoods = np.where(right, confidences, 1 - confidences)
        priors = ((a - 1) ** 2 + (b - 1) ** 2 + c**2) / _BETA_SPREAD**2 / 2
        return float(priors - np.log(np.maximum(likelihoods, 1e-300)).sum())

    a, b, c = minimize(loss, np.array([1.0, 1.0, 0.0]), method="L-BFGS-B", bounds=_BETA).x
    return replace(calibration, a=float(a), b=float(b), c=float(c))
