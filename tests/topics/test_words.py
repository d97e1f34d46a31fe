"""Words of topics, by hand."""

import math
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from rasa_bert_intent.errors import DataError
from rasa_bert_intent.topics.words import bag_of_words, coherence, npmi, stop_words_of, typical_words

TEXTS = ["tea cup", "tea cup", "tea pot", "train", "train late", "late train late"]
TOPICS = np.array([0, 0, 0, 1, 1, 1])


def test_npmi_by_hand():
    present = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [0, 0, 0]])
    pairs = [math.log(4 / 3) / math.log(2), math.log(4 / 3) / math.log(4), -1]  # a with b, a with c, b never with c
    assert npmi(_sparse(present)) == pytest.approx(sum(pairs) / 3)


@pytest.mark.parametrize(
    ("present", "value"),
    [
        ([[1, 1], [1, 1]], 1.0),
        ([[1, 1], [0, 0]], 1.0),
        ([[1, 0], [0, 1]], -1.0),
        ([[1, 1], [1, 0], [0, 1], [0, 0]], 0.0),
    ],
)
def test_npmi_at_its_ends(present: list[list[int]], value: float):
    assert npmi(_sparse(np.array(present))) == pytest.approx(value)


def test_npmi_of_one_word_is_none():
    assert math.isnan(npmi(_sparse(np.ones((3, 1)))))


def test_words_tell_topics_apart():
    bag = bag_of_words(TEXTS, [])
    assert bag.words == ["cup", "late", "tea", "train"]  # "pot" stands in one message alone
    # c-TF-IDF: 10 words in two topics, so A = 5; tea 3 log(1 + 5/3) and cup 2 log(1 + 5/2)
    assert typical_words(bag, TOPICS, 2) == [["tea", "cup"], ["late", "train"]]
    tea_and_cup = math.log((2 / 6) / (3 / 6 * 2 / 6)) / -math.log(2 / 6)
    assert coherence(bag, TOPICS, 2)[0] == pytest.approx(tea_and_cup)


def test_stop_words_and_numbers_are_left_out(tmp_path: Path):
    (tmp_path / "stop.txt").write_text("Tea\ncup", "utf-8")
    assert bag_of_words(TEXTS, stop_words_of(str(tmp_path / "stop.txt"))).words == ["late", "train"]
    assert bag_of_words(["at 7 the 12th"] * 2, stop_words_of("english")).words == []
    assert bag_of_words(["at 7 the 12th"] * 2, stop_words_of("none")).words == ["at", "the"]
    with pytest.raises(DataError, match=r"--stop-words: .*klingon is neither english, none, nor a file"):
        stop_words_of(str(tmp_path / "klingon"))


def test_vowel_signs_end_no_word():
    assert bag_of_words(["कल सुबह जगाओ"] * 2, []).words == ["कल", "जगाओ", "सुबह"]
    composed = "hören"
    assert bag_of_words([unicodedata.normalize("NFD", composed), composed], []).words == [composed]


def test_messages_without_words_have_topics_without_words():
    bag = bag_of_words(["12", "13", "!"], [])
    assert typical_words(bag, np.array([0, 1, 1]), 2) == [[], []]
    assert all(math.isnan(value) for value in coherence(bag, np.array([0, 1, 1]), 2))


def test_words_that_stand_in_one_message_each_are_taken_where_no_others_are():
    assert bag_of_words(["tea", "train"], []).words == ["tea", "train"]


def _sparse(present: np.ndarray):
    from scipy.sparse import csr_matrix

    return csr_matrix(present.astype(float))
