"""A training that is stopped leaves the models as they were."""

import signal
import subprocess
from pathlib import Path

import pytest
from bot import Bot, checksum, intent_of, rasa_bert_intent, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def bot(trained: Bot, tmp_path: Path) -> Bot:
    """A trained bot that is about to be trained anew, for hours."""
    return trained.copy(tmp_path).write({"min_steps": 1_000_000})


def _stop(bot: Bot, how: signal.Signals, log: Path) -> subprocess.Popen[bytes]:
    """Starts training and stops it in its midst."""
    process = bot.start("train", "nlu", log=log)
    try:
        wait_for(lambda: "step/s" in log.read_text("utf-8", errors="replace"), process, log)
        process.send_signal(how)
        process.wait(120)
    finally:
        process.kill()
        process.wait()
    return process


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_stopped_training_leaves_the_former_model_whole(how: signal.Signals, bot: Bot, tmp_path: Path):
    before = {path.name: checksum(path) for path in bot.archives}
    process = _stop(bot, how, tmp_path / "log")
    assert process.returncode != 0
    assert {path.name: checksum(path) for path in (bot.folder / "models").iterdir()} == before
    result = rasa_bert_intent("predict", bot.folder / "models", "hello, good day")
    assert [intent_of(row) for row in result.parses] == ["greet"]


def test_interrupt_is_told_without_a_traceback(bot: Bot, tmp_path: Path):
    _stop(bot, signal.SIGINT, tmp_path / "log")
    assert "Traceback" not in (tmp_path / "log").read_text("utf-8")
