import pytest

from rasa_bert_intent.reports.metrics import ConfidenceBin, auroc, confidence_bins, expected_calibration_error


def test_calibration_error_of_messages_in_bins_of_their_own_is_their_mean_gap():
    # gaps 0.1, 0.1, 0.05 and 0.6
    assert expected_calibration_error([0.1, 0.9, 0.95, 0.6], [False, True, True, False]) == pytest.approx(0.2125)


def test_calibration_error_of_one_bin_is_accuracy_against_mean_confidence():
    assert expected_calibration_error([0.61, 0.65], [True, False]) == pytest.approx(abs(0.5 - 0.63))


def test_confidence_on_an_edge_belongs_to_the_bin_below():
    assert expected_calibration_error([0.5, 0.6], [True, False], bins=2) == pytest.approx((0.5 + 0.6) / 2)


def test_calibration_error_takes_confidences_of_0_and_1():
    assert expected_calibration_error([0.0, 1.0], [False, True]) == 0.0


def test_auroc_counts_pairs_in_order_and_ties_half():
    # 0.9 beats both; each 0.5 ties with 0.5 and beats 0.1: 2 + 2 * 1.5 of 6 pairs
    assert auroc([0.9, 0.5, 0.5], [0.5, 0.1]) == pytest.approx(5 / 6)


@pytest.mark.parametrize(("out_of_scope", "expected"), [([0.1], 1.0), ([0.5], 0.5), ([0.9], 0.0)])
def test_auroc_of_one_message_each(out_of_scope: list[float], expected: float):
    assert auroc([0.5], out_of_scope) == expected


def test_bins_count_every_message_once_with_its_outcome():
    bins = confidence_bins([0.0, 0.5, 0.5, 1.0, 0.51], [False, True, False, True, True], bins=2)
    assert bins == [
        ConfidenceBin(lower=0.0, upper=0.5, right=1, wrong=2, confidence=pytest.approx(1 / 3)),
        ConfidenceBin(lower=0.5, upper=1.0, right=2, wrong=0, confidence=pytest.approx(0.755)),
    ]


def test_bin_without_a_message_has_no_confidence():
    assert [each.confidence for each in confidence_bins([0.9], [True], bins=3)] == [None, None, 0.9]
