from pathlib import Path

import pytest

from rasa_bert_intent.data.examples import read_examples
from rasa_bert_intent.demo.corrections import Corrections
from rasa_bert_intent.errors import DataError


def test_what_is_kept_is_read_as_training_data_with_its_entities_text(tmp_path: Path):
    corrections = Corrections(tmp_path / "new" / "corrections")
    assert corrections.file is None
    assert not (tmp_path / "new").exists()  # nothing is touched before there is something to keep
    corrections.keep("wake me up at [nine am](time)", "alarm_set")
    corrections.keep("  play\n some \\o/ jazz ", "play music")
    corrections.keep("- éclairs, [", "lists")
    assert corrections.file is not None
    texts, intents = read_examples(corrections.file)
    pairs = dict(zip(texts, intents, strict=True))
    assert pairs == {
        "wake me up at nine am": "alarm_set",
        "play some \\o/ jazz": "play_music",
        "- éclairs, [": "lists",
    }
    assert "[nine am](time)" in corrections.file.read_text("utf-8")
    assert [path.name for path in corrections.folder.iterdir()] == [corrections.file.name]


def test_an_intent_of_the_bot_keeps_its_name(tmp_path: Path):
    corrections = Corrections(tmp_path)
    corrections.keep("a large one", "order pizza", known=["order pizza"])
    corrections.keep("how are you", "small talk", known=["order pizza"])
    assert corrections.file is not None
    assert read_examples(corrections.file)[1] == ["order pizza", "small_talk"]


def test_a_later_correction_of_the_same_message_counts(tmp_path: Path):
    corrections = Corrections(tmp_path)
    corrections.keep("see you at nine", "calendar_set")
    corrections.keep("see you at [nine](time)", "bye")
    assert corrections.file is not None
    assert read_examples(corrections.file) == (["see you at nine"], ["bye"])


def test_taking_back_ends_with_no_file(tmp_path: Path):
    corrections = Corrections(tmp_path)
    corrections.keep("hi", "greet")
    corrections.keep("bye", "bye")
    assert corrections.take_back().intent == "bye"  # type: ignore[union-attr]
    assert read_examples(corrections.file) == (["hi"], ["greet"])  # type: ignore[arg-type]
    assert corrections.take_back().intent == "greet"  # type: ignore[union-attr]
    assert corrections.take_back() is None
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_overwritten(tmp_path: Path):
    first, second = Corrections(tmp_path), Corrections(tmp_path)  # started within the same second
    first.keep("hi", "greet")
    second.keep("bye", "bye")
    assert first.file != second.file
    assert first.file is not None
    edited = first.file.read_text("utf-8") + "# mine\n"
    first.file.write_text(edited, "utf-8")
    theirs = first.file
    first.keep("good day", "greet")
    assert first.file != theirs
    assert theirs.read_text("utf-8") == edited
    assert read_examples(first.file) == (["good day"], ["greet"])
    assert first.take_back() is not None
    assert first.take_back() is None
    assert theirs.read_text("utf-8") == edited


@pytest.mark.parametrize(
    ("example", "intent", "message"),
    [
        ("  ", "greet", "no message to keep"),
        ("hi", " \n", "right intent is missing"),
        ("half \ud83d", "greet", "lone surrogate"),
    ],
)
def test_what_cannot_be_kept_is_told_and_changes_nothing(tmp_path: Path, example: str, intent: str, message: str):
    corrections = Corrections(tmp_path)
    corrections.keep("hello", "greet")
    with pytest.raises(DataError, match=message):
        corrections.keep(example, intent)
    assert [kept.example for kept in corrections.kept] == ["hello"]


def test_a_folder_that_is_none_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("mine", "utf-8")
    with pytest.raises(DataError, match=r"is a file\. Name a folder"):
        Corrections(tmp_path / "file")
    corrections = Corrections(tmp_path / "file" / "below")
    with pytest.raises(DataError, match="could not be written"):
        corrections.keep("hi", "greet")
    assert corrections.kept == []
    assert (tmp_path / "file").read_text("utf-8") == "mine"
