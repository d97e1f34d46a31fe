import logging

import numpy as np
import pytest
from scipy.special import softmax

from rasa_bert_intent import IntentModel
from rasa_bert_intent.calibration import Calibration
from rasa_bert_intent.reports.metrics import expected_calibration_error
from rasa_bert_intent.training import scope as scope_module
from rasa_bert_intent.training.calibration import fit_beta, fit_calibration
from rasa_bert_intent.training.fit import fit

PLAIN = Calibration()


def drawn(truth: Calibration, examples: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn as a calibration reads them."""
    random = np.random.default_rng(0)
    logits = 2 * random.normal(size=(examples, 5))
    labels = (random.random((examples, 1)) > truth.probabilities(logits).cumsum(axis=1)).sum(axis=1)
    return logits, np.minimum(labels, 4)


def test_plain_is_the_softmax_and_linear_a_temperature():
    logits = np.array([[1.0, 3.0, -2.0], [0.0, 0.0, 0.5]])
    assert PLAIN.probabilities(logits) == pytest.approx(softmax(logits, axis=1))
    assert Calibration(linear=0.5).probabilities(logits) == pytest.approx(softmax(logits / 2, axis=1))


def test_the_quadratic_term_by_hand():
    weights = np.exp([0.0, -(1 * 0.5 + 1 * 0.25), -(2 * 0.5 + 4 * 0.25)])
    assert Calibration(0.5, 0.25).probabilities(np.array([[5.0, 4.0, 3.0]]))[0] == pytest.approx(
        weights / weights.sum()
    )


def test_the_first_label_by_hand():
    first = Calibration(a=0.5, b=2, c=0.3).probabilities(np.log([[0.6, 0.3, 0.1]]))[0]
    odds = np.exp(0.5 * np.log(0.6) - 2 * np.log(0.4) + 0.3)
    assert first == pytest.approx([odds / (1 + odds), 0.75 / (1 + odds), 0.25 / (1 + odds)])


@pytest.mark.parametrize("calibration", [Calibration(a=0.4, b=0.8, c=0.2), Calibration(a=3, b=0.3, c=-3)], ids=str)
def test_the_order_never_changes_and_all_sum_to_one(calibration):
    logits = np.random.default_rng(0).normal(size=(2000, 5)) * np.geomspace(0.01, 30, 2000)[:, None]
    probabilities = calibration.probabilities(logits)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), logits.argmax(axis=1))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    before = PLAIN.probabilities(logits)
    assert (np.diff(np.take_along_axis(probabilities, (-before).argsort(axis=1), axis=1), axis=1) <= 0).all()


def test_answers_that_leave_nothing_to_the_others_stay_sure():
    probabilities = Calibration(a=0.5, b=0.8, c=0.1).probabilities(np.array([[0.0, -2000.0], [0.0, 0.0]]))
    assert np.isfinite(probabilities).all()
    assert probabilities[0] == pytest.approx([1, 0])
    assert probabilities[1] == pytest.approx([0.5, 0.5], abs=0.1)


def test_what_a_softmax_cannot_say_is_found():
    """Labels of which one in twenty is wrong whatever the logits: no temperature makes sure answers right in 95 %."""
    logits, labels = drawn(PLAIN)
    random = np.random.default_rng(1)
    labels = np.where(random.random(len(labels)) < 0.05, random.integers(0, 5, len(labels)), labels)
    tempered, _ = fit_calibration(logits, labels)
    right = logits.argmax(axis=1) == labels
    found = fit_beta(tempered, logits, right, np.ones(len(right)))
    before, after = (
        expected_calibration_error(how.probabilities(logits).max(axis=1), right) for how in (tempered, found)
    )
    assert after < 0.008 < before


def test_a_probability_in_scope_is_made_up_for():
    logits, labels = drawn(PLAIN)
    right, in_scope = logits.argmax(axis=1) == labels, np.full(len(labels), 0.9)
    found = fit_beta(PLAIN, logits, right, in_scope)
    confidences = found.probabilities(logits).max(axis=1) * in_scope
    assert expected_calibration_error(confidences, right) < expected_calibration_error(
        PLAIN.probabilities(logits).max(axis=1) * in_scope, right
    )
    assert fit_beta(PLAIN, logits[:2], right[:2], in_scope[:2]).c == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("truth", [PLAIN, Calibration(0.4), Calibration(3.0), Calibration(0.3, 0.15)], ids=str)
def test_the_calibration_that_made_the_labels_is_found(truth):
    found, _ = fit_calibration(*drawn(truth))
    assert found.linear == pytest.approx(truth.linear, rel=0.1)
    assert found.quadratic == pytest.approx(truth.quadratic, abs=0.03)


@pytest.mark.parametrize("factor", [0.2, 1.0, 4.0])
def test_the_factor_of_other_logits_is_found(factor):
    logits, _ = drawn(PLAIN)
    added = np.random.default_rng(1).normal(size=logits.shape)
    probabilities = softmax(logits + factor * added, axis=1)
    labels = (np.random.default_rng(2).random((len(logits), 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    single = [some.astype(np.float32) for some in (logits, added)]
    found, by = fit_calibration(single[0], np.minimum(labels, 4), single[1])
    assert by == pytest.approx(factor, rel=0.1, abs=0.05)
    assert found.linear == pytest.approx(1, rel=0.1)


def test_calibration_error_falls():
    logits, labels = drawn(Calibration(0.3, 0.05))
    found, _ = fit_calibration(logits, labels)
    confidences = [how.probabilities(logits) for how in (PLAIN, found)]
    before, after = (expected_calibration_error(c.max(axis=1), c.argmax(axis=1) == labels) for c in confidences)
    assert after < 0.02 < 0.1 < before


def test_few_examples_that_are_all_right_or_all_wrong_change_little():
    logits = np.eye(3)[[0, 1, 2]] * 4
    sure, unsure = (fit_calibration(logits, np.array(labels))[0] for labels in ([0, 1, 2], [1, 2, 0]))
    assert 1 < sure.linear < 2
    assert 0.1 < unsure.linear < 1
    assert max(sure.quadratic, unsure.quadratic) < 0.2


def test_training_fits_one_that_is_stored_and_keeps_the_order(options, examples, tmp_path, caplog):
    changes = {"learning_rate": 5e-3, "head_learning_rate": 5e-2, "epochs": 10, "validation_split": 0.25}
    with caplog.at_level(logging.INFO):
        model = fit(*examples, options(**changes), progress=False)
    assert any("Calibrated by 6 held-out examples" in line for line in caplog.messages)
    assert model.calibration != PLAIN
    logits = model.predict_logits(examples[0])
    np.testing.assert_array_equal(
        model.calibration.probabilities(logits).argsort(axis=1, kind="stable"),
        softmax(logits.astype(np.float64), axis=1).argsort(axis=1, kind="stable"),
    )
    model.save(tmp_path / "model")
    assert IntentModel.load(tmp_path / "model").calibration == model.calibration


@pytest.mark.parametrize(
    ("changes", "linear"),
    [
        ({}, 1.15 * 1.2),
        ({"contrastive_weight": 0}, 1.2),
        ({"method": "full"}, 1.2),
        ({"method": "head"}, 1.3 * 1.2),
        ({"out_of_scope_score": "none"}, 1.15),
        ({"out_of_scope_score": "energy"}, 1.15),
        ({"method": "full", "out_of_scope_score": "none"}, 1),
        ({"calibrate_confidences": False}, 1),
        ({"calibrate_confidences": False, "validation_split": 0.25}, 1),
        ({"epochs": 0}, 1),
    ],
    ids=str,
)
def test_without_held_out_examples_the_recipe_says_how_sure_answers_are(
    options, examples, changes, linear, monkeypatch
):
    monkeypatch.setattr(scope_module, "_LEAST_AUROC", 0)
    model = fit(*examples, options(**changes), progress=False)
    assert model.calibration == Calibration(pytest.approx(linear))


def test_training_on_without_held_out_examples_keeps_what_was_fitted(options, examples, tmp_path):
    model = fit(*examples, options(validation_split=0.25), progress=False)
    fitted = model.calibration
    model.save(tmp_path / "model")
    start = IntentModel.load(tmp_path / "model", trainable=True)
    again = fit(*examples, options(validation_split=0), start=start, progress=False)
    assert again.calibration == fitted != PLAIN
