"""How much better, and how sure."""

import numpy as np
import pytest

from rasa_bert_intent.reports import metrics
from rasa_bert_intent.tuning.gain import gain, scores


def answers(truth: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Answers of which a share is right."""
    random = np.random.default_rng(seed)
    return np.where(random.random(len(truth)) < share, truth, random.integers(0, truth.max() + 1, len(truth)))


TRUTH = np.random.default_rng(0).integers(0, 12, 400)


def test_scores_are_those_of_the_reports():
    given = answers(TRUTH, 0.6, 1)
    assert scores("accuracy", TRUTH, given) == pytest.approx(metrics.accuracy(TRUTH, given))
    assert scores("macro-f1", TRUTH, given) == pytest.approx(metrics.macro_f1(TRUTH, given))


def test_a_weight_is_a_message_said_as_often():
    given, weights = answers(TRUTH, 0.6, 1), np.random.default_rng(2).integers(0, 4, len(TRUTH))
    often = np.repeat(TRUTH, weights), np.repeat(given, weights)
    for metric in ("accuracy", "macro-f1"):
        assert scores(metric, TRUTH, given, weights.astype(float)) == pytest.approx(scores(metric, *often))


@pytest.mark.parametrize("metric", ["accuracy", "macro-f1"])
def test_a_large_gain_is_sure_and_a_loss_is_none(metric: str):
    worse, better = (np.stack([answers(TRUTH, share, seed) for seed in (1, 2)]) for share in (0.5, 0.9))
    found = gain(metric, TRUTH.tolist(), worse, better)
    assert found.is_sure
    assert found.low < found.best - found.defaults < found.high
    back = gain(metric, TRUTH.tolist(), better, worse)
    assert not back.is_sure
    assert back.high < 0


def test_chance_is_not_sure():
    same = [np.stack([answers(TRUTH, 0.8, seed) for seed in seeds]) for seeds in ((1, 2, 3), (4, 5, 6))]
    found = gain("accuracy", TRUTH.tolist(), *same)
    assert found.low < 0 < found.high


def test_the_interval_holds_the_true_gain_about_as_often_as_it_says():
    held = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        truth = random.integers(0, 5, 200)
        worse, better = answers(truth, 0.7, 1000 + seed), answers(truth, 0.8, 2000 + seed)
        found = gain("accuracy", truth.tolist(), worse[None], better[None], seed)
        held += found.low <= 0.1 * 0.8 <= found.high  # a fifth of the wrong answers is right by chance
    assert 34 <= held <= 40


def test_other_trainings_widen_the_interval():
    steady = np.stack([answers(TRUTH, 0.8, 1)] * 3)
    shaky = np.stack([answers(TRUTH, share, 1) for share in (0.6, 0.8, 1.0)])
    narrow, wide = (gain("accuracy", TRUTH.tolist(), steady, best) for best in (steady, shaky))
    assert (narrow.low, narrow.high) == (0, 0)
    assert wide.high - wide.low > 0.1
