"""Scores texts with a trained model: one JSON-like row each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rasa_bert_intent.predictor import IntentPredictor
from rasa_bert_intent.ranking import rank

# Texts read at a time: enough for batches of like length, little to keep in memory.
TEXTS_AT_A_TIME = 2048


def score(model: IntentPredictor, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yields `text`, `intent`, `p_in_scope` and `intent_ranking` of each text, in order."""
    for start in range(0, len(texts), TEXTS_AT_A_TIME):
        some = texts[start : start + TEXTS_AT_A_TIME]
        features = model.features(some)
        scope = model.scope_probabilities(features, model.logits_of_features(features))
        for text, confidences, in_scope in zip(some, model.confidences(some, features), scope, strict=True):
            ranking = rank(
                model.labels, confidences, model.options.ranking_length, model.options.renormalize_confidences
            )
            yield {"text": text, "intent": ranking[0], "p_in_scope": float(in_scope), "intent_ranking": ranking}
