"""What client and server say to each other: JSON over HTTP.

`POST /v1/classify` asks::

    {"texts": ["hello", ...], "model": "9f3c..."}

`model` is the fingerprint of the model that must answer, see `rasa_bert_intent.storage.fingerprint`; without it the
newest does. The answer has one entry a text, in their order::

    {"model": "9f3c...", "labels": ["greet", ...], "answers": [{"p_in_scope": 0.98, "confidences": [0.9, ...]}, ...]}

Any other status than 200 comes with `{"error": "..."}`: 400 for what is no such request, 401 without the right token,
409 when the server has no such model, 413 for too much at once, 500 when the model failed. Ray Serve itself, without
JSON, says 503 when too many wait, 500 when a replica was lost, and 408 when an answer takes too long.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rasa_bert_intent.errors import ServerError

CLASSIFY = "/v1/classify"
TOKEN_VARIABLE = "RASA_BERT_INTENT_TOKEN"
DEFAULT_PORT = 5056

# Texts of one request; their bytes are limited by the server too.
MAX_TEXTS = 1024


@dataclass(frozen=True)
class Request:
    """What a client asks.

    Attributes:
        texts: To classify.
        model: Fingerprint of the model that must answer; None: any.
    """

    texts: list[str]
    model: str | None


class TooMuchError(ValueError):
    """A request has more texts than are answered at once."""


def write_request(texts: Sequence[str], model: str | None) -> bytes:
    """The body of a request."""
    return json.dumps({"texts": list(texts), "model": model}).encode()


def read_request(body: bytes) -> Request:
    """What a body asks.

    Raises:
        TooMuchError: if it holds too many texts.
        ValueError: if it is no request, with what was expected.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError('expected JSON such as {"texts": ["hello"]}') from None
    texts, model = (content.get("texts"), content.get("model")) if isinstance(content, dict) else (None, None)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError('expected "texts", a list of strings')
    if not isinstance(model, str | None):
        raise ValueError('expected "model" to be a fingerprint or null')
    if len(texts) > MAX_TEXTS:
        raise TooMuchError(f"{len(texts)} texts are more than the {MAX_TEXTS} that are answered at once")
    return Request(texts, model)


def write_answer(model: str, labels: Sequence[str], rows: Sequence[tuple[Sequence[float], float]]) -> bytes:
    """The body of an answer, from the confidences of all labels and P(in scope) of each text."""
    answers = [{"p_in_scope": in_scope, "confidences": list(confidences)} for confidences, in_scope in rows]
    return json.dumps({"model": model, "labels": list(labels), "answers": answers}).encode()


def read_answer(body: bytes, model: str, labels: Sequence[str], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences `[texts, labels]` and P(in scope) `[texts]`, float64.

    Raises:
        ValueError: if the body is not the answer of this model to so many texts.
    """
    try:
        content: dict[str, Any] = json.loads(body)
        confidences = np.array([row["confidences"] for row in content["answers"]], dtype=np.float64)
        in_scope = np.array([row["p_in_scope"] for row in content["answers"]], dtype=np.float64)
        ours = content["model"] == model and content["labels"] == list(labels)
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        raise ValueError("it answers something else than confidences") from None
    if not ours:
        raise ValueError("it answers by another model")
    confidences = confidences.reshape(0, len(labels)) if count == 0 else confidences
    shapes = confidences.shape == (count, len(labels)) and in_scope.shape == (count,)
    if not shapes or not all(((some >= 0) & (some <= 1 + 1e-6)).all() for some in (confidences, in_scope)):
        raise ValueError("it answers something else than confidences")
    return confidences, in_scope


def token_of_environment() -> str | None:
    """The token that this machine's environment holds, None where there is none.

    Raises:
        ServerError: if HTTP cannot carry it.
    """
    return checked_token(os.environ.get(TOKEN_VARIABLE, ""), f"the environment variable {TOKEN_VARIABLE}")


def checked_token(token: str, source: str) -> str | None:
    """A token without blanks around it, None if it is empty.

    Raises:
        ServerError: if HTTP cannot carry it; the message does not hold it.
    """
    token = token.strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ServerError(f"{source} holds no token: expected ASCII letters, digits and signs without blanks.")
    return token or None
