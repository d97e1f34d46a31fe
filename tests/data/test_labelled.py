import json
from pathlib import Path

import pytest

from rasa_bert_intent.data.labelled import is_massive, read_massive, read_plain
from rasa_bert_intent.errors import DataError


def _write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return path


def test_training_data_is_told_from_massive(tmp_path: Path):
    row = {"id": "0", "locale": "en-US", "partition": "train", "utt": "hi", "intent": "greet"}
    release = _write(tmp_path / "release" / "1.1" / "data" / "en-US.jsonl", json.dumps(row) + "\n")
    assert is_massive(release)
    assert is_massive(tmp_path / "release")
    assert is_massive(_write(tmp_path / "hub" / "train.jsonl", '{"text": "hi", "label": 0}\n').parent)
    assert is_massive(tmp_path / "massive.tar.gz")
    assert is_massive(tmp_path / "train.parquet")
    assert not is_massive(_write(tmp_path / "plain.jsonl", '{"text": "hi", "intent": "greet"}\n'))
    assert not is_massive(_write(tmp_path / "broken.jsonl", "hi\n"))
    assert not is_massive(_write(tmp_path / "empty.jsonl", ""))
    assert not is_massive(_write(tmp_path / "bot" / "data" / "nlu.yml", "nlu: []\n").parent.parent)
    assert not is_massive(tmp_path / "none.yml")


def test_all_locales_are_read_and_a_split_without_rows_is_refused(massive_dir: Path):
    texts, intents = read_massive(massive_dir, ["en-US", "de-DE"], ["dev"])
    assert len(texts) == len(intents) == len(set(zip(texts, intents, strict=True)))
    english = read_massive(massive_dir, ["en-US"], ["dev"])[0]
    assert texts[: len(english)] == english
    assert 2000 < len(english) <= 2033 < len(texts)


def test_empty_texts_are_left_out_as_rasa_leaves_them_out(tmp_path: Path):
    rows = [{"text": "hi", "intent": "greet"}, {"text": " ", "intent": "greet"}, {"text": "bye", "intent": ""}]
    path = _write(tmp_path / "data.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert read_plain(path) == (["hi"], ["greet"])
    with pytest.raises(DataError, match=r"empty\.jsonl holds no example with a text and an intent"):
        read_plain(_write(tmp_path / "empty.jsonl", json.dumps(rows[1]) + "\n"))
    with pytest.raises(DataError, match=r"holds no row of train"):
        read_massive(_write(tmp_path / "dev.jsonl", '{"text": "hi", "label_text": "greet"}\n'), ["en-US"], ["train"])
