"""`engine: remote`: answers that are none, or odd."""

import json
import threading
from typing import Any

import pytest
from remote_client import Load, is_back, told
from scripted import error

from rasa_bert_intent.errors import ServerError
from rasa_bert_intent.remote import client
from rasa_bert_intent.remote.client import RemoteModel


def an_answer(**changes: Any) -> dict[str, Any]:
    """To one message, by the model MODEL with the labels LABELS."""
    row = {"confidences": [0.5, 0.4, 0, 0], "p_in_scope": 0.9}
    return {"model": "MODEL", "labels": "LABELS", "answers": [row | changes.pop("row", {})], **changes}


def as_body(content: Any, model: RemoteModel) -> bytes:
    labels = json.dumps(model.labels)
    return json.dumps(content).replace("MODEL", model._model).replace('"LABELS"', labels).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "something else"),
        ({}, "something else"),
        (an_answer(answers=[]), "something else"),
        (an_answer(answers=[{"confidences": [0.5, 0.4, 0, 0]}]), "something else"),
        (an_answer(row={"confidences": [0.5]}), "something else"),
        (an_answer(row={"confidences": [0.5, 0.5, 0.5, 7]}), "something else"),
        (an_answer(row={"confidences": [0.5, 0.5, 0.5, float("nan")]}), "something else"),
        (an_answer(row={"p_in_scope": -1}), "something else"),
        (an_answer(labels=["a", "b", "c", "d"]), "by another model"),
        (an_answer(model="x"), "by another model"),
    ],
    ids=repr,
)
def test_what_is_no_answer_is_not_taken_for_one(scripted, remote: Load, content: Any, reason: str, caplog):
    model = remote(scripted.url, remote_retries=0)
    scripted.failures = [(200, as_body(content, model))]
    with pytest.raises(ServerError):
        model.predict_proba(["hello"])
    assert f"it answers {reason}" in told(caplog)[0]


def test_a_page_of_a_proxy_is_no_answer_and_what_is_one_is_taken(scripted, remote: Load, caplog):
    model = remote(scripted.url, remote_retries=1)
    scripted.failures = [(200, b"<html>a proxy</html>"), (200, as_body(an_answer(), model))]
    confidences, in_scope = model.predict_with_scope(["hello"])
    assert confidences.tolist() == [[0.5, 0.4, 0, 0]]
    assert in_scope.tolist() == [0.9]
    assert told(caplog) == []


DEEP = b"[" * 100_000
HUGE = b'{"model": "", "labels": [], "answers": [{"p_in_scope": 1' + b"0" * 400 + b', "confidences": []}]}'
ODD = pytest.mark.parametrize("odd", [(200, HUGE), (200, DEEP), (502, DEEP)], ids=["huge", "deep", "deep error"])


@ODD
def test_an_odd_answer_costs_a_message_its_intent_and_no_more(scripted, remote: Load, odd: tuple[int, bytes], caplog):
    scripted.failures = [odd]
    with pytest.raises(ServerError):
        remote(scripted.url, remote_retries=0).predict_proba(["hello"])
    assert "messages get no intent: it answer" in told(caplog)[0]


@ODD
def test_after_an_odd_answer_the_server_is_still_asked_whether_it_is_back(
    scripted, remote: Load, odd: tuple[int, bytes], monkeypatch
):
    monkeypatch.setattr(client, "_PROBE_SECONDS", 0.05)
    scripted.failures = [error(500), odd]
    model = remote(scripted.url, remote_retries=0)
    with pytest.raises(ServerError):
        model.predict_proba(["hello"])
    is_back(model)
    assert model.predict_proba(["hello"]).shape == (1, 4)


def test_what_nobody_thought_of_does_not_end_the_asking(scripted, remote: Load, monkeypatch, caplog):
    monkeypatch.setattr(client, "_PROBE_SECONDS", 0.05)
    monkeypatch.setattr(client, "_LOG_SECONDS", 0.0)
    scripted.failures = [error(500)]
    model = remote(scripted.url, remote_retries=0)
    surprises, ask_once = [ZeroDivisionError("a surprise")], model._ask_once

    def surprising(body: bytes, count: int) -> Any:
        if threading.current_thread() is not threading.main_thread() and surprises:
            raise surprises.pop()
        return ask_once(body, count)

    monkeypatch.setattr(model, "_ask_once", surprising)
    with pytest.raises(ServerError):
        model.predict_proba(["hello"])
    is_back(model)
    assert "ZeroDivisionError: a surprise" in told(caplog)[1]


@pytest.mark.parametrize(("status", "words"), [(404, "is no server of rasa-bert-intent"), (302, "is no server of")])
def test_another_server_is_told_apart(scripted, remote: Load, status: int, words: str, caplog):
    scripted.failures = [(status, b"line one\nline two")]
    with pytest.raises(ServerError):
        remote(scripted.url).predict_proba(["hello"])
    assert words in told(caplog)[0]
    assert len(scripted.messages) == 1


def test_a_refused_request_is_no_outage(scripted, remote: Load, caplog):
    scripted.failures = [error(413, "a request may have\n10 bytes")]
    model = remote(scripted.url)
    with pytest.raises(ServerError):
        model.predict_proba(["hello"])
    assert model.predict_proba(["hello"]).shape == (1, 4)
    (line,) = told(caplog)
    assert "413: a request may have 10 bytes" in line
