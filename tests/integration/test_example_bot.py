"""The example bot on its own data: conversations, and what it does with messages that mean nothing to it."""

import shutil
from pathlib import Path

import pytest
from bot import Bot

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
    shutil.copytree(EXAMPLE_BOT, folder, ignore=shutil.ignore_patterns("models", ".rasa", "results"))
    bot = Bot(folder)
    result = bot.rasa("train", "--data", "data", timeout=3600)
    assert result.status == 0, result.output
    return bot


def test_every_conversation_passes(bot: Bot):
    result = bot.rasa("test", "core", "--stories", "tests", "--fail-on-prediction-errors", timeout=1200)
    assert result.status == 0, result.output


def test_nonsense_falls_back(bot: Bot):
    """Refused by FallbackClassifier, or known as out of scope."""
    taken = {row["text"]: row["intent"] for row in bot.parse(*NONSENSE)}
    answered = {text: intent for text, intent in taken.items() if intent["name"] not in REFUSED}
    assert not answered
