"""What is killed, reloaded or stopped in the middle of traffic: every request is counted."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import psutil
import pytest
from remote_server import Server, replace_model, wait_until

from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import ServerError
from rasa_bert_intent.remote import client
from rasa_bert_intent.remote.client import RemoteModel
from rasa_bert_intent.storage import fingerprint

pytestmark = pytest.mark.slow

CLIENTS = 8


class Traffic:
    """Clients that ask one after another, inside a `with` block; each request is counted under what became of it.

    Args:
        ask: Makes a client's function, which makes a request about a text and says what became of it.
        texts: What is asked, in turns.
    """

    def __init__(self, ask: Callable[[], Callable[[str], str]], texts: list[str]) -> None:
        self._make, self._texts = ask, texts
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]
        self._counts = [Counter[str]() for _ in range(CLIENTS)]
        self._begun = [0] * CLIENTS

    def _run(self, number: int) -> None:
        ask = self._make()
        while not self._stop.is_set():
            self._begun[number] += 1
            self._counts[number][ask(self._texts[sum(self._begun) % len(self._texts)])] += 1

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        self.flows(50)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)
        if kind is None:  # each request begun has one end
            assert sum(self._begun) == self.counts.total()

    @property
    def counts(self) -> Counter[str]:
        return sum(self._counts, Counter[str]())

    def flows(self, more: int, of: str | None = None) -> None:
        """Waits for more requests, or more of those with some end."""
        count = lambda: self.counts[of] if of else self.counts.total()  # noqa: E731
        until = count() + more
        wait_until(lambda: count() >= until, f"{more} more requests {of or ''}: {self.counts}")


def plainly(server: Server, model: str | None, intents: dict[str, str]) -> Callable[[], Callable[[str], str]]:
    """Asks without any retry; says the status, or what is wrong."""

    def make() -> Callable[[str], str]:
        connection = server.connect()

        def ask(text: str) -> str:
            connection.request("POST", "/v1/classify", json.dumps({"texts": [text], "model": model}))
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                return f"status {response.status}"
            answer = json.loads(body)
            (row,) = answer["answers"]
            best = max(zip(row["confidences"], answer["labels"], strict=True))[1]
            return answer["model"] if best == intents[text] else "wrong"

        return ask

    return make


def by_client(model: RemoteModel, intents: dict[str, str]) -> Callable[[], Callable[[str], str]]:
    """Asks as bots do; says whether there was an answer."""

    def ask(text: str) -> str:
        try:
            (row,) = model.predict_proba([text])
        except ServerError:
            time.sleep(0.01)
            return "none"
        return "right" if model.labels[row.argmax()] == intents[text] else "wrong"

    return lambda: ask


@pytest.fixture(scope="module")
def intents(models, examples) -> dict[str, str]:
    """The intent that both models give to each text."""
    from rasa_bert_intent import load_to_serve

    rows = [load_to_serve(model).predict_proba(examples[0]).argmax(1) for model in models]
    labels = load_to_serve(models[0]).labels
    same = {text: labels[a] for text, a, b in zip(examples[0], *rows, strict=True) if a == b}
    assert len(same) > 15
    return same


@pytest.fixture(scope="module")
def two_replicas(with_ray, models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server with two replicas, and the folder of its model, which tests replace."""
    folder = tmp_path_factory.mktemp("two")
    replace_model(folder / "model", models[0])
    server = Server.start(folder / "model", folder / "log", "--replicas", "2")
    try:
        yield server, folder / "model"
    finally:
        server.stop()


def all_end(processes: list[psutil.Process]) -> bool:
    """Whether processes end within a minute; who cannot reap them may leave zombies."""
    return wait_until(lambda: not any(map(lives, processes)), "all processes end", 60)


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def replicas(server: Server) -> list[int]:
    return server.processes("ServeReplica")


def test_a_reload_drops_no_request_and_old_bots_get_answers_too(two_replicas, models, intents):
    server, folder = two_replicas
    first, second = map(fingerprint, models)
    before = sorted(replicas(server))
    with (
        Traffic(plainly(server, None, intents), list(intents)) as newest,
        Traffic(plainly(server, first, intents), list(intents)) as old_bots,
    ):
        replace_model(folder, models[1])
        server.process.send_signal(signal.SIGHUP)
        newest.flows(200, of=second)
        old_bots.flows(200)
    print("newest:", newest.counts, "old bots:", old_bots.counts)
    assert set(newest.counts) == {first, second}
    assert set(old_bots.counts) == {first}
    assert sorted(replicas(server)) == before
    assert server.models == [second, first]
    assert "Reloaded: " in server.output


def test_a_damaged_model_is_not_taken_up(two_replicas, intents):
    server, folder = two_replicas
    before = server.models
    (folder / "head.safetensors").write_bytes(b"damaged")
    with Traffic(plainly(server, None, intents), list(intents)) as traffic:
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "Not reloaded" in server.output, "the refusal")
        traffic.flows(50)
    assert "is damaged or was altered" in server.output
    assert set(traffic.counts) == {before[0]}


def test_a_killed_replica_costs_no_message(two_replicas, models, intents, caplog):
    server, _ = two_replicas
    options = Options(engine="remote", remote_url=server.url, remote_retries=3, remote_timeout=60)
    model = RemoteModel.load(models[0], options)
    killed = []
    with Traffic(by_client(model, intents), list(intents)) as traffic:
        for _ in range(2):
            wait_until(lambda: len(replicas(server)) == 2, "two replicas")
            traffic.flows(100)
            killed.append(replicas(server)[0])
            os.kill(killed[-1], signal.SIGKILL)
            traffic.flows(100)
        wait_until(lambda: len(set(replicas(server)) - set(killed)) == 2, "two others")
        traffic.flows(100)
    print(traffic.counts, caplog.text)
    assert set(traffic.counts) == {"right"}


def test_a_killed_server_costs_messages_their_intent_until_it_is_back_and_ctrl_c_leaves_nothing(
    with_ray, models, intents, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(client, "_PROBE_SECONDS", 0.2)
    server = Server.start(models[0], tmp_path / "log")
    model = RemoteModel.load(models[0], Options(engine="remote", remote_url=server.url, remote_timeout=30))
    with Traffic(by_client(model, intents), list(intents)) as traffic:
        processes = [psutil.Process(pid) for pid in server.processes()]
        assert len(processes) > 5
        server.kill()
        traffic.flows(100, of="none")
        assert all_end(processes)
        again = Server.start(models[0], tmp_path / "log of another", port=server.port)
        traffic.flows(100, of="right")
    print(traffic.counts)
    assert set(traffic.counts) == {"right", "none"}
    lines = [record.getMessage() for record in caplog.records if record.name == client.__name__]
    seconds = caplog.records[-1].created - caplog.records[0].created
    assert 2 <= len(lines) <= 3 + seconds / 60
    assert "cannot be reached" in lines[0] or "status 5" in lines[0]
    assert "answers again" in lines[-1]

    processes = [psutil.Process(pid) for pid in again.processes()]
    folder = next(
        Path(word) for word in processes[0].cmdline() for word in [word.split("=")[-1]] if "/tmp/rbi-" in word
    )
    assert again.stop() == 0
    assert all_end(processes)
    assert not Path(*folder.parts[:3]).exists()
    assert "Traceback" not in again.output


@pytest.mark.parametrize("part", ["raylet/raylet", "gcs/gcs_server"])
def test_a_server_whose_ray_is_killed_ends_so_that_somebody_starts_it_again(with_ray, models, tmp_path, part):
    server = Server.start(models[0], tmp_path / "log")
    processes = [psutil.Process(pid) for pid in server.processes()]
    os.kill(server.processes(part)[0], signal.SIGKILL)
    assert server.process.wait(120) != 0
    assert all_end(processes)
