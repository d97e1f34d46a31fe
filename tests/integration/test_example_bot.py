"""The example bot on its own data: conversations, by rule and to the letter, and messages that mean nothing to it."""

import re
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from bot import Bot, Result, run
from ports import free_port
from terminal import at_terminal

pytest.importorskip("dateparser", reason="needs the extra 'bot'")
pytestmark = pytest.mark.slow

EXAMPLE_BOT = Path(__file__).parents[2] / "example_bot"

REFUSED = ("nlu_fallback", "out_of_scope")
NONSENSE = [
    "asdf",
    "qwertz uiop",
    "xkcd zzgh 99 !!",
    "????",
    "7 7 7 7",
    "lorem ipsum dolor sit amet consectetur",
    "blargh snorf wibble",
    "können sie mir bitte sagen wo der nächste bahnhof ist",
    "je ne comprends pas ce que vous dites",
    "mi hermana vive en una casa cerca del mar",
    "bu akşam hava çok güzel ama yorgunum",
    "minä en tiedä mitä tämä tarkoittaa",
    "今日はとても疲れました",
    "Ich spiele am Wochenende gern Fußball",
    '{"status": 500, "error": "null reference", "trace": [1, 2, 3]}',
    "SELECT name FROM users WHERE id = 4;",
    "...",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "the mitochondria produces most of the energy that the cell needs and hands its own small genome on",
    "The committee met in the old town hall to discuss the minutes of its previous session. After a long debate about "
    "the wording of the third paragraph, the treasurer read out the accounts for the past year, which were approved "
    "with two abstentions. The chair thanked the members for their patience and closed the meeting before midnight.",
]


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    """The example bot, trained."""
    folder = tmp_path_factory.mktemp("example") / "bot"
    shutil.copytree(EXAMPLE_BOT, folder, ignore=shutil.ignore_patterns("models", ".rasa", "results", "state.db*"))
    bot = Bot(folder)
    result = bot.rasa("train", "--data", "data", timeout=3600)
    assert result.status == 0, result.output
    return bot


def test_every_conversation_passes(bot: Bot):
    result = bot.rasa("test", "core", "--stories", "tests", "--fail-on-prediction-errors", timeout=1200)
    assert result.status == 0, result.output


def chat(bot: Bot, *messages: str, database: Path, **env: str) -> Result:
    """What `make bot` says to messages from a pipe, on a Friday at ten in London."""
    fixed = {"EXAMPLE_BOT_NOW": "2026-11-20T10:00", "EXAMPLE_BOT_TIME_ZONE": "Europe/London"}
    stdin = "".join(f"{message}\n" for message in messages)
    python = [sys.executable, "chat.py"]
    return run(python, bot.folder, stdin, EXAMPLE_BOT_DATABASE=str(database), **fixed, **env)


def test_every_dialogue_is_answered_to_the_letter(bot: Bot, tmp_path: Path):
    dialogues = (EXAMPLE_BOT / "tests" / "dialogues.txt").read_text("utf-8").split("\n# ")[1:]
    assert len(dialogues) >= 25
    # The first line is the title; Rasa forgets a conversation at "/restart", and says nothing to it.
    expected = "\n".join("You: /restart\n" + dialogue.split("\n", 1)[1].strip() for dialogue in dialogues)
    result = chat(bot, *re.findall("^You: (.*)$", expected, re.MULTILINE), database=tmp_path / "state.db")
    assert result.stdout.splitlines() == expected.splitlines(), result.stderr


def test_what_is_stored_survives_a_restart(bot: Bot, tmp_path: Path):
    database = tmp_path / "state.db"
    chat(bot, "wake me up at nine am on friday", "turn on the kitchen lights", database=database)
    asked = ("which alarms do i have", "are the kitchen lights on", "/stop", "hello")
    result = chat(bot, *asked, database=database)
    assert "Bot: Your alarms: Friday 27 November, 09:00." in result.stdout, result.output
    assert "Bot: The kitchen light is on, white, 100 %." in result.stdout
    assert "You: hello" not in result.stdout


def test_a_port_in_use_is_told_in_one_line(bot: Bot, tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = chat(bot, "hello", database=tmp_path / "state.db", EXAMPLE_BOT_ACTION_PORT=port)
    assert result.status == 1
    assert result.stdout == ""
    result.told_in_one_line(f"error: port {port} cannot be used (Address already in use)", "EXAMPLE_BOT_ACTION_PORT")


def test_a_chat_at_a_terminal_and_the_action_server_end_with_ctrl_c(bot: Bot, tmp_path: Path):
    port, database = str(free_port()), str(tmp_path / "state.db")
    with at_terminal(
        bot,
        "chat.py",
        EXAMPLE_BOT_ACTION_PORT=port,
        EXAMPLE_BOT_DATABASE=database,
        EXAMPLE_BOT_NOW="2026-11-20T10:00",
        EXAMPLE_BOT_TIME_ZONE="Europe/London",
    ) as terminal:
        terminal.expect("Your input ->")
        terminal.send("set an alarm please\r")
        terminal.expect("For when shall I set the alarm?")
        terminal.expect("Your input ->")
        terminal.send("tomorrow at seven\r")
        terminal.expect("Alarm set for tomorrow, Saturday 21 November, 07:00.")
        terminal.expect("Your input ->")
        with socket.create_connection(("127.0.0.1", int(port))):
            pass
        terminal.send("\x03")
        terminal.status()
        assert "Traceback" not in terminal.text
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port))).close()


def test_the_page_its_rasa_and_the_actions_start_together_and_end_with_ctrl_c(
    bot: Bot, tmp_path: Path, page_python: str, browser: Any
):
    ports = {name: str(free_port()) for name in ("WEB", "RASA", "ACTION")}
    with at_terminal(
        bot,
        "web.py",
        EXAMPLE_BOT_WEB_PYTHON=page_python,
        EXAMPLE_BOT_DATABASE=str(tmp_path / "state.db"),
        EXAMPLE_BOT_NOW="2026-11-20T10:00",
        EXAMPLE_BOT_TIME_ZONE="Europe/London",
        **{f"EXAMPLE_BOT_{name}_PORT": port for name, port in ports.items()},
    ) as terminal:
        terminal.expect(f"open http://127.0.0.1:{ports['WEB']} in a browser")
        page = browser.new_page()
        page.set_default_timeout(180_000)
        page.goto(f"http://127.0.0.1:{ports['WEB']}")
        box = page.get_by_label("Your message")
        box.fill("wake me up at nine am on friday")
        box.press("Enter")
        page.locator("#chat").get_by_text("Alarm set for Friday 27 November, 09:00.").wait_for()
        assert "alarm_set" in page.locator("#thought").inner_text()
        page.close()
        terminal.send("\x03")
        assert terminal.status() == 0
        assert "Traceback" not in terminal.text
    for port in ports.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port))).close()


def test_nonsense_falls_back(bot: Bot):
    """Refused by FallbackClassifier, or known as out of scope."""
    taken = {row["text"]: row["intent"] for row in bot.parse(*NONSENSE)}
    answered = {text: intent for text, intent in taken.items() if intent["name"] not in REFUSED}
    assert not answered
