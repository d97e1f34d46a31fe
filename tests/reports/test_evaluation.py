import pytest

from rasa_bert_intent.errors import DataError
from rasa_bert_intent.reports.evaluation import Confusion, Evaluation, Prediction, evaluate

LABELS = ["bye", "greet"]


def _evaluate(*rows: tuple[str, str, str, float], **changes: object) -> Evaluation:
    """Of rows of text, right intent, intent given, confidence."""
    predictions = [Prediction(text, given, confidence) for text, _, given, confidence in rows]
    return evaluate(predictions, [row[1] for row in rows], **{"labels": LABELS, **changes})


def test_totals_are_those_of_the_labelled_messages():
    found = _evaluate(("hi", "greet", "greet", 0.9), ("ciao", "bye", "greet", 0.7))
    assert (found.examples, found.accuracy) == (2, 0.5)
    assert found.macro_f1 == pytest.approx((0 + 2 / 3) / 2)
    assert found.mean_confidence == pytest.approx(0.8)
    assert found.ece == pytest.approx((0.1 + 0.7) / 2)
    assert [row.intent for row in found.intents] == ["bye", "greet"]
    assert found.out_of_scope is None
    assert found.unknown_intents == []


def test_confusions_come_by_number_with_their_most_confident_messages():
    rows = [(f"text {i}", "bye", "greet", i / 10) for i in (1, 4, 2, 3)]
    found = _evaluate(*rows, ("hello", "greet", "bye", 0.9), ("hi", "greet", "greet", 0.8))
    assert [(pair.intent, pair.predicted, pair.count) for pair in found.confusions] == [
        ("bye", "greet", 4),
        ("greet", "bye", 1),
    ]
    assert [example.confidence for example in found.confusions[0].examples] == [0.4, 0.3, 0.2]
    assert found.confusions[1] == Confusion("greet", "bye", 1, [Prediction("hello", "bye", 0.9)])


def test_intents_that_the_model_lacks_are_named():
    assert _evaluate(("hi", "greet", "greet", 0.9), ("on", "lights", "greet", 0.2)).unknown_intents == ["lights"]


def test_out_of_scope_intent_that_the_model_lacks_is_not_scored():
    found = _evaluate(("hi", "greet", "greet", 0.9), ("sue him", "out_of_scope", "bye", 0.4))
    assert (found.examples, found.accuracy, found.unknown_intents) == (1, 1.0, [])
    assert found.out_of_scope is not None
    assert (found.out_of_scope.examples, found.out_of_scope.intent_is_known, found.out_of_scope.auroc) == (
        1,
        False,
        1.0,
    )
    assert 0.4 < found.fallback.chosen.threshold <= 0.9
    assert found.out_of_scope.answered == []


def test_messages_given_the_models_own_out_of_scope_intent_are_refused_at_any_confidence():
    found = _evaluate(
        ("hi", "greet", "greet", 0.6),
        ("hello", "greet", "out_of_scope", 0.9),
        ("sue him", "out_of_scope", "out_of_scope", 0.95),
        ("sue her", "out_of_scope", "bye", 0.3),
        labels=[*LABELS, "out_of_scope"],
    )
    assert (found.examples, found.accuracy) == (4, 0.5)
    assert found.out_of_scope is not None
    # 0.6 beats 0.3 and 0; 0 loses to 0.3 and ties with 0: 2.5 of 4
    assert (found.out_of_scope.examples, found.out_of_scope.auroc) == (2, 2.5 / 4)
    assert found.fallback.table[0].answered == 0.5
    assert found.fallback.table[0].refused == 0.5
    assert found.fallback.chosen.refused == 1.0


def test_further_messages_out_of_scope_count_once_and_are_not_scored():
    further = [Prediction("sue him", "bye", 0.7), Prediction("taxes", "bye", 0.7), Prediction("taxes", "bye", 0.7)]
    found = _evaluate(
        ("hi", "greet", "greet", 0.9),
        ("hello", "greet", "greet", 0.6),
        ("hey", "greet", "greet", 0.6),
        ("sue him", "out_of_scope", "bye", 0.7),
        out_of_scope=[*further, Prediction("vote", "greet", 0.5)],
    )
    assert found.examples == 3
    assert found.out_of_scope is not None
    assert found.out_of_scope.examples == 3


def test_messages_out_of_scope_that_are_answered_are_told_most_confident_first():
    inside = [(f"hi {i}", "greet", "greet", 0.6) for i in range(4)]
    outside = [Prediction("b", "bye", 0.7), Prediction("c", "bye", 0.8), Prediction("a", "bye", 0.7)]
    found = _evaluate(*inside, out_of_scope=[*outside, *(Prediction(f"{i}", "bye", 0.1) for i in range(9))])
    assert found.out_of_scope is not None
    assert [prediction.text for prediction in found.out_of_scope.answered] == ["c", "a", "b"]


def test_another_intent_may_be_the_one_out_of_scope():
    found = _evaluate(("hi", "greet", "greet", 0.9), ("vote", "chitchat", "bye", 0.4), out_of_scope_intent="chitchat")
    assert found.out_of_scope is not None
    assert found.out_of_scope.examples == 1


def test_data_wholly_out_of_scope_is_refused():
    with pytest.raises(DataError, match="all 1 have the intent 'out_of_scope'"):
        _evaluate(("sue him", "out_of_scope", "bye", 0.4))


def test_one_example_is_enough():
    found = _evaluate(("hi", "greet", "greet", 0.9))
    assert (found.accuracy, found.fallback.chosen.threshold) == (1.0, 0.45)
