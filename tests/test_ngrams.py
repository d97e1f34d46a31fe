import numpy as np
import pytest

from rasa_bert_intent.ngrams import NGrams, ngrams


def test_every_different_ngram_counts_once():
    # " ab ": " a", "ab", "b ", " ab", "ab ", " ab "
    assert len(ngrams("ab")) == 6
    # " aaaa ": " a", "aa", "a ", " aa", "aaa", "aa ", " aaa", "aaaa", "aaa "
    assert len(ngrams("aaaa")) == 9


def test_case_and_white_space_make_no_difference_and_the_order_of_letters_does():
    np.testing.assert_array_equal(ngrams("Play  JAZZ\n"), ngrams("play jazz"))
    assert not np.array_equal(ngrams("ab"), ngrams("ba"))


@pytest.mark.parametrize("text", ["", " \n", "\ud800", "😀", "\x00"], ids=ascii)
def test_any_text_has_some(text):
    assert len(ngrams(text)) > 0


def test_different_ngrams_have_different_hashes():
    letters = "abcdefghijklmnopqrstuvwxyz äßéñ漢字"
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list(letters), 200)) for _ in range(50)]
    padded = [f" {' '.join(text.split())} " for text in texts]
    wanted = {text[i : i + size] for text in padded for size in (2, 3, 4) for i in range(len(text) - size + 1)}
    assert len(np.unique(np.concatenate([ngrams(text) for text in texts]))) == len(wanted)


def test_the_ngrams_of_many_texts_add_up_to_the_last_bit_to_what_each_has_alone():
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("abcde  "), random.integers(40))) for _ in range(600)]
    texts += ["", "\ud800", "\N{GRINNING FACE}", "zzz", "x" * 3000]
    known = np.unique(np.concatenate([ngrams(text) for text in texts[:300]]))[::2]
    embeddings = random.normal(size=(len(known), 3)).astype(np.float32)
    table = NGrams.of(known, embeddings, np.eye(3), random.normal(size=3))
    together = table.unweighted(texts)
    np.testing.assert_array_equal(together, np.concatenate([table.unweighted([text]) for text in texts]))
    assert len(np.unique(together, axis=0)) > 500


def test_logits_by_hand():
    known = ngrams("ab")
    embeddings = np.tile(np.array([1.27, 0.254], dtype=np.float32), (len(known), 1))
    directions = np.array([[1, 0], [10, -5]], dtype=np.float32)
    table = NGrams.of(known, embeddings, directions, np.array([0.0, 0.5], dtype=np.float32))
    # An n-gram adds 1.27 + 2.54 and -1.27. "abx" has " a", "ab", "bx", "x ", " ab", "abx", "bx ", " abx", "abx ", of
    # which three are known.
    added = np.array([[6 / np.sqrt(6)], [3 / np.sqrt(9)], [0]])
    expected = added * [3.81, -1.27] + [0, 0.5]
    texts = ["ab", "abx", "qqq"]
    np.testing.assert_allclose(table.logits(texts), expected, rtol=1e-5)
    np.testing.assert_allclose(table.times(2).logits(texts), 2 * expected, rtol=1e-5)
    assert table.logits([]).shape == (0, 2)
