"""`Thought`: what a classifier thinks of a message, from wherever it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rasa_bert_intent.data.massive import Entity

# What Rasa's FallbackClassifier puts in front of the ranking.
FALLBACK_INTENT = "nlu_fallback"


@dataclass(frozen=True)
class Thought:
    """What a classifier thinks of a message.

    Attributes:
        text: The message.
        intent: What the bot goes by; None: nothing.
        ranking: The most likely intents and their confidences, best first, without the fallback.
        p_in_scope: P(in scope), which the confidences of intents in scope contain; None: the bot does not say.
        entities: In order and disjoint.
        trained_entities: Those among them that an extractor learned, and can learn on from.
        milliseconds: From asking to the answer.
        fallback: Whether the bot takes the message for not understood.
    """

    text: str
    intent: str | None
    ranking: Sequence[tuple[str, float]]
    p_in_scope: float | None
    entities: tuple[Entity, ...]
    trained_entities: tuple[Entity, ...]
    milliseconds: float
    fallback: bool

    @classmethod
    def of_nothing(cls, text: str) -> Thought:
        """What is thought of a text without a word."""
        return cls(text, None, (), None, (), (), 0.0, True)

    @property
    def best(self) -> str | None:
        """The most likely intent, also where it is not sure enough to be gone by."""
        return self.ranking[0][0] if self.ranking else None

    @property
    def confidence(self) -> float:
        """Of the most likely intent; 0 without one."""
        return self.ranking[0][1] if self.ranking else 0.0

    @property
    def marked(self) -> list[tuple[str, str | None]]:
        """The text in pieces, each with the type of the entity that it is, or None."""
        pieces: list[tuple[str, str | None]] = []
        end = 0
        for entity in self.entities:
            pieces += [(self.text[end : entity.start], None), (self.text[entity.start : entity.end], entity.type)]
            end = entity.end
        return [(piece, kind) for piece, kind in [*pieces, (self.text[end:], None)] if piece]


def disjoint(entities: Sequence[Entity]) -> tuple[Entity, ...]:
    """The entities in order; of those that overlap, which several extractors may find, the first and longest."""
    kept: list[Entity] = []
    for entity in sorted(entities, key=lambda entity: (entity.start, -entity.end)):
        if entity.start < entity.end and (not kept or entity.start >= kept[-1].end):
            kept.append(entity)
    return tuple(kept)
