from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rasa_bert_intent.data.rasa_yaml import Example
from rasa_bert_intent.doctor import meaning
from rasa_bert_intent.doctor.examine import examine
from rasa_bert_intent.doctor.meaning import NEAR, embed, mislabelled, near_duplicates, predict_unseen


def clusters(wrong: int = 0, size: int = 30) -> tuple[list[Example], np.ndarray]:
    """Two intents far apart; the first `wrong` examples of `a` lie among those of `b`."""
    random = np.random.default_rng(0)
    vectors = random.normal(scale=0.4, size=(2 * size, 8))
    vectors[:, 0] += np.repeat([1.0, -1.0], size)
    vectors[:wrong, 0] -= 2.5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    intents = np.repeat(["a", "b"], size)
    examples = [Example(f"text {i}", str(intent), Path("nlu.yml"), i) for i, intent in enumerate(intents)]
    return examples, vectors.astype(np.float32)


def unseen(examples: list[Example], vectors: np.ndarray) -> tuple[list[str], np.ndarray]:
    return predict_unseen([example.intent for example in examples], vectors)


def test_vectors_are_centred_units_that_do_not_depend_on_the_order(tiny_encoder):
    texts = ["hello there", "see you later", "play some jazz", "lights off " * 100]
    vectors = embed(texts, str(tiny_encoder), progress=False)
    assert vectors.shape == (4, 32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(embed(texts[::-1], str(tiny_encoder), progress=False)[::-1], vectors, atol=1e-4)


def test_every_example_is_judged_by_a_classifier_that_did_not_see_it():
    examples, vectors = clusters()
    names, probabilities = unseen(examples, vectors)
    assert names == ["a", "b"]
    assert np.allclose(probabilities.sum(axis=1), 1)
    alone = [*examples, Example("alone", "c", Path("nlu.yml"), 99)]
    names, probabilities = unseen(alone, np.vstack([vectors, vectors[:1]]))
    assert names == ["a", "b", "c"]
    assert not probabilities[-1].any()


def test_one_example_an_intent_leaves_nothing_to_judge():
    examples = [Example("x", "a", Path("nlu.yml"), 1), Example("y", "b", Path("nlu.yml"), 2)]
    vectors = np.eye(2, dtype=np.float32)
    names, probabilities = unseen(examples, vectors)
    assert not probabilities.any()
    assert list(near_duplicates(examples, vectors, names, probabilities)) == []


class TestNearDuplicates:
    EXAMPLES = tuple(
        Example(text, intent, Path("nlu.yml"), line)
        for line, (text, intent) in enumerate([("on", "a"), ("put on", "b"), ("On!", "b"), ("up", "a")], start=1)
    )

    def found(self, cosine: float, probabilities: list[list[float]]) -> list[tuple[int, ...]]:
        side = [cosine, np.sqrt(1 - cosine**2)]
        vectors = np.array([[1, 0], side, [1, 0], [1, 0]], dtype=np.float32)
        pairs = near_duplicates(self.EXAMPLES, vectors, ["a", "b"], np.array(probabilities))
        return [tuple(example.line for example in finding.examples) for finding in pairs]

    def test_pairs_across_intents_that_are_no_conflict(self):
        assert self.found(NEAR + 0.01, [[0.1, 0.9]] * 4) == [(3, 4), (1, 2), (2, 4)]
        assert self.found(NEAR - 0.01, [[0.1, 0.9]] * 4) == [(3, 4)]

    def test_pairs_that_are_learned_are_left_out_unless_they_are_twins(self):
        learned = [[0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.9, 0.1]]
        assert self.found(NEAR + 0.01, learned) == [(3, 4)]


class TestMislabelled:
    @pytest.fixture(autouse=True)
    def _needs_cleanlab(self):
        pytest.importorskip("cleanlab", reason="needs the extra 'doctor'")

    def test_examples_among_those_of_another_intent_are_found(self):
        examples, vectors = clusters(wrong=3)
        found = list(mislabelled(examples, *unseen(examples, vectors)))
        assert {finding.examples[0].line for finding in found} == {0, 1, 2}
        assert all(finding.note.startswith("looks like b, ") for finding in found)
        assert [finding.score for finding in found] == sorted((finding.score for finding in found), reverse=True)

    def test_well_labelled_data_has_none(self):
        examples, vectors = clusters()
        assert list(mislabelled(examples, *unseen(examples, vectors))) == []

    def test_the_only_example_of_an_intent_is_left_out(self):
        examples, vectors = clusters(wrong=1)
        alone = [*examples, Example("alone", "aa", Path("nlu.yml"), 99)]
        found = list(mislabelled(alone, *unseen(alone, np.vstack([vectors, vectors[:1]]))))
        assert [finding.examples[0].line for finding in found] == [0]


def test_a_repeat_does_not_vouch_for_a_wrong_label(monkeypatch):
    pytest.importorskip("cleanlab", reason="needs the extra 'doctor'")
    examples, vectors = clusters(wrong=3)
    of_text = {example.text: vector for example, vector in zip(examples, vectors, strict=True)}
    monkeypatch.setattr(meaning, "embed", lambda texts, encoder: np.stack([of_text[text.lower()] for text in texts]))
    once = examine(examples, encoder="any").findings
    shouted = [replace(example, text=example.text.upper()) for example in examples]
    thrice = examine([*examples, *examples, *shouted], encoder="any").findings
    found = [{each.examples[0].text for each in some if each.kind == "mislabelled"} for some in (once, thrice)]
    assert found[0] == found[1] != set()
