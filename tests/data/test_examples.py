from pathlib import Path

import pytest

from rasa_bert_intent.data.examples import read_examples, read_messages
from rasa_bert_intent.errors import DataError


def _write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def test_json_lines_need_text_and_intent(tmp_path: Path):
    file = _write(tmp_path / "a.jsonl", '{"text": "hi", "intent": "greet"}', '{"utt": "ciao", "label_text": "bye"}')
    assert read_examples(file) == (["hi", "ciao"], ["greet", "bye"])
    file = _write(tmp_path / "b.jsonl", '{"text": "hi", "intent": "greet"}', '{"text": "ciao"}')
    with pytest.raises(DataError, match=r"b\.jsonl, line 2: expected .* and intent or label_text or label"):
        read_examples(file)


def test_rows_without_a_label_are_left_out_and_retrieval_intents_cut(tmp_path: Path):
    rows = [("null", '"greet"'), ('"hi"', "null"), ('"what is it"', '"faq/ask"'), ('"three"', "3")]
    file = _write(tmp_path / "a.jsonl", *(f'{{"text": {text}, "intent": {intent}}}' for text, intent in rows))
    assert read_examples(file) == (["what is it", "three"], ["faq", "3"])


@pytest.mark.parametrize("row", ['{"text": ["hi"], "intent": "a"}', '{"text": "hi", "intent": ["a"]}', "[" * 100_000])
def test_a_row_that_is_no_example_is_told(row: str, tmp_path: Path):
    with pytest.raises(DataError, match=r"a\.jsonl, line 1: expected a JSON object"):
        read_examples(_write(tmp_path / "a.jsonl", row))


@pytest.mark.parametrize(("text", "intent"), [("half \\ud83d", "greet"), ("hi", "gr\\ud83d")])
def test_half_a_character_is_told(text: str, intent: str, tmp_path: Path):
    file = _write(tmp_path / "a.jsonl", f'{{"text": "{text}", "intent": "{intent}"}}')
    with pytest.raises(DataError, match=r"a\.jsonl, line 1: '.*\\ud83d' holds a lone surrogate"):
        read_examples(file)


def test_a_folder_named_as_a_file_is_told(tmp_path: Path):
    (tmp_path / "a.jsonl").mkdir()
    with pytest.raises(DataError, match=r"a\.jsonl cannot be read"):
        read_examples(tmp_path / "a.jsonl")


def test_messages_need_no_intent(tmp_path: Path):
    file = _write(tmp_path / "a.jsonl", '{"text": "hi"}', '{"utt": "ciao", "intent": "bye"}')
    assert read_messages(file) == ["hi", "ciao"]
    assert read_messages(_write(tmp_path / "a.txt", "\ufeffhi", "", "  ciao ")) == ["hi", "ciao"]


def test_line_separator_inside_a_text_ends_no_line(tmp_path: Path):
    assert read_messages(_write(tmp_path / "a.jsonl", '{"text": "hi\u2028there"}')) == ["hi\u2028there"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", b"\n \n", "holds no message"),
        ("a.txt", b"caf\xe9\n", "cannot be read as UTF-8"),
        ("a.jsonl", b"hi\n", r"line 1: expected a JSON object with text or utt, got 'hi'"),
    ],
)
def test_messages_that_cannot_be_read_are_told(name: str, content: bytes, told: str, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=told):
        read_messages(tmp_path / name)


def test_missing_file_of_messages_is_told(tmp_path: Path):
    with pytest.raises(DataError, match=r"none\.txt does not exist"):
        read_messages(tmp_path / "none.txt")


def test_labels_that_become_one_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    labels = ["sports/football", "sports/tennis", "N/A", "news"]
    file = _write(tmp_path / "a.jsonl", *(f'{{"text": "{label}", "label": "{label}"}}' for label in labels))
    assert read_examples(file)[1] == ["sports", "sports", "N", "news"]
    (told,) = caplog.messages
    assert "'sports/football', 'sports/tennis' are one" in told


@pytest.mark.parametrize(("label", "told"), [('"/none"', "nothing stands before '/'"), ("true", "the intent is true")])
def test_a_label_that_names_nothing_is_told(label: str, told: str, tmp_path: Path):
    with pytest.raises(DataError, match=rf"a\.jsonl, line 1: {told}"):
        read_examples(_write(tmp_path / "a.jsonl", f'{{"text": "hi", "label": {label}}}'))
