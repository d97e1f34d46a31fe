"""`IntentPredictor`: what every engine has in common, from a message's features to its confidences. No torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from rasa_bert_intent.batches import says_something
from rasa_bert_intent.calibration import Calibration
from rasa_bert_intent.config import Options
from rasa_bert_intent.heads import logits_of
from rasa_bert_intent.ngrams import NGrams
from rasa_bert_intent.scope import Messages, Scope, in_scope_columns


@dataclass(frozen=True)
class EncoderIdentity:
    """Which encoder a model stands on.

    Attributes:
        name: Hub id, or the directory it was read from.
        revision: Of the hub id.
        sha256: Checksum of its weights, see `rasa_bert_intent.encoder.weights_checksum`.
        model_type: The family, such as `bert`.
    """

    name: str
    revision: str | None
    sha256: str
    model_type: str


class Vectors(NamedTuple):
    """What the encoder makes of texts, float32.

    Attributes:
        tokens: The texts' token ids, which it was given.
        features: The pooled vectors that the logits are of, `[texts, hidden]`.
        layers: One vector of all layers, which P(in scope) is of, `[texts, hidden]`.
    """

    tokens: Sequence[Sequence[int]]
    features: np.ndarray
    layers: np.ndarray


@dataclass(kw_only=True)
class IntentPredictor(ABC):
    """A trained classifier that predicts.

    Attributes:
        labels: Intents, in the order of the logits' columns.
        encoder: The identity of the encoder it stands on.
        options: As trained, with those of this machine.
        ngrams: Whose logits are added to the encoder's; None: nothing is.
        calibration: Makes confidences as high as they are right.
        scope: What tells whether a message is in scope; None: all are.
        training: How training went (examples, best epoch, scores, seconds, ...).
    """

    labels: list[str]
    encoder: EncoderIdentity
    options: Options
    ngrams: NGrams | None = None
    calibration: Calibration = field(default_factory=Calibration)
    scope: Scope | None = None
    training: dict[str, Any] = field(default_factory=dict)

    @abstractmethod
    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included, cut at `max_length`, not padded."""

    @abstractmethod
    def vectors_of_tokens(self, token_ids: Sequence[Sequence[int]], batch_size: int = 64) -> Vectors:
        """The vectors of texts given as token ids, in batches of like length."""

    @property
    @abstractmethod
    def head(self) -> Mapping[str, np.ndarray]:
        """The last layer's arrays, see `rasa_bert_intent.heads`."""

    @property
    def batch_as_served(self) -> int:
        """How many messages to read at once for a bot's very answers: in int8 those of a batch round one another's."""
        return 1

    def logits_of_features(self, features: np.ndarray) -> np.ndarray:
        """The encoder's logits `[texts, labels]`, float32, from pooled vectors `[texts, hidden]`."""
        return logits_of(self.head, self.options.classification_head, features)

    def features_of_tokens(self, token_ids: Sequence[Sequence[int]], batch_size: int = 64) -> np.ndarray:
        """Pooled vectors `[texts, hidden]`, float32, of texts given as token ids."""
        return self.vectors_of_tokens(token_ids, batch_size).features

    def vectors(self, texts: Sequence[str], batch_size: int = 64) -> Vectors:
        """The vectors of texts."""
        return self.vectors_of_tokens(self.tokenize(texts), batch_size)

    def features(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Pooled vectors `[texts, hidden]`, float32."""
        return self.vectors(texts, batch_size).features

    def predict_logits(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """The encoder's logits `[texts, labels]`, float32: without what n-grams add."""
        return self.logits_of_features(self.features(texts, batch_size))

    def predict_proba(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Confidences `[texts, labels]`, float64: P(in scope) times P(intent | in scope).

        The confidences of a text sum to P(in scope), but that the intent `out_of_scope`, where there is one, is not
        lowered: it has nothing to be in scope of. A text without a character that can be seen is not in scope.
        """
        return self.confidences(texts, self.vectors(texts, batch_size))

    def predict_with_scope(self, texts: Sequence[str], batch_size: int = 64) -> tuple[np.ndarray, np.ndarray]:
        """Confidences `[texts, labels]` as `predict_proba` gives them, and the P(in scope) `[texts]` in them."""
        return self._confidences_and_scope(texts, self.vectors(texts, batch_size))

    def confidences(self, texts: Sequence[str], vectors: Vectors) -> np.ndarray:
        """Confidences `[texts, labels]`, as `predict_proba` gives them, of texts whose vectors are known."""
        return self._confidences_and_scope(texts, vectors)[0]

    def _confidences_and_scope(self, texts: Sequence[str], vectors: Vectors) -> tuple[np.ndarray, np.ndarray]:
        messages = self.messages(texts, vectors)
        added = messages.ngram_logits * self.ngrams.weight if self.ngrams is not None else 0
        confidences = self.calibration.probabilities(messages.logits + added)
        scope = np.where([says_something(text) for text in texts], self.scope_probabilities(messages), 0.0)
        confidences[:, self.in_scope] *= scope[:, None]
        return confidences, scope

    def messages(self, texts: Sequence[str], vectors: Vectors) -> Messages:
        """What is seen of texts whose vectors are known."""
        by_ngrams = self.ngrams.unweighted(texts) if self.ngrams is not None else None
        return Messages(vectors.tokens, vectors.layers, self.logits_of_features(vectors.features), by_ngrams)

    def scope_probabilities(self, messages: Messages) -> np.ndarray:
        """P(in scope), `[messages]`; 1 where the model has no scope."""
        return self.scope.probability(messages) if self.scope is not None else np.ones(len(messages.logits))

    @cached_property
    def in_scope(self) -> np.ndarray:
        """Which labels are in scope, `[labels]`, bool."""
        return in_scope_columns(self.labels)
