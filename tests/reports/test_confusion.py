import random
from collections import Counter

from rasa_bert_intent.reports.confusion import ordered
from rasa_bert_intent.reports.evaluation import Confusion


def _pairs(*counts: tuple[str, str, int]) -> list[Confusion]:
    return [Confusion(intent, predicted, count, []) for intent, predicted, count in counts]


def _distance(order: list[str], pairs: list[Confusion]) -> float:
    """Mean number of places between two intents that are confused."""
    place = {intent: number for number, intent in enumerate(order)}
    total = Counter({"places": 0, "messages": 0})
    for pair in pairs:
        total["places"] += pair.count * abs(place[pair.intent] - place[pair.predicted])
        total["messages"] += pair.count
    return total["places"] / total["messages"]


def test_intents_that_are_confused_stand_side_by_side():
    groups = [[f"{letter}{group}" for letter in "zmax"] for group in range(15)]
    pairs = _pairs(*((a, b, 3) for group in groups for a in group for b in group if a != b))
    intents = sorted(intent for group in groups for intent in group)
    order, confused = ordered(intents, pairs, 60)
    assert confused == 60
    assert sorted(order) == intents
    for start in range(0, 60, 4):
        assert sorted(order[start : start + 4]) in [sorted(group) for group in groups]
    assert _distance(intents, pairs) > 10 > 2 > _distance(order, pairs)


def test_those_confused_come_first_and_never_more_than_asked_for():
    pairs = _pairs(("b", "d", 9), ("d", "f", 4), ("h", "a", 1))
    order, confused = ordered("abcdefgh", pairs, 3)
    assert confused == 3
    assert order[:3] in (["b", "d", "f"], ["f", "d", "b"])
    assert set(order[3:5]) == {"a", "h"}
    assert order[5:] == ["c", "e", "g"]


def test_order_does_not_hang_on_the_order_of_the_pairs():
    generator = random.Random(0)
    names = [f"i{number:02}" for number in range(30)]
    pairs = _pairs(*((*generator.sample(names, 2), generator.randrange(1, 9)) for _ in range(60)))
    assert ordered(names, pairs, 20) == ordered(reversed(names), list(reversed(pairs)), 20)


def test_without_confusions_the_order_is_alphabetical():
    assert ordered({"b", "a"}, [], 60) == (["a", "b"], 0)
