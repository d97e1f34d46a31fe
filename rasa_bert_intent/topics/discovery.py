"""Finds the topics of messages and says of each what it holds, and which intent of the model comes nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count

import numpy as np

from rasa_bert_intent.data.clean import intent_name
from rasa_bert_intent.scope import OUT_OF_SCOPE_INTENT
from rasa_bert_intent.topics.words import Bag, coherence, typical_words

# Mean probability of one intent from which a topic is held for missing examples of it. Intents hidden from a model, and
# much like one that it has, come near: in one draw of MASSIVE up to 0.88. No benchmark measures this number.
KNOWN = 0.9
_WORDS_IN_A_NAME = 3
_TYPICAL = 5


@dataclass(frozen=True)
class Member:
    """A message of a topic.

    Attributes:
        text: As it was first written.
        times: How often it was written.
        intent: What the model answers.
        confidence: Of that, 0 to 1.
        x: Where it is on the map.
        y: Likewise.
    """

    text: str
    times: int
    intent: str
    confidence: float
    x: float
    y: float


@dataclass(frozen=True)
class Topic:
    """Messages on one matter.

    Attributes:
        intent: A name for an intent of them, made of its words; no intent of the model has it.
        words: Those that tell it from the other topics, best first.
        coherence: Mean NPMI of its words, -1 to 1; None where it has fewer than two.
        size: How many distinct messages it has.
        times: How often they were written.
        nearest: The intent that the model answers most of its messages with.
        nearest_share: Of them, 0 to 1.
        nearest_probability: The mean of that intent's probability over all of them.
        known: Whether that is so high that the topic is rather more examples of that intent than a new one.
        members: Most typical first: nearest to the mean of their embeddings.
    """

    intent: str
    words: tuple[str, ...]
    coherence: float | None
    size: int
    times: int
    nearest: str
    nearest_share: float
    nearest_probability: float
    known: bool
    members: tuple[Member, ...]

    @property
    def typical(self) -> tuple[Member, ...]:
        """The most typical messages."""
        return self.members[:_TYPICAL]


@dataclass(frozen=True)
class Discovery:
    """The topics of some messages, largest first.

    Attributes:
        source: Where the messages are from.
        model: Whose encoder embedded them.
        method: `clusters` or `contextual`.
        embeddings: Which they were.
        seed: Of all that is random.
        messages: How many distinct ones there are.
        times: How often they were written.
        silhouettes: Of each number of topics that was tried; empty where the number was given.
        notes: What had to be guessed or left out, as sentences.
        topics: At least one.
    """

    source: str
    model: str
    method: str
    embeddings: str
    seed: int
    messages: int
    times: int
    silhouettes: dict[int, float]
    notes: tuple[str, ...]
    topics: tuple[Topic, ...]


@dataclass(frozen=True)
class Understood:
    """Distinct messages and what the model has to say of them.

    Attributes:
        texts: The messages.
        times: How often each was written.
        vectors: Embeddings of length 1, `[messages, hidden]`.
        probabilities: Of the model's intents, `[messages, labels]`.
        labels: The intents.
    """

    texts: Sequence[str]
    times: Sequence[int]
    vectors: np.ndarray
    probabilities: np.ndarray
    labels: Sequence[str]


def describe(assigned: np.ndarray, understood: Understood, bag: Bag, places: np.ndarray) -> tuple[Topic, ...]:
    """The topics, largest first.

    Args:
        assigned: The topic of each message, `[messages]`, any numbers.
        understood: The messages.
        bag: Their words.
        places: Where they are on the map, `[messages, 2]`.
    """
    numbers, assigned = np.unique(assigned, return_inverse=True)
    words = typical_words(bag, assigned, len(numbers))
    scores = coherence(bag, assigned, len(numbers))
    sizes = np.bincount(assigned)
    taken = set(understood.labels)
    topics = []
    for topic in np.argsort(-sizes, kind="stable"):
        of_topic = np.flatnonzero(assigned == topic)
        centre = understood.vectors[of_topic].mean(axis=0)
        of_topic = of_topic[np.argsort(-(understood.vectors[of_topic] @ centre), kind="stable")]
        probabilities = understood.probabilities[of_topic]
        answers = np.bincount(probabilities.argmax(axis=1), minlength=len(understood.labels))
        nearest = int(answers.argmax())
        probability = float(probabilities[:, nearest].mean())
        topics.append(
            Topic(
                intent=_new_name(words[topic], taken),
                words=tuple(words[topic]),
                coherence=scores[topic] if np.isfinite(scores[topic]) else None,
                size=len(of_topic),
                times=sum(understood.times[index] for index in of_topic),
                nearest=understood.labels[nearest],
                nearest_share=float(answers[nearest] / len(of_topic)),
                nearest_probability=probability,
                known=probability >= KNOWN and understood.labels[nearest] != OUT_OF_SCOPE_INTENT,
                members=tuple(_member(index, understood, places) for index in of_topic),
            )
        )
    return tuple(topics)


def _member(index: int, understood: Understood, places: np.ndarray) -> Member:
    probabilities = understood.probabilities[index]
    best = int(probabilities.argmax())
    return Member(
        text=understood.texts[index],
        times=understood.times[index],
        intent=understood.labels[best],
        confidence=float(probabilities[best]),
        x=float(places[index, 0]),
        y=float(places[index, 1]),
    )


def _new_name(words: Sequence[str], taken: set[str]) -> str:
    """A name of an intent that is not taken, which it then is."""
    name = intent_name("_".join(words[:_WORDS_IN_A_NAME])) or "topic"
    fresh = next(tried for tried in chain([name], (f"{name}_{number}" for number in count(2))) if tried not in taken)
    taken.add(fresh)
    return fresh
