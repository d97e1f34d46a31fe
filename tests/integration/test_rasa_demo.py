"""The page's questions to a running Rasa."""

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from bot import NLU, UNSEEN, Bot, wait_for
from pages import served
from ports import free_port

from rasa_bert_intent.archive import open_model
from rasa_bert_intent.demo.backends import LocalModel, RasaServer
from rasa_bert_intent.errors import ServerError

pytest.importorskip("httpx")
TOKEN = "a token"


@contextmanager
def rasa_running(bot: Bot, log: Path, *options: str | Path) -> Iterator[str]:
    """The address of a Rasa that listens, with or without a model."""
    port = free_port()
    process = bot.start("run", "--interface", "127.0.0.1", "--port", port, *options, log=log)
    try:
        wait_for(lambda: "Rasa server is up and running" in log.read_text("utf-8", "replace"), process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def url(trained: Bot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "credentials.yml").write_text("rest:\n", "utf-8")
    options = ["--enable-api", "--auth-token", TOKEN, "--credentials", folder / "credentials.yml"]
    with rasa_running(trained, folder / "log", *options, "--model", trained.archives[-1]) as url:
        yield url


def test_rasa_says_what_the_model_alone_says(url: str, trained: Bot):
    server, alone = RasaServer(url, TOKEN), LocalModel(trained.archives[-1], threshold=0.0)
    assert server.name == trained.archives[-1].name
    assert alone.intents == sorted(NLU)
    for text, intent in UNSEEN.items():
        over_http, local = server.think(text), alone.think(text)
        assert over_http.intent == over_http.best == local.intent == intent
        assert [name for name, _ in over_http.ranking] == [name for name, _ in local.ranking]
        assert over_http.confidence == pytest.approx(local.confidence, abs=1e-5)
        assert over_http.p_in_scope == pytest.approx(local.p_in_scope, abs=1e-5)
        assert not over_http.fallback
    assert alone.reply("me", "hello") is None
    assert server.reply("me", "hello") == []  # no policies, no answer


def test_what_rasa_is_not_sure_of_falls_back(trained: Bot):
    (surest,) = open_model(trained.archives[-1]).predict_proba(["hello, good day"]).max(axis=1)
    below, above = (LocalModel(trained.archives[-1], surest + difference) for difference in (-0.001, 0.001))
    assert not below.think("hello, good day").fallback
    assert above.think("hello, good day").fallback
    assert above.think("hello, good day").best == "greet"


def test_a_wrong_token_is_told(url: str):
    with pytest.raises(ServerError, match=r"wants its token.*--token"):
        RasaServer(url)


def test_a_server_that_is_down_is_told_with_what_to_do(url: str):
    with pytest.raises(ServerError, match=re.escape("Start it, in the bot's folder: rasa run --enable-api")):
        RasaServer(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ServerError, match="is no address"):
        RasaServer("localhost:5005")
    with pytest.raises(ServerError, match=r"no Rasa answers at http://foo_\.-bar\.\.:5005 "):
        RasaServer("http://foo_.-bar..:5005")


@pytest.mark.slow
def test_rasa_without_a_model_or_its_api_is_told(trained: Bot, tmp_path: Path):
    damaged = tmp_path / "models" / "damaged.tar.gz"
    damaged.parent.mkdir()
    damaged.write_bytes(b"no archive")
    with (
        rasa_running(Bot(tmp_path), tmp_path / "log", "--enable-api", "--model", damaged) as url,
        _told("has no model loaded"),
    ):
        RasaServer(url)
    (tmp_path / "credentials.yml").write_text("rest:\n", "utf-8")
    options = ["--credentials", tmp_path / "credentials.yml", "--model", trained.archives[-1]]
    with rasa_running(trained, tmp_path / "log", *options) as url, _told("has no /status.*--enable-api"):
        RasaServer(url)


@pytest.mark.parametrize(
    ("status", "domain"), [("<p>hello</p>", ""), ("[]", "{}"), ('"ok"', "{}"), ("{}", '{"intents": null}')]
)
def test_another_server_is_told(status: str, domain: str, tmp_path: Path):
    (tmp_path / "status").write_text(status, "utf-8")
    (tmp_path / "domain").write_text(domain, "utf-8")
    with another_server(tmp_path) as url, _told("is it another server"):
        RasaServer(url)


def _told(message: str) -> Any:
    return pytest.raises(ServerError, match=message)


@contextmanager
def another_server(folder: Path) -> Iterator[str]:
    """A web server of files."""

    def handler(*arguments: object) -> SimpleHTTPRequestHandler:
        return SimpleHTTPRequestHandler(*arguments, directory=str(folder))  # type: ignore[arg-type]

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.slow
def test_when_rasa_ends_the_page_says_so_and_keeps_the_message(
    trained: Bot, tmp_path: Path, page_python: str, browser: Any
):
    with ExitStack() as page_open, ExitStack() as rasa_open:
        options = ["--enable-api", "--model", trained.archives[-1]]
        url = rasa_open.enter_context(rasa_running(trained, tmp_path / "log", *options))
        page = browser.new_page()
        page.set_default_timeout(180_000)
        page.goto(page_open.enter_context(served(page_python, tmp_path, "--url", url)))
        box = page.get_by_label("Your message")
        box.fill("hello, good day")
        box.press("Enter")
        page.locator("#thought .message").filter(has_text="hello, good day").wait_for()
        assert "(The bot says nothing.)" in page.locator("#chat").inner_text()  # it has no policies
        page.get_by_role("tab", name="List").click()
        page.get_by_label("Messages, one a line").fill("goodbye\nhello")
        rasa_open.close()
        page.get_by_role("button", name="Classify").click()
        told = page.locator("#list-notice [role=alert]")
        told.wait_for()
        assert f"Stopped after 0 of 2 messages, which the table has: no Rasa answers at {url}" in told.inner_text()
        page.get_by_role("tab", name="Chat").click()
        box.fill("are you there")
        box.press("Enter")
        told = page.locator("#chat-notice [role=alert]")
        told.wait_for()
        assert f"no Rasa answers at {url}" in told.inner_text()
        assert "\n" not in told.inner_text()
        assert box.input_value() == "are you there"
        assert "hello, good day" in page.locator("#chat").inner_text()
        page.close()
