"""The action server runs as long as what started it, and says in a line why it cannot."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from ports import free_port

pytest.importorskip("rasa_sdk", reason="needs Rasa 3.6")

import action_server
from servers import ServerStartError

EXAMPLE_BOT = Path(__file__).parents[2] / "example_bot"

# Starts the server, says where it is, and goes on until it is stopped.
STARTER = """
import time
import action_server
from servers import ServerStartError
with action_server.running() as url:
    print(url, flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_BOT_DATABASE", str(tmp_path / "state.db"))
    monkeypatch.delenv("EXAMPLE_BOT_ACTION_PORT", raising=False)


def _answers(url: str) -> bool:
    try:
        with urlopen(url.replace("webhook", "actions"), timeout=10) as reply:
            return "action_alarm_set" in {action["name"] for action in json.load(reply)}
    except OSError:  # refused, or reset in the midst
        return False


def _wait_until_gone(url: str) -> None:
    deadline = time.monotonic() + 20
    while _answers(url):
        assert time.monotonic() < deadline, f"{url} still answers"
        time.sleep(0.1)


def test_it_serves_the_actions_within_the_block_and_not_after():
    with action_server.running() as url:
        assert _answers(url)
    assert not _answers(url)


def test_it_is_stopped_when_the_block_fails():
    with pytest.raises(RuntimeError), action_server.running() as url:
        raise RuntimeError
    assert not _answers(url)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_what_started_it(how: signal.Signals):
    with subprocess.Popen(
        [sys.executable, "-c", STARTER],
        cwd=EXAMPLE_BOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as starter:
        try:
            url = starter.stdout.readline().strip()
            assert _answers(url)
            starter.send_signal(how)
            starter.wait(30)
            _wait_until_gone(url)
        finally:
            starter.kill()


def test_the_port_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    port = free_port()
    monkeypatch.setenv("EXAMPLE_BOT_ACTION_PORT", str(port))
    with action_server.running() as url:
        assert url == f"http://127.0.0.1:{port}/webhook"
        assert _answers(url)


def test_a_port_in_use_is_told_and_what_uses_it_goes_on(monkeypatch: pytest.MonkeyPatch):
    with action_server.running() as url:
        port = url.split(":")[2].split("/")[0]
        monkeypatch.setenv("EXAMPLE_BOT_ACTION_PORT", port)
        with pytest.raises(ServerStartError) as told, action_server.running():
            pass
        assert str(told.value) == (
            f"port {port} cannot be used (Address already in use): "
            "set EXAMPLE_BOT_ACTION_PORT to another one, or to 0 for a free one"
        )
        assert _answers(url)


@pytest.mark.parametrize("port", ["eighty", "70000", "-1"])
def test_what_is_no_port_is_told(port: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXAMPLE_BOT_ACTION_PORT", port)
    told = f"'{port}': give a number from 0 to 65535"
    with pytest.raises(ServerStartError, match=told), action_server.running():
        pass


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("EXAMPLE_BOT_TIME_ZONE", "Mars/Olympus", "EXAMPLE_BOT_TIME_ZONE is 'Mars/Olympus': give a name such as"),
        ("EXAMPLE_BOT_TIME_ZONE", "Europe", "EXAMPLE_BOT_TIME_ZONE is 'Europe': give a name such as"),
        ("EXAMPLE_BOT_NOW", "2026-11-20T10:00+05:00", "EXAMPLE_BOT_NOW is '2026-11-20T10:00+05:00': give a time such"),
        ("EXAMPLE_BOT_NOW", "soon", "EXAMPLE_BOT_NOW is 'soon': give a time such as 2026-11-20T10:00"),
        ("EXAMPLE_BOT_DATABASE", "/nowhere/state.db", "cannot use the database /nowhere/state.db: unable to open"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told(name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(ServerStartError) as error, action_server.running():
        pass
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_database_is_told_and_left_as_it_is(tmp_path: Path):
    file = Path(os.environ["EXAMPLE_BOT_DATABASE"])
    file.write_text("Dear diary, today nothing happened. " * 100)
    before = file.read_bytes()
    told = r"state\.db: file is not a database"
    with pytest.raises(ServerStartError, match=told), action_server.running():
        pass
    assert file.read_bytes() == before
