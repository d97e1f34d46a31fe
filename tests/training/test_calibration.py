import logging

import numpy as np
import pytest
from scipy.special import softmax

from rasa_bert_intent import IntentModel
from rasa_bert_intent.training.calibration import _calibration_error, _folds, fit_temperature
from rasa_bert_intent.training.fit import fit


def drawn(temperature: float, examples: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose labels are drawn by them, and the same made too sharp by a temperature."""
    random = np.random.default_rng(0)
    logits = 2 * random.normal(size=(examples, 5))
    labels = (random.random((examples, 1)) > softmax(logits, axis=1).cumsum(axis=1)).sum(axis=1)
    return logits * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_spoilt_the_logits_is_found(temperature):
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.05)


def test_calibration_error_falls():
    logits, labels = drawn(3.0)
    before, after = (_calibration_error(logits / t, labels) for t in (1.0, fit_temperature(logits, labels)))
    assert after < 0.02 < 0.1 < before


def test_few_examples_that_are_all_right_or_all_wrong_change_little():
    logits = np.eye(3)[[0, 1, 2]] * 4
    assert 0.5 < fit_temperature(logits, np.array([0, 1, 2])) < 1
    assert 1 < fit_temperature(logits, np.array([1, 2, 0])) < 10


def test_folds_share_every_label_evenly():
    labels = [0] * 7 + [1] * 3 + [2]
    folds = _folds(labels, seed=1)
    assert sorted(np.bincount(folds[:7], minlength=3)) == [2, 2, 3]
    assert sorted(folds[7:10]) == [0, 1, 2]


@pytest.mark.parametrize("validation_split", [0, 0.25])
def test_training_fits_a_temperature_that_is_stored_and_keeps_the_order(
    validation_split, options, examples, tmp_path, caplog
):
    changes = {"learning_rate": 5e-3, "head_learning_rate": 5e-2, "epochs": 10, "calibrate_confidences": True}
    with caplog.at_level(logging.INFO):
        model = fit(*examples, options(validation_split=validation_split, **changes), progress=False)
    source = "held-out examples" if validation_split else "cross-fitted examples"
    assert any("Temperature" in line and source in line for line in caplog.messages)
    assert model.temperature != 1
    logits = model.predict_logits(examples[0])
    np.testing.assert_allclose(model.predict_proba(examples[0]), softmax(logits / model.temperature, axis=1), atol=1e-5)
    model.save(tmp_path / "model")
    assert IntentModel.load(tmp_path / "model").temperature == model.temperature


def test_calibration_can_be_turned_off(options, examples):
    assert fit(*examples, options(validation_split=0.25), progress=False).temperature == 1


def test_intents_of_one_example_each_are_not_calibrated(options):
    model = fit(["hi", "bye", "play"], ["greet", "bye", "music"], options(calibrate_confidences=True), progress=False)
    assert model.temperature == 1
