"""The words of topics: their counts, those that tell topics apart, and how well they go together."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rasa_bert_intent.errors import DataError

# As many as Lau et al. (2014) score a topic by.
WORDS = 10
# Vowel signs and the like, of Hindi, say: no letters to `re`, and no end of a word.
_MARKS = "".join(mark for mark in map(chr, range(0x10000)) if unicodedata.category(mark)[0] == "M")
# A letter first: numbers, such as times, are no topic.
_WORD = re.compile(rf"\b[^\W\d_][\w{_MARKS}]+")


@dataclass(frozen=True)
class Bag:
    """Which words stand how often in which message.

    Attributes:
        counts: `[messages, words]`, a sparse matrix.
        words: Those of the columns.
    """

    counts: Any
    words: list[str]


def stop_words_of(choice: str) -> list[str]:
    """The words that say nothing of a topic.

    Args:
        choice: `english` (scikit-learn's list), `none`, or a file with one word a line.

    Raises:
        DataError: if the file cannot be read.
    """
    if choice == "none":
        return []
    if choice == "english":
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

        return sorted(ENGLISH_STOP_WORDS)
    try:
        return Path(choice).read_text("utf-8-sig").lower().split()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"--stop-words: {choice} is neither english, none, nor a file in UTF-8 ({error}).") from None


def bag_of_words(texts: Sequence[str], stop_words: Sequence[str]) -> Bag:
    """Counts the words of two letters and more that stand in at least two messages; where none do, in one.

    Args:
        texts: At least one.
        stop_words: Left out, in lower case.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    for least in (2, 1):
        vectorizer = CountVectorizer(
            stop_words=list(stop_words) or None,
            min_df=least,
            preprocessor=lambda text: unicodedata.normalize("NFC", text.lower()),
            tokenizer=_WORD.findall,
            token_pattern=None,
        )
        try:
            counts = vectorizer.fit_transform(texts)
        except ValueError:  # no word is left
            continue
        return Bag(counts, vectorizer.get_feature_names_out().tolist())
    from scipy.sparse import csr_matrix

    return Bag(csr_matrix((len(texts), 0), dtype=np.int64), [])


def typical_words(bag: Bag, assigned: np.ndarray, topics: int) -> list[list[str]]:
    """The words that tell each topic from the others, by c-TF-IDF (Grootendorst 2022, arXiv 2203.05794), best first.

    A word weighs tf(word, topic) times log(1 + A / tf(word)), A being the mean number of words of a topic.

    Args:
        bag: Of the messages.
        assigned: The topic of each message, `[messages]`, 0 to `topics - 1`.
        topics: How many there are.
    """
    columns = _word_columns(bag, assigned, topics)
    return [[bag.words[column] for column in of_topic] for of_topic in columns]


def coherence(bag: Bag, assigned: np.ndarray, topics: int) -> list[float]:
    """The NPMI of each topic's typical words, -1 to 1, the mean over all pairs of them (Lau et al. 2014).

    The messages themselves are the corpus, a message the window. NPMI of a pair is ln(p(a, b) / (p(a) p(b))) /
    -ln p(a, b) (Bouma 2009): 1 where both always come together, 0 where they are independent, -1 where they never meet.
    A topic of fewer than two words has nan.

    Args:
        bag: Of the messages.
        assigned: As for `typical_words`.
        topics: Likewise.
    """
    present = (bag.counts > 0).astype(float)
    return [npmi(present[:, columns]) for columns in _word_columns(bag, assigned, topics)]


def npmi(present: Any) -> float:
    """The mean NPMI of all pairs of words.

    Args:
        present: Whether a word stands in a message, `[messages, words]`, 0 or 1, sparse; every word in at least one.
    """
    messages, words = present.shape
    if words < 2:
        return float("nan")
    together = (present.T @ present).toarray() / messages
    alone = together.diagonal()
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.log(together / np.outer(alone, alone)) / -np.log(together)
    values[together == 0] = -1.0
    values[together == 1] = 1.0  # both stand in every message
    return float(values[np.triu_indices(words, k=1)].mean())


def _word_columns(bag: Bag, assigned: np.ndarray, topics: int) -> list[np.ndarray]:
    if not bag.words:
        return [np.zeros(0, dtype=int)] * topics
    counts = np.vstack([np.asarray(bag.counts[assigned == topic].sum(axis=0)) for topic in range(topics)])
    total = counts.sum(axis=0)
    weights = counts * np.log1p(total.sum() / topics / total)
    best = np.argsort(-weights, axis=1, kind="stable")[:, :WORDS]
    return [columns[weights[topic, columns] > 0] for topic, columns in enumerate(best)]
