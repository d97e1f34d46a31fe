"""What is searched, and what its points set."""

import optuna
import pytest

from rasa_bert_intent.errors import OptionsError
from rasa_bert_intent.tuning.space import PARAMETERS, Space, space_of


def names(space: Space) -> set[str]:
    return {parameter.name for parameter in space.parameters}


def moved(space: Space, **point: object) -> dict[str, object]:
    return space.changes({**space.defaults, **point})


def test_the_defaults_change_nothing_with_few_and_with_many_examples():
    for examples in (50, 5000):
        space = space_of({}, [], examples, 10)
        assert space.changes(space.defaults) == {}


def test_options_of_the_config_stay_unless_they_are_named():
    assert "lora_r" in names(space_of({}, [], 100, 10))
    assert "lora_r" not in names(space_of({"lora_alpha": 8}, [], 100, 10))
    assert names(space_of({"lora_r": 8, "epochs": 2}, ["lora_r"], 100, 10)) == {"lora_r"}


def test_numbers_are_searched_around_what_they_would_be():
    space = space_of({"lora_r": 8, "learning_rate": 1e-4}, ["lora_r", "learning_rate"], 100, 10)
    assert moved(space, lora_r=-2, learning_rate=2.0) == {"lora_r": 2, "lora_alpha": 8, "learning_rate": 4e-4}


def test_a_rate_is_searched_around_the_one_of_its_method():
    space = space_of({}, [], 100, 10)
    assert moved(space, learning_rate=1.0)["learning_rate"] == pytest.approx(2e-3)
    assert moved(space, learning_rate=1.0, method="full") == {"method": "full", "learning_rate": pytest.approx(2e-4)}


def test_lora_is_not_set_where_it_is_not_used():
    assert moved(space_of({}, [], 100, 10), method="full", lora_r=1) == {"method": "full"}


def test_longer_training_is_longer_on_small_data_too():
    assert moved(space_of({}, [], 100, 10), epochs=1.0) == {"epochs": 10, "min_steps": 400}


def test_none_at_all_stays_none():
    space = space_of({"min_steps": 0}, ["epochs"], 100, 10)
    changes = moved(space, epochs=1.0)
    assert changes == {"epochs": 10, "min_steps": 0}
    assert isinstance(changes["min_steps"], int)
    space = space_of({"learning_rate": 0.0, "head_learning_rate": 0.0}, ["learning_rate"], 100, 10)
    assert set(moved(space, learning_rate=1.0).values()) == {0.0}


@pytest.mark.parametrize(
    ("config", "point", "expected"),
    [
        ({"lora_r": 512}, {"lora_r": 2}, {"lora_r": 1024, "lora_alpha": 64}),
        ({"lora_r": 16, "lora_alpha": 2048.0}, {"lora_r": 2}, {"lora_r": 32, "lora_alpha": 4096}),
        ({"learning_rate": 0.4}, {"learning_rate": 2.0}, {"learning_rate": 1}),
        ({"epochs": 80_000, "min_steps": 10}, {"epochs": 1.0}, {"epochs": 100_000, "min_steps": 12}),
        ({"batch_size": 65_536}, {"batch_size": 1}, {"batch_size": 65_536}),
    ],
)
def test_a_multiple_is_no_more_than_the_option_may_be(
    config: dict[str, float], point: dict[str, float], expected: dict[str, float]
):
    space = space_of(config, list(point), 100, 10)
    changes = moved(space, **point)
    assert changes == expected
    space.options(changes)


def test_with_a_head_alone_what_trains_the_encoder_is_not_searched():
    found = names(space_of({"method": "head"}, [], 100, 10))
    assert found == {"classification_head", "head_learning_rate", "epochs", "label_smoothing", "ngram_weight"}


def test_values_that_contradict_the_config_are_left_out():
    assert "method" not in names(space_of({"store_encoder": False}, [], 100, 10))
    assert "classification_head" not in names(space_of({"adapter": "some/adapter"}, [], 100, 10))


def test_every_point_gives_options_that_are_allowed():
    space = space_of({}, [parameter.name for parameter in PARAMETERS], 100, 10)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    seen: set[str] = set()
    for _ in range(200):
        changes = space.changes(space.suggest(study.ask()))
        space.options(changes)
        seen |= set(changes)
    assert seen == {name for parameter in PARAMETERS for name in (parameter.name, *parameter.along)}


def test_the_users_own_value_is_a_point_even_if_none_of_ours():
    space = space_of({"ngram_weight": 0.7}, ["ngram_weight"], 100, 10)
    assert space.defaults == {"ngram_weight": 0.7}
    assert moved(space, ngram_weight=0.0) == {"ngram_weight": 0.0}


@pytest.mark.parametrize(
    ("config", "options", "told"),
    [
        ({}, ["lora_rank"], "--options: 'lora_rank' is not searched. Name some of method, classification_head"),
        ({"method": "full"}, ["lora_r"], "--options: lora_r has no other value"),
        ({"store_encoder": False}, ["method"], "--options: method has no other value"),
        ({"epochs": 0}, [], "epochs: 0 trains nothing"),
        ({"lora_r": "many"}, [], "lora_r: expected a whole number"),
    ],
)
def test_what_cannot_be_searched_is_told(config: dict[str, object], options: list[str], told: str):
    with pytest.raises(OptionsError) as error:
        space_of(config, options, 100, 10)
    assert told in str(error.value)


def test_a_config_that_sets_everything_is_told():
    config = {
        "method": "full",
        "classification_head": "linear",
        "learning_rate": 1e-4,
        "head_learning_rate": 1e-3,
        "epochs": 4,
        "label_smoothing": 0.1,
        "contrastive_weight": 0.1,
        "layer_lr_decay": 0.9,
        "ngram_weight": 0.3,
    }
    with pytest.raises(OptionsError, match="there is nothing to search"):
        space_of(config, [], 100, 10)
