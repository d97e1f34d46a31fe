from pathlib import Path

import pytest

from rasa_bert_intent.data.convert import Selection, convert
from rasa_bert_intent.data.examples import read_located
from rasa_bert_intent.data.rasa_yaml import Example
from rasa_bert_intent.doctor.texts import conflicts, few_examples, in_test, normalise, training_warnings


def examples(*pairs: tuple[str, str], file: str = "nlu.yml") -> list[Example]:
    return [Example(text, intent, Path(file), line) for line, (text, intent) in enumerate(pairs, start=1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Turn\tit  OFF !?", "turn it off"),
        ("\uff2f\uff26\uff26\uff01", "off"),
        ("Straße", "strasse"),
        ("बत्ती बंद करो।", "बत्ती बंद करो"),
        ("أين أنا؟", "أين أنا"),
        ("電気を消して。", "電気を消して"),
        ("?", "?"),
        ("at 9:30", "at 9:30"),
    ],
)
def test_what_should_not_matter_is_normalised_away(text, expected):
    assert normalise(text) == expected


def test_conflict_names_every_place():
    found = list(conflicts(examples(("Bye!", "bye"), ("hi", "greet"), ("bye", "lights_off"), ("bye", "bye"))))
    assert [[(e.line, e.intent) for e in finding.examples] for finding in found] == [
        [(1, "bye"), (3, "lights_off"), (4, "bye")]
    ]
    assert found[0].note == "but for case or punctuation"


def test_the_same_text_twice_under_one_intent_is_no_conflict():
    assert not list(conflicts(examples(("bye", "bye"), ("Bye", "bye"))))


def test_rare_intents_are_named_rarest_first_and_repeats_do_not_count():
    many = [(f"text {number}", "many") for number in range(5)]
    found = list(few_examples(examples(*many, ("a", "two"), ("b", "two"), ("c", "one"), ("C.", "one"))))
    assert [finding.note for finding in found] == ["one has 1 example", "two has 2 examples"]
    assert [e.line for e in found[0].examples] == [8, 9]


def test_texts_in_the_test_data_are_told_verbatim_first():
    train = examples(("hello", "greet"), ("Bye", "bye"), ("see you", "bye"))
    test = examples(("bye.", "bye"), ("hello", "bye"), ("new", "bye"), file="test.yml")
    found = list(in_test(train, test))
    assert [finding.note for finding in found] == ["verbatim, under another intent", "but for case or punctuation"]
    assert [(str(e.path), e.line) for e in found[0].examples] == [("nlu.yml", 1), ("test.yml", 2)]


class TestWarnings:
    def test_clean_data_has_none(self):
        pairs = [(f"{intent} {number}", intent) for intent in ("a", "b") for number in range(5)]
        assert training_warnings(*zip(*pairs, strict=True)) == []

    def test_one_line_each_and_capped(self):
        texts = [f"text {number}" for number in range(8)] * 2 + ["x"]
        lines = training_warnings(texts, ["a"] * 8 + ["b"] * 8 + ["c"])
        assert lines == [
            *(f"'text {number}' stands under the intents a, b: keep it under one." for number in range(5)),
            "3 more texts stand under several intents: `rasa-bert-intent check` names their files and lines.",
            "Intents with fewer than 5 examples are hardly learned: c (1). Add examples.",
        ]

    def test_rare_intents_are_one_line(self):
        lines = training_warnings([str(number) for number in range(7)], [f"i{number}" for number in range(7)])
        assert lines == [
            "Intents with fewer than 5 examples are hardly learned: i0 (1), i1 (1), i2 (1), i3 (1), i4 (1) and 2 more. "
            "Add examples."
        ]


class TestMassive:
    def test_the_seven_texts_with_two_intents(self, massive_dir):
        assert len(list(conflicts(read_located(massive_dir / "en-US.jsonl")))) == 7

    def test_of_them_train_has_four_and_21_texts_of_the_test_rows(self, massive_dir, tmp_path):
        convert(massive_dir, tmp_path, selection=Selection(splits=("train", "test")), force=True)
        train, test = read_located(tmp_path / "train"), read_located(tmp_path / "test")
        assert len(list(conflicts(train))) == 4
        assert [finding.note for finding in few_examples(train)] == ["cooking_query has 4 examples"]
        assert sum(finding.note.startswith("verbatim") for finding in in_test(train, test)) == 21
