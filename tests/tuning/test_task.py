"""What is searched on, and what is set aside."""

import json
from pathlib import Path
from typing import Any

import pytest

from rasa_bert_intent.doctor.texts import normalise
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.tuning.task import Task, read_task


def write(path: Path, counts: dict[str, int], word: str = "text") -> Path:
    rows = [
        {"text": f"{word} {intent} {n}", "intent": intent} for intent, count in counts.items() for n in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def read(data: Path, **changes: Any) -> Task:
    return read_task(data, **{"dev": None, "folds": 3, "test": None, "test_fraction": 0.2, "seed": 1, **changes})


def test_what_is_set_aside_is_in_no_fold(tmp_path: Path):
    task = read(write(tmp_path / "data.jsonl", {"a": 10, "b": 20}))
    assert sorted(task.test.intents) == ["a"] * 2 + ["b"] * 4
    rounds = list(task.rounds())
    assert len(rounds) == 3
    unseen = [text for _, held_out in rounds for text in held_out.texts]
    assert sorted(unseen) == sorted(task.train.texts)
    for seen, held_out in rounds:
        assert not set(seen.texts) & set(held_out.texts)
        assert not set(task.test.texts) & {*seen.texts, *held_out.texts}
        assert set(held_out.intents) == {"a", "b"}


def test_all_examples_of_one_text_are_on_one_side(tmp_path: Path):
    texts = [f"{word}{end}" for word in map("Text {}".format, range(20)) for end in ("", "!", " .")] * 2
    rows = [{"text": text.lower() if n % 2 else text, "intent": "ab"[n % 3 % 2]} for n, text in enumerate(texts)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    task = read(tmp_path / "data.jsonl")
    assert (len(task.test), len(task.train)) == (24, 96)
    for seen, unseen in [(task.train, task.test), *task.rounds()]:
        assert not set(map(normalise, seen.texts)) & set(map(normalise, unseen.texts))


def test_what_train_leaves_out_is_left_out(tmp_path: Path):
    data = write(tmp_path / "data.jsonl", {"a": 10, "b": 20})
    with data.open("a", encoding="utf-8") as lines:
        lines.write('{"text": " ", "intent": "a"}\n{"text": "hi", "intent": ""}\n')
    task = read(data)
    assert (task.labels, len(task.train) + len(task.test)) == (["a", "b"], 30)


def test_texts_that_the_search_sees_are_counted_and_refused_if_there_are_no_others(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    data = write(tmp_path / "data.jsonl", {"a": 10, "b": 20})
    known, dev = write(tmp_path / "known.jsonl", {"a": 3}, "TEXT"), write(tmp_path / "dev.jsonl", {"a": 2}, "dev")
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text(known.read_text("utf-8") + dev.read_text("utf-8"), "utf-8")
    told = f"3 of 5 texts stand, but for case and punctuation at the end, in {data} too: they measure what is known"
    for option in ("dev", "test"):
        read(data, **{option: mixed})
        assert f"--{option}: {told}" in capsys.readouterr().err
        with pytest.raises(DataError, match=f"--{option}: 3 of 3 texts stand, .*data.jsonl too: .* Give others"):
            read(data, **{option: known})
    with pytest.raises(DataError, match=r"--test: 2 of 2 texts stand, .*data\.jsonl or .*dev\.jsonl too"):
        read(data, dev=dev, test=dev)
    assert capsys.readouterr().err == ""


def test_a_dev_split_is_one_round_with_all_examples(tmp_path: Path):
    dev = write(tmp_path / "dev.jsonl", {"a": 2, "c": 1}, "dev")
    task = read(write(tmp_path / "data.jsonl", {"a": 10, "b": 20}), dev=dev)
    assert [(len(seen), held_out.intents) for seen, held_out in task.rounds()] == [(24, ["a", "a", "c"])]
    assert task.labels == ["a", "b", "c"]
    assert task.measured_on() == "3 development examples"


def test_a_test_file_leaves_all_examples_to_the_search(tmp_path: Path):
    test = write(tmp_path / "test.jsonl", {"a": 5}, "test")
    task = read(write(tmp_path / "data.jsonl", {"a": 10, "b": 20}), test=test)
    assert (len(task.train), len(task.test)) == (30, 5)
    assert task.measured_on() == "3-fold cross-validation of 30 examples"


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"a": 1, "b": 1}, "of 2 texts, repeats not counted, none can be set aside"),
        ({"a": 30}, "24 examples of 1 intent are too few to train on in 3 folds"),
        ({"a": 20, "b": 1}, "are too few to train on in 3 folds"),
    ],
)
def test_too_few_examples_are_told(counts: dict[str, int], told: str, tmp_path: Path):
    with pytest.raises(DataError, match=told):
        read(write(tmp_path / "data.jsonl", counts))
