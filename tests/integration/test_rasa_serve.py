"""`rasa run --enable-api`: the HTTP server."""

import io
import json
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from bot import CLASSIFIER, NLU, QUICK, UNSEEN, Bot, environment, intent_of, wait_for
from ports import free_port

Post = Callable[..., Any]


def _serves(url: str, log: Path) -> bool:
    """Whether the server has its model; without one it would run on, and say so for ever."""
    assert "Could not load model" not in log.read_text("utf-8"), log.read_text("utf-8")
    try:
        with urllib.request.urlopen(url + "/status", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def post(trained: Bot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """Posts to a running server and returns the body of its answer."""
    log = tmp_path_factory.mktemp("server") / "log"
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    options = ["--enable-api", "--interface", "127.0.0.1", "--port", port, "--model", trained.archives[-1]]
    process = trained.start("run", *options, log=log)

    def post(path: str, body: bytes, kind: str = "application/json") -> bytes:
        request = urllib.request.Request(url + path, body, {"Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=300) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode("utf-8", "replace")) from None

    try:
        wait_for(lambda: _serves(url, log), process, log)
        yield post
    finally:
        process.terminate()
        process.wait(60)


def _parse(post: Post, text: str) -> dict[str, Any]:
    return json.loads(post("/model/parse", json.dumps({"text": text}).encode()))


def test_parse_says_over_http_what_the_shell_says(post: Post, answers: list[dict]):
    for expected in answers:
        row = _parse(post, expected["text"])
        assert intent_of(row) == UNSEEN[expected["text"]]
        assert isinstance(row["intent"]["confidence"], float)
        assert [entry["name"] for entry in row["intent_ranking"]] == [e["name"] for e in expected["intent_ranking"]]
        for entry, other in zip(row["intent_ranking"], expected["intent_ranking"], strict=True):
            assert entry["confidence"] == pytest.approx(other["confidence"], abs=1e-5)


@pytest.mark.parametrize("text", ["", "   ", "\u202e"], ids=["empty", "blank", "right to left mark"])
def test_empty_text_gets_no_intent(text: str, post: Post):
    row = _parse(post, text)
    assert row["intent"] == {"name": None, "confidence": 0.0}
    assert row.get("intent_ranking", []) == []


def test_payload_of_an_intent_is_taken_at_its_word(post: Post):
    assert _parse(post, "/bye")["intent"] == {"name": "bye", "confidence": 1.0}


@pytest.mark.parametrize(
    "text", ["👋", "hello " * 1000, "x\u0000y", "\u202ehello"], ids=["emoji", "long", "nul", "right to left mark"]
)
def test_odd_text_gets_an_intent_all_the_same(text: str, post: Post):
    row = _parse(post, text)
    assert intent_of(row) in NLU
    assert 0 < sum(entry["confidence"] for entry in row["intent_ranking"]) < 1 + 1e-6


@pytest.mark.slow
def test_server_trains_another_model_and_goes_on_serving(post: Post, tiny_encoder: Path):
    body = {
        "recipe": "default.v1",
        "language": "en",
        "assistant_id": "tests",
        "pipeline": [{"name": CLASSIFIER, "encoder": str(tiny_encoder), **QUICK}],
        "policies": [],
        "nlu": [{"intent": intent, "examples": "- a\n- b\n- c\n"} for intent in ("one", "two")],
    }
    archive = post("/model/train", yaml.safe_dump(body).encode(), "application/yaml")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        (name,) = [name for name in tar.getnames() if name.endswith("/model.json")]
        assert json.load(tar.extractfile(name))["labels"] == ["one", "two"]  # type: ignore[arg-type]
    assert intent_of(_parse(post, "hello, good day")) == "greet"


def test_rasa_serves_the_model_without_torch_transformers_and_peft(trained: Bot, answers: list[dict]):
    code = (
        "import asyncio, json, sys; from rasa.core.agent import Agent; "
        f"agent = Agent.load({str(trained.archives[-1])!r}); "
        f"row = asyncio.run(agent.parse_message({answers[0]['text']!r})); "
        "print(json.dumps([row['intent']['name'], [n for n in ('torch', 'transformers', 'peft') if n in sys.modules]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=300, cwd=trained.folder
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [intent_of(answers[0]), []]
