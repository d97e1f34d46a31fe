import csv
from pathlib import Path

import pytest

from rasa_bert_intent.data.massive import Entity
from rasa_bert_intent.demo.backends import _thought as _thought_of_rasa
from rasa_bert_intent.demo.messages import pasted, read_table_of_messages
from rasa_bert_intent.demo.thoughts import Thought, disjoint
from rasa_bert_intent.errors import DataError


def _thought(text: str, confidence: float = 0.9, p_in_scope: float | None = 0.95) -> Thought:
    return Thought(text, "greet", [("greet", confidence)], p_in_scope, (), (), 1.0, confidence < 0.5)


def _file(folder: Path, name: str, content: str) -> Path:
    (folder / name).write_bytes(content.encode())
    return folder / name


@pytest.mark.parametrize(
    ("name", "content", "column", "texts"),
    [
        ("a.csv", 'id,Text\n1,"hi, you"\n2,bye\n', "", ["hi, you", "bye"]),
        ("a.csv", "id,said\n1,hi\n2,bye\n", "said", ["hi", "bye"]),
        ("a.csv", "id,said\n1,hi\n2,bye\n", "2", ["hi", "bye"]),
        ("a.csv", "message\nhi\n", "", ["hi"]),
        ("a.csv", "hi\nbye\n", "", ["hi", "bye"]),
        ("a.tsv", 'utt\tintent\nsay "hi\tgreet\n', "", ['say "hi']),
        ("a.txt", "\ufeffhi\n\nbye now\n", "", ["hi", "bye now"]),
        ("a.csv", "Text;intent\nhi, you;greet\nbye;bye\n", "", ["hi, you", "bye"]),  # of a spreadsheet
        ("a.csv", "Text\tintent\nhi, you\tgreet\n", "", ["hi, you"]),
        ("a.csv", "utterances\nhi\n", "", ["hi"]),
        ("a.csv", 'text\n"hi, you"\nbye\n', "", ["hi, you", "bye"]),
        ("a.csv", "hi\nhello, you\nbye\n", "", ["hi", "hello, you", "bye"]),
        ("a.csv", "hi; you\nbye\n", "", ["hi; you", "bye"]),
        ("a.TXT", "hi\n", "", ["hi"]),
        ("a.csv", "id,text,query\n1,hi,x\n", "", ["hi"]),
        ("a.tsv", "hello, bye\nfoo, bar\n", "", ["hello, bye", "foo, bar"]),
    ],
)
def test_messages_are_found(tmp_path: Path, name: str, content: str, column: str, texts: list[str]):
    assert read_table_of_messages(_file(tmp_path, name, content), column).texts == texts


@pytest.mark.parametrize(
    ("name", "content", "column", "message"),
    [
        ("a.csv", "", "", "is empty"),
        ("a.csv", "id,said\n1,hi\n", "", r"has the columns 'id', 'said': which holds the messages\?"),
        ("a.csv", "id,said\n1,hi\n", "nothing", "has no column 'nothing'; it has 'id', 'said'"),
        ("a.csv", "id,text\n", "", "holds a header and no message"),
        ("a.csv", "id,text\n1,hi\n2\n", "", "line 3: 1 column, the first row has 2"),
        ("a.txt", " \n", "", "holds no message"),
        ("a.csv", 'text\n"hello, there"\nbye, now\n', "", "line 3: 2 columns, the first row has 1"),
        ("a.xlsx", "PK", "", r"is neither .csv, .tsv nor .txt"),
    ],
)
def test_a_bad_file_is_told_in_a_line(tmp_path: Path, name: str, content: str, column: str, message: str):
    with pytest.raises(DataError, match=message) as told:
        read_table_of_messages(_file(tmp_path, name, content), column)
    assert "\n" not in str(told.value)


def test_nothing_pasted_is_told():
    with pytest.raises(DataError, match="There is no message"):
        pasted(" \n\n")
    assert pasted("hi\n\n bye ").texts == ["hi", "bye"]


def test_the_table_comes_back_with_all_its_columns(tmp_path: Path):
    file = _file(tmp_path, "a.csv", 'intent,text,n\nbye,"hi,\nyou",1\nbye,later,2\nbye,ciao,3\n')
    messages = read_table_of_messages(file)
    messages.write(tmp_path / "b.csv", [_thought("hi"), _thought("later", 0.4, None)])  # stopped before the third
    with (tmp_path / "b.csv").open(newline="", encoding="utf-8") as written:
        rows = list(csv.reader(written))
    assert rows == [
        ["intent", "text", "n", "predicted_intent", "confidence", "p_in_scope", "fallback"],
        ["bye", "hi,\nyou", "1", "greet", "0.9000", "0.9500", "no"],
        ["bye", "later", "2", "greet", "0.4000", "", "yes"],
        ["bye", "ciao", "3", "", "", "", ""],
    ]


def test_entities_of_several_extractors_mark_the_text_once():
    found = disjoint([Entity(8, 12, "b"), Entity(5, 12, "a"), Entity(0, 4, "c"), Entity(12, 12, "empty")])
    thought = Thought("play some jazz", "x", [], None, found, (), 1.0, False)
    assert thought.marked == [("play", "c"), (" ", None), ("some ja", "a"), ("zz", None)]
    assert (thought.best, thought.confidence) == (None, 0.0)


def test_a_bot_without_a_ranking_is_as_sure_as_it_says():
    thought = _thought_of_rasa("bye", {"intent": {"name": "bye", "confidence": 1.0}, "entities": []}, 1.0)
    assert (thought.intent, thought.best, thought.confidence) == ("bye", "bye", 1.0)
    nothing = _thought_of_rasa("x", {"intent": {"name": None, "confidence": 0.0}, "entities": []}, 1.0)
    assert (nothing.best, nothing.fallback) == (None, True)


def test_what_had_to_be_guessed_is_told(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b"text\ncaf\xe9\n")
    messages = read_table_of_messages(tmp_path / "a.csv")
    assert messages.texts == ["café"]
    assert messages.notes[0].endswith("is no UTF-8: read as Latin-1")


def test_of_a_text_without_a_word_nothing_is_thought():
    nothing = Thought.of_nothing(" ")
    assert (nothing.intent, nothing.best, nothing.confidence, nothing.fallback) == (None, None, 0.0, True)
