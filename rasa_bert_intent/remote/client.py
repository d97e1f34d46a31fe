"""`RemoteModel`: asks a shared server in the place of a model in this process. No torch, and no model until it must.

While the server fails nobody waits for it: messages are answered at once, by a stand-in or not at all, and a thread
asks the server each second whether it is back.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import urllib3

from rasa_bert_intent.config import ENVIRONMENT_PREFIX, Options
from rasa_bert_intent.errors import ModelError, OptionsError, ServerError
from rasa_bert_intent.kept import keep, release
from rasa_bert_intent.predictor import IntentPredictor
from rasa_bert_intent.remote.protocol import (
    CLASSIFY,
    MAX_TEXTS,
    TOKEN_VARIABLE,
    read_answer,
    token_of_environment,
    write_request,
)
from rasa_bert_intent.storage import fingerprint, read_manifest

logger = logging.getLogger(__name__)

_PROBE_SECONDS = 1.0
# Asked until the server is back: it takes the model to answer, as a message does.
PROBE = ["are you there?"]
_LOG_SECONDS = 60.0
_PAUSE_BEFORE_RETRY = 0.05

_NO_INTENT = "messages get no intent"
_WRONG_REQUEST = (400, 413)  # our own fault: the server is well


class _RefusedError(ServerError):
    """The server is well and does not take this one request."""


class RemoteModel:
    """A model that a shared server holds; made by `load`. Threads may share it.

    Attributes:
        labels: Its intents, in the order of the columns of what is predicted.
    """

    def __init__(self, labels: list[str], model: str, options: Options, stand_in: StandIn | None) -> None:
        if options.remote_url is None:
            raise OptionsError(
                "engine: remote needs remote_url, such as http://127.0.0.1:5056, in config.yml or in the environment "
                f"variable {ENVIRONMENT_PREFIX}REMOTE_URL."
            )
        self.labels = labels
        self._model = model
        self._url = options.remote_url
        self._tries = 1 + options.remote_retries
        self._timeout = options.remote_timeout
        self._stand_in = stand_in
        self._headers = {"Content-Type": "application/json"}
        if token := token_of_environment():
            self._headers["Authorization"] = f"Bearer {token}"
        self._http = urllib3.PoolManager(maxsize=16, timeout=options.remote_timeout, retries=False)
        self._outage = Outage(self._url, "a model loaded here answers messages" if stand_in else _NO_INTENT)

    @classmethod
    def load(cls, directory: Path, options: Options) -> RemoteModel:
        """What is needed to ask a server for the model in a directory, which may be gone afterwards.

        Raises:
            ModelError: if the model's manifest is missing, damaged or of another format.
            OptionsError: if there is no address to ask.
            ServerError: if the token of the environment is none.
        """
        manifest = read_manifest(directory, check_files=False)
        stand_in = StandIn(directory, options) if options.remote_fallback == "local" else None
        return cls(manifest["labels"], fingerprint(directory), options, stand_in)

    def predict_proba(self, texts: Sequence[str]) -> np.ndarray:
        """Confidences `[texts, labels]`, float64, as `IntentPredictor.predict_proba` gives them.

        Raises:
            ServerError: as `predict_with_scope`.
        """
        return self.predict_with_scope(texts)[0]

    def predict_with_scope(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Confidences and P(in scope), as `IntentPredictor.predict_with_scope` gives them.

        Raises:
            ServerError: if the server gives none and nothing stands in for it. The log says so once a minute.
        """
        if not self._outage.lasts:
            try:
                parts = [texts[i : i + MAX_TEXTS] for i in range(0, max(len(texts), 1), MAX_TEXTS)]
                answers = [self._ask(part, self._tries) for part in parts]
                confidences, in_scope = (np.concatenate(some) for some in zip(*answers, strict=True))
                return confidences, in_scope
            except _RefusedError as error:
                self._outage.tell(str(error))
            except ServerError as error:
                if self._outage.begin(str(error)):
                    threading.Thread(target=_watch, args=(weakref.ref(self),), daemon=True).start()
        if self._stand_in is None:
            raise ServerError(f"{self._url} gives no answer.")
        try:
            return self._stand_in.model.predict_with_scope(texts)
        except ModelError as error:
            self._outage.answer_by(f"{_NO_INTENT} (remote_fallback: local cannot stand in: {str(error).rstrip('.')})")
            raise ServerError(str(error)) from None

    def _ask(self, texts: Sequence[str], tries: int) -> tuple[np.ndarray, np.ndarray]:
        """What the server answers.

        Raises:
            ServerError: with the reason, if it does not.
        """
        body = write_request(texts, self._model)
        for left in reversed(range(tries)):
            try:
                return self._ask_once(body, len(texts))
            except _FailedError as error:
                if not left:
                    raise ServerError(str(error)) from None
                time.sleep(_PAUSE_BEFORE_RETRY)
        raise AssertionError("there is at least one try")

    def _ask_once(self, body: bytes, count: int) -> tuple[np.ndarray, np.ndarray]:
        try:
            answer = self._http.request("POST", self._url + CLASSIFY, body=body, headers=self._headers, redirect=False)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _FailedError(self._failure(error)) from None
        if answer.status == 200:
            try:
                return read_answer(answer.data, self._model, self.labels, count)
            except ValueError as error:
                raise _FailedError(str(error)) from None
        raise self._reason(answer.status, answer.data)

    def _failure(self, error: Exception) -> str:
        # A refused connection counts as a timeout to urllib3.
        late = isinstance(error, urllib3.exceptions.TimeoutError)
        if late and not isinstance(error, urllib3.exceptions.NewConnectionError):
            return f"no answer within {self._timeout:g} s"
        return f"it cannot be reached: {_innermost(error)}"

    def _reason(self, status: int, body: bytes) -> ServerError:
        said = _error_in(body)
        if status in _WRONG_REQUEST:
            return _RefusedError(f"a request was refused with status {status}: {said}")
        if status == 401:
            return ServerError(f"it refuses our token; give the server's in {TOKEN_VARIABLE}")
        if status == 409:
            return ServerError(f"it serves another model than was trained here ({self._model[:12]}); {said}")
        if status >= 500 or status in (408, 429):
            return _FailedError(f"it answered with status {status}: {said}")
        return ServerError(f"it is no server of rasa-bert-intent, or an older one: it answered with status {status}")

    def is_back(self) -> bool:
        """Asks whether the server answers again, and ends the outage if so."""
        try:
            self._ask(PROBE, 1)
        except ServerError as error:
            self._outage.goes_on(str(error))
            return False
        except Exception as error:  # the thread that asks must outlive whatever it is
            self._outage.goes_on(f"{type(error).__name__}: {error}")
            return False
        self._outage.end()
        return True


class _FailedError(ServerError):
    """Something that may go better at the next try."""


def _watch(model: weakref.ref[RemoteModel]) -> None:
    """Asks until the server is back, or nobody has the model any more."""
    while True:
        time.sleep(_PROBE_SECONDS)
        held = model()
        if held is None or held.is_back():
            return
        del held


class Outage:
    """Whether a server fails, told in the log: one line at its beginning, one a minute, one at its end.

    Args:
        url: Of the server.
        instead: What happens to messages meanwhile.
    """

    def __init__(self, url: str, instead: str) -> None:
        self._url = url
        self._instead = instead
        self._lock = threading.Lock()
        self._began: float | None = None
        self._told = -_LOG_SECONDS
        self._silent = False  # the beginning was not told: another one was, less than a minute ago

    @property
    def lasts(self) -> bool:
        """Whether the server fails."""
        return self._began is not None

    def begin(self, reason: str) -> bool:
        """Returns whether this is the beginning: of several threads that see it, one is told so."""
        with self._lock:
            if self._began is not None:
                return False
            self._began = time.monotonic()
            self._silent = not self._tell(f"{reason} (it is asked again every second)")
            return True

    def goes_on(self, reason: str) -> None:
        """Tells the reason, once a minute."""
        with self._lock:
            if self._began is not None and self._tell(f"{reason} (for {self._lasted(self._began)} now)"):
                self._silent = False

    def end(self) -> None:
        """The server is back."""
        with self._lock:
            if self._began is not None and not self._silent:
                logger.warning(f"{self._url} answers again, after {self._lasted(self._began)}.")
            self._began = None

    def tell(self, reason: str) -> None:
        """Tells of what is no outage, once a minute."""
        with self._lock:
            self._tell(reason)

    def answer_by(self, instead: str) -> None:
        """Something else happens to messages from now on; that is told at once, and in every line from then on."""
        with self._lock:
            if instead != self._instead:
                self._instead = instead
                logger.warning(f"{self._url} gives no answer, and {instead}.")

    def _tell(self, reason: str) -> bool:
        now = time.monotonic()
        if now - self._told < _LOG_SECONDS:
            return False
        self._told = now
        logger.warning(f"{self._url} gives no answer, and {self._instead}: {reason}.")
        return True

    @staticmethod
    def _lasted(began: float) -> str:
        return f"{time.monotonic() - began:.0f} s"


class StandIn:
    """The model itself, loaded when it is first needed.

    Args:
        directory: Of the model; copied, as Rasa's goes away after loading.
        options: Of this machine.
    """

    def __init__(self, directory: Path, options: Options) -> None:
        self._options = options
        self._scratch = tempfile.TemporaryDirectory(prefix="rasa_bert_intent_")  # goes away with this object
        weakref.finalize(self, release, keep(Path(self._scratch.name)))  # and not before, as old as it may be
        self._directory = Path(self._scratch.name) / "model"
        shutil.copytree(directory, self._directory)
        self._lock = threading.Lock()
        self._model: IntentPredictor | ModelError | None = None

    @property
    def model(self) -> IntentPredictor:
        """The model.

        Raises:
            ModelError: if it cannot be loaded.
        """
        with self._lock:
            if self._model is None:
                from rasa_bert_intent.serving import load_to_serve

                try:
                    self._model = load_to_serve(self._directory, self._options)
                except ModelError as error:  # the next message need not wait for it again
                    self._model = error
        if isinstance(self._model, ModelError):
            raise self._model
        return self._model


def _innermost(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return " ".join(str(error).split()) or type(error).__name__


def _error_in(body: bytes) -> str:
    """The server's own words, or what stands in its place, as a part of one line."""
    try:
        said = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        said = body.decode("utf-8", "replace")
    return " ".join(said.split())[:200] or "nothing more"
