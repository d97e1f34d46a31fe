"""Confidences that mean what they say: a temperature for the logits, fitted on examples that were not trained on."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax

from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.reports.metrics import expected_calibration_error
from rasa_bert_intent.training.batching import Examples
from rasa_bert_intent.training.build import fresh_model, training_mode
from rasa_bert_intent.training.run import prepare, run_epochs
from rasa_bert_intent.training.trainer import steps_per_epoch

logger = logging.getLogger(__name__)

# Without held-out examples, up to this many are cross-fitted: on more, the folds would take too long.
_CROSS_FITTED = 5_000

# Each of the folds is trained for a third of the steps, and no more of them than give this many examples.
_FOLDS = 3
_ENOUGH = 300

_LOWEST, _HIGHEST = 0.02, 50.0


def calibrate(model: IntentModel, examples: Examples, held_out: Examples, epochs: int, progress: bool) -> float:
    """The temperature of a trained model.

    Args:
        model: As trained.
        examples: All of them, as token ids.
        held_out: Those it was not trained on; where there are none, models of the folds stand in for it.
        epochs: That it was trained for.
        progress: Whether to show bars on standard error.
    """
    if len(held_out):
        logits, labels = model.logits_of_tokens(held_out.inputs), np.asarray(held_out.labels)
        source = f"{len(labels)} held-out examples"
    elif len(examples) <= _CROSS_FITTED:
        logits, labels = _cross_fitted(model, examples, epochs, progress)
        source = f"{len(labels)} cross-fitted examples"
    else:
        logger.info("Confidences are not calibrated, as no examples are held out: set validation_split to 0.05, say.")
        return 1.0
    if not len(labels):
        return 1.0
    temperature = fit_temperature(logits, labels)
    before, after = (_calibration_error(logits / t, labels) for t in (1.0, temperature))
    logger.info(f"Temperature {temperature:.2f} by {source}: calibration error {before:.3f} before, {after:.3f} after.")
    return temperature


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature under which logits, divided by it, make the labels likeliest; it never changes their order.

    A few examples that are all right would ask for a temperature of 0: a normal prior on its logarithm, which weighs as
    much as one example, holds it near 1 until there is evidence.

    Args:
        logits: `[examples, labels]`, of examples that were not trained on.
        labels: The right column of each, `[examples]`.

    Source:
        Guo et al. 2017 (arXiv 1706.04599), section 4.2.
    """
    logits = np.asarray(logits, dtype=np.float64)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.sum(logsumexp(scaled, axis=1) - scaled[rows, labels]) + log_temperature**2 / 2)

    bounds = (np.log(_LOWEST), np.log(_HIGHEST))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def _cross_fitted(model: IntentModel, examples: Examples, epochs: int, progress: bool) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of examples by models that were not trained on them, each for a part of the steps."""
    steps = epochs * steps_per_epoch(len(examples), model.options) / _FOLDS
    fold_of = _folds(examples.labels, model.options.random_seed)
    logits: list[np.ndarray] = []
    labels: list[int] = []
    for fold in range(_FOLDS):
        train = examples.subset([i for i, own in enumerate(fold_of) if own != fold])
        known = set(train.labels)
        rest = [i for i, own in enumerate(fold_of) if own == fold and examples.labels[i] in known]
        if len(known) < 2 or not rest or len(labels) >= _ENOUGH:
            continue
        held_out = examples.subset(rest)
        stand_in = fresh_model(model.labels, model.options)
        with training_mode(stand_in, model.device):
            prepare(stand_in, train, progress)
            fold_epochs = math.ceil(steps / steps_per_epoch(len(train), model.options))
            run_epochs(stand_in, train, examples.subset([]), fold_epochs, progress, "Calibrating")
            logits.append(stand_in.logits_of_tokens(held_out.inputs))
        labels += held_out.labels
    return (np.concatenate(logits) if logits else np.zeros((0, len(model.labels)))), np.asarray(labels)


def _folds(labels: Sequence[int], seed: int) -> np.ndarray:
    """The fold of each example: of every label as many in each as can be."""
    random = np.random.default_rng(seed)
    fold_of = np.zeros(len(labels), dtype=int)
    for label in sorted(set(labels)):
        members = random.permutation(np.flatnonzero(np.asarray(labels) == label))
        fold_of[members] = (np.arange(len(members)) + random.integers(_FOLDS)) % _FOLDS
    return fold_of


def _calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    confidences = softmax(logits.astype(np.float64), axis=1)
    return expected_calibration_error(confidences.max(axis=1), confidences.argmax(axis=1) == labels)
