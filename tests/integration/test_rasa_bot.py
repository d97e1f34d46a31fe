"""A whole bot: our component beside Rasa's own, with rules, replies, retrieval intents and a fallback."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest
from bot import NLU, Bot, environment, free_port

pytestmark = pytest.mark.slow

FAQ = {
    "faq/ask_name": ["what is your name", "who are you", "tell me your name", "your name please", "how are you called"],
    "faq/ask_hours": ["when are you open", "opening hours please", "at what time do you open", "are you open today"],
}
REPLIES = {
    "utter_greet": "Welcome!",
    "utter_bye": "Farewell!",
    "utter_default": "I did not get that.",
    "utter_faq/ask_name": "My name is Tin.",
    "utter_faq/ask_hours": "From nine to five.",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    """A trained bot with a tokenizer, an entity extractor, a response selector and a fallback."""
    before = [
        {"name": "WhitespaceTokenizer"},
        {"name": "CRFEntityExtractor", "max_iterations": 20},
        {"name": "CountVectorsFeaturizer"},
    ]
    after = [
        {"name": "ResponseSelector", "epochs": 30, "retrieval_intent": "faq"},
        {"name": "FallbackClassifier", "threshold": 0.6, "ambiguity_threshold": 0.0},
    ]
    bot = Bot(tmp_path_factory.mktemp("whole"))
    bot.write({"min_steps": 60}, {**NLU, **FAQ}, before, after, policies=[{"name": "RulePolicy"}])
    bot.write_yaml(
        "domain.yml",
        {
            "version": "3.1",
            "intents": [*NLU, "faq"],
            "entities": ["genre", "room"],
            "responses": {name: [{"text": text}] for name, text in REPLIES.items()},
            "session_config": {"session_expiration_time": 60, "carry_over_slots_to_new_session": True},
        },
    )
    rules = {"greet": "utter_greet", "bye": "utter_bye", "faq": "utter_faq", "nlu_fallback": "utter_default"}
    rules |= {"play_music": "utter_greet", "lights_off": "utter_greet"}
    bot.write_yaml(
        "data/rules.yml",
        {
            "version": "3.1",
            "rules": [
                {"rule": f"answer {intent}", "steps": [{"intent": intent}, {"action": action}]}
                for intent, action in rules.items()
            ],
        },
    )
    result = bot.rasa("train")
    assert result.status == 0, result.output
    assert {"BertIntentClassifier", "CRFEntityExtractor", "ResponseSelector"} <= set(result.components_trained)
    return bot


def test_data_of_the_bot_is_valid(whole: Bot):
    result = whole.rasa("data", "validate", "--fail-on-warnings")
    assert result.status == 0, result.output
    assert "Story structure validation" in result.output or "No story structure conflicts found" in result.output


def test_retrieval_intents_are_one_intent_to_the_classifier(whole: Bot):
    assert whole.manifest["labels"] == sorted([*NLU, "faq"])


def test_shell_replies_by_rule_and_falls_back_on_gibberish(whole: Bot):
    said = "hello there\nwhat is your name\nwhen are you open\nqzx wvut jkp 77 #%\nbye bye\n/stop\n"
    result = whole.rasa("shell", "--port", free_port(), stdin=said)
    replies = [line.strip() for line in result.stdout.splitlines() if line.strip() in REPLIES.values()]
    expected = ["utter_greet", "utter_faq/ask_name", "utter_faq/ask_hours", "utter_default", "utter_bye"]
    assert replies == [REPLIES[name] for name in expected], result.output


def test_interactive_learning_shows_our_intent_and_can_be_left(whole: Bot):
    outer, inner = pty.openpty()
    options = ["--skip-visualization", "--model", str(whole.archives[-1])]
    process = subprocess.Popen(
        [sys.executable, "-m", "rasa", "interactive", *options],
        cwd=whole.folder,
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env=environment(TERM="xterm"),
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(inner)
    screen = _Screen(outer, process)
    try:
        screen.expect("Your input ->")
        screen.send("hello there\r")
        screen.expect("with intent 'greet'")
        screen.send("\x03")
        screen.expect("Do you want to stop")
        screen.send("\x1b[A")  # up: from the first choice to the last
        screen.send("\r")
        for _ in ("stories", "nlu", "domain"):
            screen.expect("Export")
            screen.send("\r")
        screen.drain(60)
        assert process.wait(60) == 0, screen.text
    finally:
        process.kill()
        process.wait()
        os.close(outer)


class _Screen:
    """What a process writes to a terminal."""

    def __init__(self, terminal: int, process: subprocess.Popen[bytes]) -> None:
        self.terminal = terminal
        self.process = process
        self.text = ""
        self.read_to = 0

    def send(self, keys: str) -> None:
        os.write(self.terminal, keys.encode())

    def expect(self, words: str, seconds: float = 180) -> None:
        """Waits until the words were written after those last waited for."""
        deadline = time.monotonic() + seconds
        while (found := self.text.find(words, self.read_to)) < 0:
            assert time.monotonic() < deadline, self.text
            assert self._read(), self.text
        self.read_to = found + len(words)

    def drain(self, seconds: float) -> None:
        """Reads until the process closes the terminal."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._read():
            pass

    def _read(self) -> bool:
        if not select.select([self.terminal], [], [], 0.5)[0]:
            return True
        try:
            written = os.read(self.terminal, 65536).decode("utf-8", "replace")
        except OSError:  # Linux: the other side was closed
            return False
        self.text += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written)
        return bool(written)
