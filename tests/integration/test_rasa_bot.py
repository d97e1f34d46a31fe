"""A whole bot: our component beside Rasa's own, with rules, replies, retrieval intents and a fallback."""

import pytest
from bot import NLU, Bot
from ports import free_port
from terminal import rasa_at_terminal

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
    talk = {
        "hello there": "utter_greet",
        "what is your name": "utter_faq/ask_name",
        "when are you open": "utter_faq/ask_hours",
        "qzx wvut jkp 77 #%": "utter_default",
        "bye bye": "utter_bye",
    }
    with rasa_at_terminal(whole, "shell", "--port", str(free_port())) as terminal:
        terminal.expect("Bot loaded")
        for message, reply in talk.items():
            terminal.expect("Your input ->")
            terminal.send(message + "\r")
            terminal.expect(REPLIES[reply])
        terminal.expect("Your input ->")
        terminal.send("/stop\r")
        assert terminal.status() == 0, terminal.text
    said = [line.strip() for line in terminal.text.splitlines() if line.strip() in REPLIES.values()]
    assert said == [REPLIES[reply] for reply in talk.values()]


def test_interactive_learning_shows_our_intent_and_can_be_left(whole: Bot):
    model = str(whole.archives[-1])
    with rasa_at_terminal(
        whole, "interactive", "--skip-visualization", "--port", str(free_port()), "--model", model
    ) as terminal:
        terminal.expect("Your input ->")
        terminal.send("hello there\r")
        terminal.expect("with intent 'greet'")
        terminal.send("\x03")
        terminal.expect("Do you want to stop?")
        terminal.send("\x1b[A")  # up: from the first choice to the last, which is to export and quit
        terminal.send("\r")
        for _ in ("stories", "nlu", "domain"):
            terminal.expect("Export ")
            terminal.send("\r")
        assert terminal.status() == 0, terminal.text
