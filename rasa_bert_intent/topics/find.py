"""From messages and a trained model to a `Discovery`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rasa_bert_intent.errors import DataError, OptionsError
from rasa_bert_intent.predictor import IntentPredictor
from rasa_bert_intent.topics import contextual
from rasa_bert_intent.topics.cluster import cluster
from rasa_bert_intent.topics.discovery import Discovery, Understood, describe
from rasa_bert_intent.topics.embeddings import embeddings, on_a_map, understand
from rasa_bert_intent.topics.messages import FEWEST, Messages
from rasa_bert_intent.topics.words import Bag, bag_of_words


@dataclass(frozen=True)
class Settings:
    """How topics are found.

    Attributes:
        method: `clusters` (see `rasa_bert_intent.topics.cluster`) or `contextual` (CombinedTM).
        topics: How many; None: as the silhouette of clusters is best.
        embeddings: See `rasa_bert_intent.topics.embeddings.embeddings`.
        stop_words: Words that say nothing of a topic, in lower case.
        seed: Of all that is random.

    Raises:
        OptionsError: if fewer than two topics are to be found, the seed is none, or the method's library is missing.
    """

    method: str = "clusters"
    topics: int | None = None
    embeddings: str | None = None
    stop_words: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 1 << 32:
            raise OptionsError(f"--seed: {self.seed} given; expected a number from 0 to {(1 << 32) - 1}.")
        if self.topics is not None and self.topics < 2:
            raise OptionsError(f"--topics: {self.topics} given; expected auto or a number from 2.")
        if self.method == "contextual":
            contextual.require_library()


def find_topics(
    messages: Messages,
    model: IntentPredictor,
    settings: Settings,
    *,
    below: float | None = None,
    source: str = "messages",
    model_name: str = "",
    on_epoch: Callable[[int, float], Any] = lambda epoch, loss: None,
) -> Discovery:
    """Finds and describes the topics of messages.

    Args:
        messages: Distinct ones.
        model: Embeds them, and says which of its intents they are nearest to.
        settings: How.
        below: Only messages that the model gives a confidence below this; None: all.
        source: Where the messages are from, for people.
        model_name: Likewise of the model.
        on_epoch: Told the number and the loss of each epoch of the topic model.

    Raises:
        DataError: if too few messages are left, or they have no words where these are needed.
        OptionsError: if there are more topics to find than messages.
    """
    texts, times, notes = messages.texts, messages.times, list(messages.notes)
    features, probabilities = understand(model, texts)
    if below is not None:
        # What is answered as out of scope is not understood, however sure that is.
        kept = np.flatnonzero((probabilities.max(axis=1) < below) | ~model.in_scope[probabilities.argmax(axis=1)])
        notes.append(f"{len(texts) - len(kept):,} messages are left out, whose confidence is {below} or more")
        if len(kept) < FEWEST:
            raise DataError(
                f"{source}: the model gives {len(kept)} of {len(texts):,} messages a confidence below {below}, "
                f"and topics take at least {FEWEST}. Collect more, raise --threshold, or leave out --fallback-only."
            )
        texts, times = [texts[index] for index in kept], [times[index] for index in kept]
        features, probabilities = features[kept], probabilities[kept]
    if settings.topics is not None and settings.topics > len(texts):
        raise OptionsError(f"--topics: {settings.topics} given, and there are {len(texts)} distinct messages.")
    vectors, embedded_by, more = embeddings(model, texts, features, settings.embeddings)
    bag = bag_of_words(texts, settings.stop_words)
    assigned, silhouettes = _assign(vectors, bag, settings, on_epoch)
    understood = Understood(texts, times, vectors, probabilities, model.labels)
    return Discovery(
        source=source,
        model=model_name,
        method=settings.method,
        embeddings=embedded_by,
        seed=settings.seed,
        messages=len(texts),
        times=sum(times),
        silhouettes=silhouettes,
        notes=(*notes, *more),
        topics=describe(assigned, understood, bag, on_a_map(vectors, settings.seed)),
    )


def _assign(
    vectors: np.ndarray, bag: Bag, settings: Settings, on_epoch: Callable[[int, float], Any]
) -> tuple[np.ndarray, dict[int, float]]:
    """The topic of each message, and the silhouettes of the numbers of topics tried."""
    if settings.method == "clusters":
        return cluster(vectors, settings.topics, settings.seed)
    topics, silhouettes = settings.topics, dict[int, float]()
    if topics is None:
        clusters, silhouettes = cluster(vectors, None, settings.seed)
        topics = len(np.unique(clusters))
    return contextual.topic_model(vectors, bag, topics, settings.seed, on_epoch), silhouettes
