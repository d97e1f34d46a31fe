import tracemalloc

import numpy as np
import pytest

from rasa_bert_intent.scope import Distance, Messages, unit
from rasa_bert_intent.token_counts import TokenCounts

TOKENS = [[1, 5, 5, 9, 2], [1, 5, 7, 2], [1, 7, 2], [1, 300_000, 2]]
LABELS = [0, 0, 1, 2]


def evidence_by_hand(message: list[int], label: int) -> float:
    examples = [set(ids) for ids, of in zip(TOKENS, LABELS, strict=True) if of == label]
    total = 0.0
    for token in set(message):
        share = (sum(token in ids for ids in TOKENS) + 0.5) / len(TOKENS)
        # Those of the intent, and one more that is like all; a token never seen is as likely in all.
        of_intent = (sum(token in ids for ids in examples) + share) / (len(examples) + 1)
        total += np.log(of_intent / share)
    return total / np.sqrt(len(set(message)))


@pytest.mark.parametrize("message", [[1, 5, 2], [1, 9, 9, 7, 2], [1, 4, 6, 2], [300_000], [400_000]])
def test_evidence_is_the_ratio_of_likelihoods(message):
    counts = TokenCounts.of(TOKENS, LABELS, 3)
    found = counts.evidence([[1, 7, 2], message])
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found[1], [evidence_by_hand(message, label) for label in range(3)])
    np.testing.assert_array_equal(found[0], counts.evidence([[1, 7, 2]])[0])


def test_no_messages_and_empty_ones_have_no_evidence():
    counts = TokenCounts.of(TOKENS, LABELS, 3)
    assert counts.evidence([]).shape == (0, 3)
    np.testing.assert_array_equal(counts.evidence([[]]), np.zeros((1, 3)))


def test_intents_without_examples_keep_their_former_counts():
    former = TokenCounts.of(TOKENS, LABELS, 3)
    # Intent 1 has none now; 0 has others, 2 has the same.
    new = TokenCounts.of([[1, 8, 2], TOKENS[3]], [0, 2], 3).with_missing(former)
    expected = TokenCounts.of([[1, 8, 2], TOKENS[2], TOKENS[3]], [0, 1, 2], 3)
    for name, value in vars(expected).items():
        np.testing.assert_array_equal(getattr(new, name), value, err_msg=name)


def test_a_distance_takes_little_memory_whatever_the_number_of_messages():
    random = np.random.default_rng(0)
    labels = 300
    examples = [[1, *random.integers(2, 400, size=8).tolist(), 0] for _ in range(10 * labels)]
    counts = TokenCounts.of(examples, np.arange(len(examples)) % labels, labels)
    means = unit(random.normal(size=(labels, 4)))
    distance = Distance(counts, means, np.ones(labels), means, np.arange(labels + 1))

    def messages(start: int, end: int) -> Messages:
        some = np.random.default_rng(1)
        layers, logits, by_ngrams = (some.normal(size=(3000, size)) for size in (4, labels, labels))
        return Messages(examples[start:end], layers[start:end], logits[start:end], by_ngrams[start:end])

    few = distance(messages(0, 40))
    every = messages(0, 3000)
    tracemalloc.start()
    found = distance(every)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(found[:40], few, rtol=1e-4)  # what is of the examples is float32
    assert peak < 20e6  # at once it would be 80 MB
    assert distance(messages(0, 0)).shape == (0,)
