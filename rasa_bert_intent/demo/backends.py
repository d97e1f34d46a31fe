"""Where the page's answers come from: a running Rasa over HTTP, or a model of ours without Rasa."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from rasa_bert_intent.data.massive import Entity
from rasa_bert_intent.demo.thoughts import FALLBACK_INTENT, Thought, disjoint
from rasa_bert_intent.errors import ServerError

_SECONDS_TO_ANSWER = 60
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Rasa's extractors that learn from examples; what others find is no example for them.
_TRAINABLE_EXTRACTORS = ("CRFEntityExtractor", "DIETClassifier", "MitieEntityExtractor")


class Backend(Protocol):
    """What the page asks.

    Attributes:
        name: Of the model, for people.
        timed: What `Thought.milliseconds` measures.
        intents: That it knows, in alphabetical order; may be empty where it does not tell.
    """

    name: str
    timed: str
    intents: list[str]

    def think(self, text: str) -> Thought:
        """What the classifier thinks of a message.

        Raises:
            ServerError: if nobody answers.
        """

    def reply(self, sender: str, text: str) -> list[dict[str, Any]] | None:
        """The bot's messages as Rasa's REST channel has them (`text`, `buttons`, `image`); None: there is no bot.

        Args:
            sender: Whose conversation it is.
            text: The message.

        Raises:
            ServerError: if nobody answers.
        """


class LocalModel:
    """A trained model in this process."""

    timed = "the classifier alone"

    def __init__(self, path: Path, threshold: float) -> None:
        """Loads it.

        Args:
            path: As for `rasa_bert_intent.archive.open_model`.
            threshold: Of a FallbackClassifier, which would refuse what is less sure.

        Raises:
            ModelError: if there is no model, it is damaged, or of another version.
        """
        from rasa_bert_intent.archive import open_model

        self._model = open_model(path)
        self._threshold = threshold
        self.name = str(path)
        self.intents = sorted(self._model.labels)

    def think(self, text: str) -> Thought:
        """See `Backend.think`; there are no entities."""
        from rasa_bert_intent.ranking import rank

        options = self._model.options
        begin = time.perf_counter()
        confidences, scope = self._model.predict_with_scope([text])
        milliseconds = 1000 * (time.perf_counter() - begin)
        ranking = rank(self._model.labels, confidences[0], options.ranking_length, options.renormalize_confidences)
        fallback = ranking[0]["confidence"] < self._threshold
        return Thought(
            text=text,
            intent=FALLBACK_INTENT if fallback else ranking[0]["name"],
            ranking=[(row["name"], row["confidence"]) for row in ranking],
            p_in_scope=float(scope[0]),
            entities=(),
            trained_entities=(),
            milliseconds=milliseconds,
            fallback=fallback,
        )

    def reply(self, sender: str, text: str) -> list[dict[str, Any]] | None:
        """None: a classifier has nothing to say."""
        return None


class RasaServer:
    """A bot that `rasa run --enable-api` serves."""

    timed = "the whole pipeline, over HTTP"

    def __init__(self, url: str, token: str | None = None) -> None:
        """Asks what it serves.

        Args:
            url: Such as `http://127.0.0.1:5005`.
            token: What the server was given as `--auth-token`.

        Raises:
            ServerError: if it does not answer, has no model, or no HTTP API.
        """
        import httpx

        try:
            parts = urlsplit(url)
            known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:  # of the port, or of an IPv6 address
            known = False
        if not known:
            raise ServerError(f"--url: {url!r} is no address. Give one such as http://127.0.0.1:5005.")
        self.url = url.rstrip("/")
        self._client = httpx.Client(
            timeout=_SECONDS_TO_ANSWER,
            headers={"Accept": "application/json"},
            params={"token": token} if token else {},
            trust_env=parts.hostname not in _LOOPBACK,  # a proxy does not know this machine's own address
        )
        try:
            self.name = Path(str(self._ask("GET", "/status").get("model_file") or self.url)).name
            # An intent with settings of its own is {name: settings}.
            intents = self._ask("GET", "/domain").get("intents", [])
            self.intents = sorted({str(next(iter(each))) if isinstance(each, dict) else each for each in intents})
        except (AttributeError, TypeError, StopIteration) as error:
            raise ServerError(f"{self.url} does not answer as Rasa does ({error}): is it another server?") from None

    def think(self, text: str) -> Thought:
        """See `Backend.think`."""
        begin = time.perf_counter()
        parse = self._ask("POST", "/model/parse", {"text": text})
        milliseconds = 1000 * (time.perf_counter() - begin)
        try:
            return _thought(text, parse, milliseconds)
        except (KeyError, TypeError, ValueError) as error:
            raise ServerError(f"{self.url} does not parse as Rasa 3 does ({error!r}): is it another server?") from None

    def reply(self, sender: str, text: str) -> list[dict[str, Any]] | None:
        """See `Backend.reply`; None too where the bot has no REST channel."""
        return self._ask("POST", "/webhooks/rest/webhook", {"sender": sender, "message": text}, none_if_missing=True)

    def _ask(self, method: str, path: str, body: Any = None, *, none_if_missing: bool = False) -> Any:
        import httpx

        try:
            response = self._client.request(method, self.url + path, json=body)
        except (httpx.TransportError, httpx.InvalidURL, UnicodeError) as error:
            raise ServerError(
                f"no Rasa answers at {self.url} ({str(error) or type(error).__name__}). Start it, in the bot's folder: "
                "rasa run --enable-api"
            ) from None
        if response.status_code == 404 and none_if_missing:
            return None
        if response.status_code == 404:
            raise ServerError(f"{self.url} has no {path}. If it is Rasa, start it with: rasa run --enable-api")
        if response.status_code in (401, 403):
            raise ServerError(f"{self.url} wants its token. Give what Rasa was given as --auth-token: --token TOKEN")
        if response.status_code == 409:
            raise ServerError(f"Rasa at {self.url} has no model loaded; its log says why. Train one: rasa train")
        try:
            answer = response.json()
        except ValueError:
            raise ServerError(
                f"{self.url} does not answer as Rasa does ({response.status_code}, no JSON): is it another server?"
            ) from None
        if response.is_error:
            said = answer.get("message") if isinstance(answer, dict) else answer
            raise ServerError(f"Rasa at {self.url} could not answer ({response.status_code}): {said}")
        return answer


def _thought(text: str, parse: dict[str, Any], milliseconds: float) -> Thought:
    """What `/model/parse` says."""
    intent = parse["intent"]["name"]
    ranking = [(row["name"], float(row["confidence"])) for row in parse.get("intent_ranking") or []]
    if not ranking and intent is not None:  # of keywords, say, there is none
        ranking = [(intent, float(parse["intent"].get("confidence") or 0.0))]
    found = [
        (Entity(entity["start"], entity["end"], entity["entity"]), entity.get("extractor"))
        for entity in parse.get("entities") or []
    ]
    return Thought(
        text=text,
        intent=intent,
        ranking=[(name, confidence) for name, confidence in ranking if name != FALLBACK_INTENT],
        p_in_scope=parse.get("p_in_scope"),
        entities=disjoint([entity for entity, _ in found]),
        trained_entities=disjoint([entity for entity, extractor in found if extractor in _TRAINABLE_EXTRACTORS]),
        milliseconds=milliseconds,
        fallback=intent in (None, FALLBACK_INTENT),
    )
