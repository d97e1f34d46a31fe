import json

import numpy as np
import pytest

from rasa_bert_intent.ranking import rank

LABELS = ["a", "b", "c", "d"]
CONFIDENCES = np.array([0.1, 0.5, 0.15, 0.25])


def test_best_first_and_cut_after_sorting():
    assert rank(LABELS, CONFIDENCES, length=2, renormalize=False) == [
        {"name": "b", "confidence": 0.5},
        {"name": "d", "confidence": 0.25},
    ]


def test_zero_keeps_all():
    assert [row["name"] for row in rank(LABELS, CONFIDENCES, length=0, renormalize=False)] == ["b", "d", "c", "a"]


def test_renormalised_confidences_sum_to_one():
    ranking = rank(LABELS, CONFIDENCES, length=2, renormalize=True)
    assert [row["confidence"] for row in ranking] == pytest.approx([2 / 3, 1 / 3])


def test_confidences_can_be_written_as_json():
    json.dumps(rank(LABELS, CONFIDENCES.astype(np.float32), length=0, renormalize=True))
