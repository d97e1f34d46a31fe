"""The real server over plain HTTP."""

import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from socket import create_server

import numpy as np
import pytest
from ports import free_port
from remote_server import Server, wait_until

from rasa_bert_intent import load_to_serve
from rasa_bert_intent.errors import ServerError
from rasa_bert_intent.remote.server import _check_port
from rasa_bert_intent.storage import fingerprint


def test_answers_are_those_of_the_model(server: Server, models, examples):
    status, answer = server.classify(texts=examples[0], model=fingerprint(models[0]))
    assert status == 200
    model = load_to_serve(models[0])
    assert answer["labels"] == model.labels
    assert answer["model"] == fingerprint(models[0])
    expected = model.predict_proba(examples[0])
    given = np.array([row["confidences"] for row in answer["answers"]])
    np.testing.assert_allclose(given, expected, atol=0.02)  # int8 rounds by batch
    np.testing.assert_array_equal(given.argmax(1), expected.argmax(1))
    in_scope = np.array([row["p_in_scope"] for row in answer["answers"]])
    np.testing.assert_allclose(given.sum(axis=1), in_scope)


def test_any_model_answers_who_names_none_and_no_text_has_no_answer(server: Server):
    assert server.classify(texts=["hello"])[1]["answers"][0]["confidences"]
    assert server.classify(texts=[])[1]["answers"] == []


def test_half_characters_and_long_texts_are_answered(server: Server):
    status, answer = server.classify(texts=["half \ud83d a face", "play " * 1000, ""])
    assert (status, len(answer["answers"])) == (200, 3)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"hello", "expected JSON"),
        (b"\xff\xfe", "expected JSON"),
        (b"", "expected JSON"),
        (b"[" * 9_999, "expected JSON"),
        (b"[]", 'expected \\"texts\\"'),
        (b'{"texts": "hello"}', 'expected \\"texts\\"'),
        (b'{"texts": [1]}', 'expected \\"texts\\"'),
        (b'{"texts": ["hello"], "model": 1}', 'expected \\"model\\"'),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_request_is_told(server: Server, body: bytes, told: str):
    status, answer = server.ask("POST", "/v1/classify", body)
    assert (status, told in answer.decode()) == (400, True)


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", "a-word-that-nobody-guesses", "Basic YTpi", "Bearer \xe4"]
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/classify"), ("GET", "/metrics"), ("GET", "/nowhere")])
def test_without_the_token_nothing_is_answered(server: Server, given: str, method: str, path: str):
    status, body = server.ask(method, path, b'{"texts": ["hello"]}', Authorization=given)
    assert status == 401
    assert server.token not in body.decode()


def test_probes_need_no_token(server: Server, models):
    for path in ("/healthz", "/readyz"):
        status, body = server.ask("GET", path, Authorization="")
        assert (status, json.loads(body)) == (200, {"models": [fingerprint(models[0])]})
    assert server.ask("GET", "/-/healthz", Authorization="")[0] == 200  # Ray Serve's own


def test_too_much_is_refused(server: Server):
    assert server.ask("POST", "/v1/classify", b'{"texts": ["' + b"a" * 20_000 + b'"]}')[0] == 413
    status, answer = server.classify(texts=["a"] * 1025)
    assert (status, "1024" in answer["error"]) == (413, True)
    chunked = server.connect()
    chunked.request(
        "POST",
        "/v1/classify",
        iter([b"a" * 5000] * 10),
        {"Authorization": f"Bearer {server.token}"},
        encode_chunked=True,
    )
    assert chunked.getresponse().status == 413


def test_another_model_is_not_taken_for_the_one_asked_for(server: Server, models):
    status, answer = server.classify(texts=["hello"], model=fingerprint(models[1]))
    assert status == 409
    assert fingerprint(models[0])[:12] in answer["error"]


def test_unknown_paths_are_told(server: Server):
    assert server.ask("GET", "/v1/classify")[0] == 404
    assert server.ask("POST", "/", b"{}")[0] == 404


def _metric(server: Server, name: str, **tags: str) -> float:
    text = server.ask("GET", "/metrics")[1].decode()
    lines = [line for line in text.splitlines() if line.startswith(f"ray_{name}{{")]
    wanted = [line for line in lines if all(f'{key}="{value}"' in line for key, value in tags.items())]
    return sum(float(line.rsplit(" ", 1)[1]) for line in wanted)


def _settled(server: Server, name: str) -> float:
    """A metric once all that was counted has reached Ray's agent, which takes some seconds."""

    def twice() -> float:
        value = _metric(server, name)
        time.sleep(5)
        return value and value == _metric(server, name) and value

    return wait_until(twice, name, 60)


@pytest.mark.slow
def test_prometheus_reads_what_was_counted_and_messages_that_come_together_share_batches(server: Server):
    names = ("rasa_bert_intent_request_seconds_count", "rasa_bert_intent_batch_messages_sum")
    server.classify(texts=["hello"])
    before = [_settled(server, name) for name in names]
    batches = _metric(server, "rasa_bert_intent_batch_messages_count")
    threads = [threading.Thread(target=server.classify, kwargs={"texts": ["hello"] * 10}) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [_settled(server, name) for name in names] == pytest.approx([before[0] + 10, before[1] + 100])
    assert _metric(server, "rasa_bert_intent_batch_messages_count") - batches < 50
    assert _metric(server, "rasa_bert_intent_requests_total", status="200") >= 10


def test_ray_itself_listens_on_this_machine_alone(server: Server):
    import psutil

    addresses = set()
    for pid in [server.process.pid, *server.processes()]:
        for connection in psutil.Process(pid).net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                addresses.add(connection.laddr.ip.removeprefix("::ffff:"))
    assert addresses == {"127.0.0.1"}


def test_the_token_is_in_no_file_command_line_or_log(server: Server):
    import psutil

    assert server.token not in server.output
    folder = re.search(r"/tmp/rbi-\w+", " ".join(psutil.Process(server.processes("raylet")[0]).cmdline()))[0]
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if server.token.encode() in path.read_bytes()]
    for pid in server.processes():
        assert server.token not in " ".join(psutil.Process(pid).cmdline())


def _refused(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "rasa_bert_intent.cli", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_what_cannot_be_served_is_told_in_one_line(with_ray, models, tmp_path, monkeypatch):
    monkeypatch.delenv("RASA_BERT_INTENT_TOKEN", raising=False)
    model = str(models[0])
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two words").write_text("two words\n")
    port = str(free_port())
    told = _refused(model, "--host", "0.0.0.0", "--port", port)
    assert told.startswith("error: --host 0.0.0.0 lets other machines ask, which needs a token")
    assert "is empty" in _refused(model, "--token-file", str(tmp_path / "empty"))
    assert "holds no token" in _refused(model, "--token-file", str(tmp_path / "two words"))
    assert "does not exist" in _refused(str(tmp_path / "nowhere"), "--port", port)
    assert "expected MIN:MAX" in _refused(model, "--replicas", "3:1")
    with create_server(("127.0.0.1", 0)) as taken:
        assert "cannot listen there" in _refused(model, "--port", str(taken.getsockname()[1]))


def test_without_ray_one_line_names_the_extra(models):
    code = "import sys; sys.modules['ray'] = None; from rasa_bert_intent.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", str(models[0])], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip() == "error: serving needs Ray Serve: pip install 'rasa-bert-intent[serve]'"


@pytest.mark.parametrize("host", ["::1", "no.such.host.invalid", "192.0.2.1", "a..b"])
def test_a_host_at_which_nobody_can_listen_is_told(host: str):
    with pytest.raises(ServerError, match="cannot listen there") as error:
        _check_port(host, free_port())
    assert str(error.value).startswith(f"--host {host} --port ")
    assert "Give --host an IPv4 address of this machine" in str(error.value)
    assert "another port" not in str(error.value)


def test_a_port_that_is_taken_is_told():
    with create_server(("127.0.0.1", 0)) as taken, pytest.raises(ServerError, match="Choose another port"):
        _check_port("127.0.0.1", taken.getsockname()[1])
