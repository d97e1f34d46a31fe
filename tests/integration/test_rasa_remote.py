"""`engine: remote` under the real commands: a bot trained, served and asked through Rasa."""

import json
import sys
import urllib.request
from pathlib import Path

import pytest
from bot import UNSEEN, Bot, intent_of, wait_for
from ports import free_port

sys.path.insert(0, str(Path(__file__).parents[1] / "remote"))
from remote_server import TOKEN, Server

pytestmark = pytest.mark.slow


def test_a_bot_asks_a_server_falls_back_without_it_and_goes_on(trained: Bot, answers, tmp_path: Path):
    pytest.importorskip("ray", reason="needs Ray Serve: pip install 'rasa-bert-intent[serve]'")
    bot = trained.copy(tmp_path)
    server = Server.start(bot.folder / "models", tmp_path / "server log", token=TOKEN)
    port = free_port()
    asks = {"RASA_BERT_INTENT_ENGINE": "remote", "RASA_BERT_INTENT_REMOTE_URL": server.url}
    options = ["--enable-api", "--interface", "127.0.0.1", "--port", port, "--model", bot.archives[-1]]
    log = tmp_path / "rasa log"
    process = bot.start("run", *options, log=log, RASA_BERT_INTENT_TOKEN=TOKEN, **asks)

    def parse(text: str) -> dict:
        body = json.dumps({"text": text}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/model/parse", body)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read())

    def listens() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5):
                return True
        except OSError:
            return False

    try:
        wait_for(listens, process, log)
        for expected in answers:
            row = parse(expected["text"])
            assert intent_of(row) == intent_of(expected)
            assert row["intent"]["confidence"] == pytest.approx(expected["intent"]["confidence"], abs=0.02)
            assert len(row["intent_ranking"]) == len(expected["intent_ranking"])
        server.kill()
        text = next(iter(UNSEEN))
        row = parse(text)
        assert (row["intent"], row["intent_ranking"]) == ({"name": None, "confidence": 0.0}, [])
        server = Server.start(bot.folder / "models", tmp_path / "another log", port=server.port, token=TOKEN)
        wait_for(lambda: intent_of(parse(text)) == intent_of(answers[0]), process, log)
    finally:
        process.terminate()
        process.wait(60)
        server.stop()
    told = [line for line in log.read_text("utf-8").splitlines() if server.url in line]
    assert "gives no answer, and messages get no intent" in told[0]
    assert "answers again" in told[-1]
    assert TOKEN not in log.read_text("utf-8")
