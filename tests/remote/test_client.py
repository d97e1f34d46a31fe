"""`engine: remote`: what the component asks, and what it does when there is no answer."""

import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ports import free_port
from remote_client import LOGGER, Load, is_back, told
from remote_server import TOKEN, Server, replace_model, wait_until
from scripted import error

from rasa_bert_intent import load_to_serve
from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import OptionsError, ServerError
from rasa_bert_intent.remote import client
from rasa_bert_intent.remote.client import RemoteModel


def test_the_real_server_answers_as_the_model_would_here(server: Server, remote: Load, models, examples, monkeypatch):
    monkeypatch.setenv("RASA_BERT_INTENT_TOKEN", TOKEN)
    model, here = remote(server.url), load_to_serve(models[0])
    assert model.labels == here.labels
    given, expected = model.predict_proba(examples[0]), here.predict_proba(examples[0])
    np.testing.assert_allclose(model.predict_with_scope(["hello"])[1], here.predict_with_scope(["hello"])[1], atol=1e-6)
    np.testing.assert_allclose(given, expected, atol=0.02)  # int8 rounds by batch
    np.testing.assert_array_equal(given.argmax(1), expected.argmax(1))


def test_a_wrong_token_is_told_without_it(server: Server, remote: Load, monkeypatch, caplog):
    monkeypatch.setenv("RASA_BERT_INTENT_TOKEN", "not-the-one")
    model = remote(server.url)
    with pytest.raises(ServerError):
        model.predict_proba(["hello"])
    assert len(told(caplog)) == 1
    assert "refuses our token; give the server's in RASA_BERT_INTENT_TOKEN" in told(caplog)[0]
    assert "not-the-one" not in caplog.text


def test_answers_of_another_model_are_not_taken(server: Server, models, monkeypatch, caplog):
    monkeypatch.setenv("RASA_BERT_INTENT_TOKEN", TOKEN)
    model = RemoteModel.load(models[1], Options(engine="remote", remote_url=server.url))
    with pytest.raises(ServerError):
        model.predict_proba(["hello"])
    (line,) = told(caplog)
    assert "serves another model than was trained here" in line


def test_messages_go_in_one_request_and_threads_share_connections(scripted, remote: Load, examples):
    model = remote(scripted.url)
    model.predict_proba(examples[0])
    assert scripted.asked == [examples[0]]
    for _ in range(5):
        model.predict_proba(["hello"])
    assert len(scripted.connections) == 1
    threads = [threading.Thread(target=model.predict_proba, args=(["hello"],)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(scripted.asked) == 26
    assert model.predict_proba(["hello"] * 1500).shape == (1500, 4)
    assert [len(texts) for texts in scripted.asked[-2:]] == [1024, 476]
    assert model.predict_proba([]).shape == (0, 4)


def test_what_fails_is_asked_again_as_often_as_allowed(scripted, remote: Load, caplog):
    scripted.failures = [error(500), error(503), error(429), error(408)]
    assert remote(scripted.url, remote_retries=4).predict_proba(["hello"]).shape == (1, 4)
    assert len(scripted.asked) == 5
    assert told(caplog) == []


def test_a_failing_server_is_left_alone_until_it_is_back(scripted, remote: Load, monkeypatch, caplog):
    monkeypatch.setattr(client, "_PROBE_SECONDS", 0.5)
    scripted.failures = [error(500)] * 4
    model = remote(scripted.url, remote_retries=1)
    for _ in range(50):
        with pytest.raises(ServerError):
            model.predict_proba(["hello"])
    assert len(scripted.messages) == 2  # the first message and its retry
    is_back(model)
    assert all(scripted.asked)  # the model takes part in a probe's answer too
    assert model.predict_proba(["hello"]).shape == (1, 4)
    first, last = told(caplog)
    assert first == (
        f"{scripted.url} gives no answer, and messages get no intent: it answered with status 500: broken (it is asked "
        "again every second)."
    )
    assert last.startswith(f"{scripted.url} answers again, after ")


def test_the_log_has_a_line_a_minute(remote: Load, monkeypatch, caplog):
    monkeypatch.setattr(client, "_PROBE_SECONDS", 0.05)
    monkeypatch.setattr(client, "_LOG_SECONDS", 1.0)  # a minute for the test
    model = remote(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ServerError):
        model.predict_proba(["hello"])
    wait_until(lambda: len(told(caplog)) == 3, "three minutes", 30)
    times = [record.created for record in caplog.records if record.name == LOGGER]
    assert min(b - a for a, b in pairwise(times)) > 0.9
    assert all("it cannot be reached" in line and "Connection refused" in line for line in told(caplog))


def test_nobody_asks_any_more_once_the_model_is_gone(scripted, remote: Load, monkeypatch):
    monkeypatch.setattr(client, "_PROBE_SECONDS", 0.05)
    scripted.failures = [error(500)] * 10_000
    model = remote(scripted.url)
    with pytest.raises(ServerError):
        model.predict_proba(["hello"])
    wait_until(lambda: len(scripted.asked) > 5, "probes", 30)
    watchers = [thread for thread in threading.enumerate() if thread.name.endswith("(_watch)")]
    assert watchers
    del model
    gc.collect()  # pytest.raises keeps the frames of what was raised
    for thread in watchers:
        thread.join(30)
        assert not thread.is_alive()


def test_a_slow_server_costs_its_timeout_once(scripted, remote: Load, caplog):
    scripted.stalls = 5
    model = remote(scripted.url, remote_timeout=0.2, remote_retries=0)
    for _ in range(10):
        with pytest.raises(ServerError):
            model.predict_proba(["hello"])
    assert len(scripted.messages) == 1
    assert "no answer within 0.2 s" in told(caplog)[0]


def test_an_address_is_needed(models, monkeypatch):
    with pytest.raises(OptionsError, match="engine: remote needs remote_url"):
        RemoteModel.load(models[0], Options(engine="remote"))
    monkeypatch.setenv("RASA_BERT_INTENT_TOKEN", "two words")
    with pytest.raises(ServerError, match="RASA_BERT_INTENT_TOKEN holds no token") as caught:
        RemoteModel.load(models[0], Options(engine="remote", remote_url="http://127.0.0.1:1"))
    assert "two words" not in str(caught.value)


def test_loading_imports_no_engine(models):
    code = (
        "import sys; from pathlib import Path; from rasa_bert_intent.config import Options\n"
        "from rasa_bert_intent.remote.client import RemoteModel\n"
        f"RemoteModel.load(Path({str(models[0])!r}), Options(engine='remote', remote_url='http://127.0.0.1:1'))\n"
        "print([name for name in ('torch', 'transformers', 'onnxruntime', 'tokenizers', 'ray') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def component(models, tmp_path: Path) -> Callable[..., Any]:
    """Loads Rasa's component with the first model."""
    pytest.importorskip("rasa", reason="Rasa needs Python 3.10")
    from rasa.engine.graph import ExecutionContext, GraphSchema
    from rasa.engine.storage.local_model_storage import LocalModelStorage
    from rasa.engine.storage.resource import Resource

    from rasa_bert_intent import BertIntentClassifier

    (tmp_path / "storage").mkdir()
    storage = LocalModelStorage.create(tmp_path / "storage")
    with storage.write_to(Resource("bert")) as directory:
        replace_model(directory, models[0])

    def load(**changes: Any) -> Any:
        config = {**BertIntentClassifier.get_default_config(), "engine": "remote", **changes}
        context = ExecutionContext(GraphSchema({}), node_name="bert")
        return BertIntentClassifier.load(config, storage, Resource("bert"), context)

    return load


def _answers(component: Any, *texts: str | None) -> list[dict]:
    from rasa.shared.nlu.training_data.message import Message

    return [message.get("intent") for message in component.process([Message(data={"text": text}) for text in texts])]


def test_the_bot_falls_back_while_the_server_is_down_and_then_goes_on(scripted, component, caplog):
    bot = component(remote_url=scripted.url, remote_retries=0)
    assert [row["name"] for row in _answers(bot, "hello", "", None, "see you", "/greet")] == [
        "greet", None, None, "bye", None,
    ]  # fmt: skip
    assert scripted.asked == [["hello", "see you"]]
    scripted.failures = [error(500)] * 2
    assert _answers(bot, "hello", "see you") == [{"name": None, "confidence": 0.0}] * 2
    is_back(bot._model)
    assert _answers(bot, "hello")[0]["name"] == "greet"
    assert len(told(caplog)) == 2


def test_the_machine_may_say_that_and_whom_to_ask(scripted, component, monkeypatch):
    monkeypatch.setenv("RASA_BERT_INTENT_ENGINE", "remote")
    monkeypatch.setenv("RASA_BERT_INTENT_REMOTE_URL", scripted.url)
    assert _answers(component(engine="onnx"), "hello")[0]["name"] == "greet"
    assert scripted.asked == [["hello"]]


def test_without_an_address_the_bot_says_so_in_rasas_way(component):
    from rasa.shared.exceptions import InvalidConfigException

    with pytest.raises(InvalidConfigException, match="engine: remote needs remote_url"):
        component()
