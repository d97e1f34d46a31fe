import pytest

from rasa_bert_intent.reports.threshold import TradeOff, advise_threshold


def test_balance_is_best_in_the_middle_of_the_longest_run_of_best_thresholds():
    # 0.41 to 0.80 answer 2 of 3 and refuse both: 0.833; 0.21 to 0.30 answer all and refuse one: 0.75.
    advice = advise_threshold([0.9, 0.8, 0.3], [True] * 3, [0.2, 0.4])
    assert advice.rule == "balanced"
    assert advice.chosen == TradeOff(0.6, pytest.approx(2 / 3), 1.0, pytest.approx(2 / 3), 1.0)


def test_message_whose_confidence_is_the_threshold_is_answered():
    assert advise_threshold([0.5], [True], [0.49]).chosen.threshold == 0.5


def test_wrong_answers_do_not_count_for_the_balance():
    # Without the wrong answer at 0.3 the messages out of scope decide alone.
    advice = advise_threshold([0.9, 0.3], [True, False], [0.4])
    assert 0.4 < advice.chosen.threshold <= 0.9
    assert (advice.chosen.answered, advice.chosen.right_of_answered, advice.chosen.refused) == (0.5, 1.0, 1.0)


def test_score_of_0_is_refused_at_every_threshold():
    advice = advise_threshold([0.8, 0.0], [True, False], [0.0])
    assert advice.chosen.threshold == 0.4
    assert [row.refused for row in advice.table] == [1.0] * len(advice.table)
    assert advice.table[0] == TradeOff(0.0, 0.5, 1.0, 0.5, 1.0)


def test_without_messages_out_of_scope_the_lowest_precise_threshold_is_advised():
    # 19 of 21 are right at first, 19 of 20 above 0.2.
    advice = advise_threshold([0.9] * 19 + [0.2, 0.3], [True] * 19 + [False] * 2)
    assert advice.rule == "precise"
    assert advice.chosen == TradeOff(0.21, pytest.approx(20 / 21), 0.95, pytest.approx(19 / 21), None)
    assert advice.reason.startswith("The lowest at which 95%")


def test_precision_is_not_bought_with_right_answers():
    # Above 0.5 all are right, but half of the right answers are lost; above 0.1 none.
    advice = advise_threshold([0.9] * 5 + [0.4] * 5 + [0.5] * 5 + [0.1], [True] * 10 + [False] * 6)
    assert advice.chosen.threshold == 0.11
    assert advice.chosen.right_of_answered == pytest.approx(10 / 15)
    assert advice.reason.startswith("No threshold that keeps 90%")


@pytest.mark.parametrize("number", [10, 30, 70])
def test_exactly_a_tenth_of_the_right_answers_may_be_lost(number: int):
    wrong = number // 10 + 1
    advice = advise_threshold(
        [0.9] * (9 * number // 10) + [0.4] * (number // 10) + [0.5] * wrong, [True] * number + [False] * wrong
    )
    assert advice.chosen.threshold == 0.51


@pytest.mark.parametrize("number", [1, 5])
def test_all_right_keeps_the_right_answers_and_refuses_what_is_unlike_them(number: int):
    advice = advise_threshold([0.7] * number, [True] * number)
    assert advice.chosen == TradeOff(0.35, 1.0, 1.0, 1.0, None)  # the middle of 0.00 to 0.70
    assert advice.reason.startswith("95% of the answers are right without any")


@pytest.mark.parametrize("number", [1, 5])
def test_all_wrong_says_that_no_threshold_helps(number: int):
    advice = advise_threshold([0.7] * number, [False] * number)
    assert advice.chosen == TradeOff(0.0, 1.0, 0.0, 0.0, None)
    assert advice.reason.startswith("No message is answered rightly")


def test_all_wrong_beside_messages_out_of_scope_refuses_these():
    assert advise_threshold([0.9], [False], [0.5]).chosen.threshold == 0.75  # of 0.51 to 0.99


def test_confidences_above_every_threshold_are_always_answered():
    advice = advise_threshold([1.0, 0.999], [True, True], [1.0])
    assert (advice.chosen.answered, advice.chosen.refused) == (1.0, 0.0)


def test_table_has_tenths_and_the_threshold_advised_once():
    table = advise_threshold([0.9] * 19 + [0.2, 0.3], [True] * 19 + [False] * 2).table
    assert [row.threshold for row in table] == [0.0, 0.1, 0.2, 0.21, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert [row.threshold for row in advise_threshold([0.5], [True]).table[:5]] == [0.0, 0.1, 0.2, 0.25, 0.3]
    assert table[-1].right_of_answered == 1.0
    assert advise_threshold([0.5], [True]).table[-1].right_of_answered is None


def test_curve_has_every_hundredth():
    advice = advise_threshold([0.9, 0.3], [True, True], [0.5])
    assert [row.threshold for row in advice.curve] == [number / 100 for number in range(100)]
    assert [row.answered for row in advice.curve] == [1.0] * 31 + [0.5] * 60 + [0.0] * 9
    assert [row.refused for row in advice.curve] == [0.0] * 51 + [1.0] * 49
