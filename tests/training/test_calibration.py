import logging

import numpy as np
import pytest
from scipy.special import softmax

from rasa_bert_intent import IntentModel
from rasa_bert_intent.training.calibration import _calibration_error, fit_temperature
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
    before, after = (_calibration_error(logits / t, labels, 1.0) for t in (1.0, fit_temperature(logits, labels)))
    assert after < 0.02 < 0.1 < before


def test_what_p_in_scope_takes_away_the_temperature_gives_back():
    logits, labels = drawn(1.0)
    in_scope = np.full(len(labels), 0.8)
    temperature = fit_temperature(logits, labels, in_scope)
    assert temperature < 0.95
    assert _calibration_error(logits / temperature, labels, in_scope) < _calibration_error(logits, labels, in_scope)


def test_few_examples_that_are_all_right_or_all_wrong_change_little():
    logits = np.eye(3)[[0, 1, 2]] * 4
    assert 0.5 < fit_temperature(logits, np.array([0, 1, 2])) < 1
    assert 1 < fit_temperature(logits, np.array([1, 2, 0])) < 10


def test_training_fits_a_temperature_that_is_stored_and_keeps_the_order(options, examples, tmp_path, caplog):
    changes = {
        "learning_rate": 5e-3,
        "head_learning_rate": 5e-2,
        "epochs": 10,
        "validation_split": 0.25,
        "out_of_scope_score": "none",
    }
    with caplog.at_level(logging.INFO):
        model = fit(*examples, options(**changes), progress=False)
    assert any("Temperature" in line and "6 held-out examples" in line for line in caplog.messages)
    assert model.temperature != 1
    logits = model.predict_logits(examples[0])
    np.testing.assert_allclose(model.predict_proba(examples[0]), softmax(logits / model.temperature, axis=1), atol=1e-5)
    model.save(tmp_path / "model")
    assert IntentModel.load(tmp_path / "model").temperature == model.temperature


@pytest.mark.parametrize("changes", [{"calibrate_confidences": False, "validation_split": 0.25}, {}], ids=str)
def test_turned_off_or_without_held_out_examples_confidences_stay(options, examples, changes):
    assert fit(*examples, options(**changes), progress=False).temperature == 1
