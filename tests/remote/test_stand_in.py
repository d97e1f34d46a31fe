"""`remote_fallback: local`: the model that stands in."""

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folders import may_be_cleaned
from ports import free_port
from remote_client import Load, is_back, told
from remote_server import replace_model
from scripted import error

from rasa_bert_intent import load_to_serve, serving
from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import ServerError
from rasa_bert_intent.remote import client
from rasa_bert_intent.remote.client import RemoteModel


def test_the_model_stands_in_when_it_must_and_not_before(scripted, remote: Load, models, monkeypatch, caplog):
    monkeypatch.setattr(client, "_PROBE_SECONDS", 1.0)
    model = remote(scripted.url, remote_fallback="local", remote_retries=0)
    model.predict_proba(["hello"])
    assert model._stand_in._model is None
    scripted.failures = [error(500)] * 2
    given = model.predict_proba(["hello", "see you"])
    np.testing.assert_allclose(given, load_to_serve(models[0]).predict_proba(["hello", "see you"]), atol=1e-6)
    assert "a model loaded here answers messages" in told(caplog)[0]
    is_back(model)
    asked = len(scripted.messages)
    model.predict_proba(["hello"])
    assert len(scripted.messages) == asked + 1


def test_a_stand_in_that_cannot_be_loaded_is_told_once(remote: Load, models, tmp_path, monkeypatch, caplog):
    loads = []

    def counted(*arguments: Any, **options: Any) -> Any:
        loads.append(arguments)
        return load_to_serve(*arguments, **options)

    monkeypatch.setattr(serving, "load_to_serve", counted)
    monkeypatch.setattr(client, "_LOG_SECONDS", 0.0)
    replace_model(tmp_path / "model", models[0])
    (tmp_path / "model" / "head.safetensors").write_bytes(b"damaged")
    options = Options(engine="remote", remote_url=f"http://127.0.0.1:{free_port()}", remote_fallback="local")
    model = RemoteModel.load(tmp_path / "model", options)
    for _ in range(3):
        with pytest.raises(ServerError, match="is damaged or was altered"):
            model.predict_proba(["hello"])
    assert len(loads) == 1
    assert any("remote_fallback: local cannot stand in: " in line for line in told(caplog))


def test_the_log_stops_promising_a_stand_in_that_cannot_be_loaded(scripted, models, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(client, "_PROBE_SECONDS", 3600)
    replace_model(tmp_path / "model", models[0])
    (tmp_path / "model" / "head.safetensors").write_bytes(b"damaged")
    options = Options(engine="remote", remote_url=scripted.url, remote_fallback="local", remote_retries=0)
    model = RemoteModel.load(tmp_path / "model", options)
    scripted.failures = [error(500)] * 2
    for _ in range(3):
        with pytest.raises(ServerError):
            model.predict_proba(["hello"])
    first, second = told(caplog)
    assert "a model loaded here answers messages" in first
    assert second.startswith(
        f"{scripted.url} gives no answer, and messages get no intent (remote_fallback: local cannot stand in: "
    )
    monkeypatch.setattr(client, "_LOG_SECONDS", 0.0)
    assert not model.is_back()
    assert "messages get no intent (remote_fallback: local cannot stand in: " in told(caplog)[2]


def test_no_cleaner_takes_the_model_that_is_to_stand_in_away(remote: Load):
    model = remote("http://127.0.0.1:1", remote_fallback="local")
    folder = Path(model._stand_in._scratch.name)
    assert not may_be_cleaned(folder)
    del model
    gc.collect()
    assert not folder.exists()
