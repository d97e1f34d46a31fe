import pytest

from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import OptionsError
from rasa_bert_intent.training.validation import held_out


def message_of(config: dict) -> str:
    with pytest.raises(OptionsError) as caught:
        Options.from_config(config)
    return str(caught.value)


def test_defaults_pass_their_own_checks():
    assert Options.from_config(Options().to_dict()) == Options()


def test_default_config_is_flat():
    assert not any(isinstance(value, (dict, list)) for value in Options().to_dict().values())


def test_epochs_is_a_number_so_that_rasa_can_scale_it():
    assert isinstance(Options().to_dict()["epochs"], int)


def test_all_mistakes_are_told_in_one_line():
    message = message_of({"epoch": 3, "batch_size": 0, "method": "qlora", "label_smoothing": "much"})
    assert message == (
        "4 mistakes in the options of BertIntentClassifier: epoch: unknown option (did you mean 'epochs'?); "
        "batch_size: expected a whole number from 1 to 65536, got 0; "
        "method: expected one of auto, lora, full, head, got 'qlora'; "
        "label_smoothing: expected a number from 0 to below 1, got 'much'."
    )


def test_an_unknown_key_like_no_other_is_to_be_removed():
    assert "zzz: unknown option (remove it)" in message_of({"zzz": 1})


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("learning_rate", "2e-4", 2e-4),
        ("epochs", 2e1, 20),
        ("epochs", "12", 12),
        ("epochs", "2e1", 20),
        ("weight_decay", 0, 0),
        ("class_weights", None, "none"),
        ("device", "cuda:1", "cuda:1"),
        ("num_threads", None, None),
        ("lora_target_modules", ["q_lin", "v_lin"], ["q_lin", "v_lin"]),
        ("encoder", " owner/name ", "owner/name"),
        ("remote_url", "https://host:5056/bots/", "https://host:5056/bots"),
        ("remote_url", "http://[::1]:5056", "http://[::1]:5056"),
    ],
)
def test_values_are_brought_to_their_type(key, value, expected):
    assert getattr(Options.from_config({key: value}), key) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", True),
        ("epochs", 2.5),
        ("epochs", -1),
        pytest.param("epochs", 10**309, id="more than a float holds"),
        ("epochs", "nan"),
        ("epochs", [64, 256]),
        ("learning_rate", float("inf")),
        ("learning_rate", 5),
        ("store_encoder", "yes"),
        ("store_encoder", 1),
        ("device", "gpu"),
        ("device", "cuda:x"),
        ("remote_url", "127.0.0.1:5056"),
        ("remote_url", "ftp://host"),
        ("remote_url", "http://"),
        ("remote_url", "http://host:port"),
        ("remote_url", "http://host:99999"),
        ("remote_url", "http://me:secret@host"),
        ("remote_url", "http://:secret@host"),
        ("remote_url", "http://ho st:5056"),
        ("remote_url", "http://host/?token=secret"),
        ("remote_timeout", 0),
        ("remote_retries", -1),
        ("remote_fallback", "onnx"),
        ("label_smoothing", 1),
        ("lora_alpha", 0),
        ("lora_target_modules", []),
        ("lora_target_modules", "query"),
        ("encoder", ""),
        ("validation_split", 1.0),
        ("evaluate_every_number_of_epochs", -2),
        ("random_seed", None),
    ],
)
def test_wrong_values_are_refused_with_key_and_value(key, value):
    message = message_of({key: value})
    assert message.startswith(f"1 mistake in the options of BertIntentClassifier: {key}: expected ")
    assert message.endswith(f", got {value!r}.")


def test_full_fine_tuning_cannot_leave_its_encoder_out():
    assert "store_encoder: false cannot go with method: full" in message_of({"method": "full", "store_encoder": False})


def test_two_ways_to_hold_out_contradict_each_other():
    assert "give one of them" in message_of({"validation_split": 0.1, "evaluate_on_number_of_examples": 50})


def test_a_revision_of_a_directory_makes_no_sense(tmp_path):
    assert "encoder_revision goes with a hub id" in message_of({"encoder": str(tmp_path), "encoder_revision": "main"})


def test_keys_that_rasa_adds_are_no_mistake():
    assert Options.from_config({"name": "x", "finetuning_epoch_fraction": 0.5}) == Options()


def test_environment_overrides_the_settings_of_the_machine_alone():
    environment = {
        "RASA_BERT_INTENT_DEVICE": "cpu",
        "RASA_BERT_INTENT_NUM_THREADS": "3",
        "RASA_BERT_INTENT_PRECISION": "fp32",
        "RASA_BERT_INTENT_EPOCHS": "99",
    }
    options = Options().with_environment(environment)
    assert (options.device, options.num_threads, options.precision) == ("cpu", 3, "fp32")
    assert options.epochs == Options().epochs


def test_a_wrong_environment_variable_is_named():
    with pytest.raises(OptionsError, match=r"RASA_BERT_INTENT_NUM_THREADS: expected a whole number.*got 'all'"):
        Options().with_environment({"RASA_BERT_INTENT_NUM_THREADS": "all"})


@pytest.mark.parametrize(("examples", "intents", "expected"), [(100, 10, 0), (11514, 60, 576), (500, 10, 25)])
def test_small_data_is_not_held_out_by_default(examples, intents, expected):
    assert held_out(Options(), examples, intents) == expected


def test_what_to_hold_out_can_be_said_as_share_or_number():
    assert held_out(Options(validation_split=0.2), 50, 5) == 10
    assert held_out(Options(evaluate_on_number_of_examples=7), 50, 5) == 7
    assert held_out(Options(evaluate_on_number_of_examples=70), 50, 5) == 50


def test_what_is_left_open_is_taken_from_a_recipe_and_nothing_else():
    recipe = Options(method="lora", classification_head="linear", learning_rate=1e-4, head_learning_rate=1e-3, epochs=3)
    completed = Options(learning_rate=1e-5, contrastive_weight=0.2).completed_by(recipe.to_dict())
    assert (completed.method, completed.classification_head) == ("lora", "linear")
    assert (completed.learning_rate, completed.head_learning_rate) == (1e-5, 1e-3)
    assert (completed.contrastive_weight, completed.epochs) == (0.2, Options().epochs)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"class_weights": "balanced", "balanced_batches": True}, "do the same"),
        ({"unlabelled_texts": "texts.txt"}, "contrastive_stage: unsupervised alone"),
        ({"reinit_layers": 2}, "reinit_layers needs method: full"),
        ({"method": "head", "r_drop": 1}, "r_drop trains the encoder"),
        ({"method": "head", "contrastive_stage": "supervised"}, "contrastive_stage trains the encoder"),
    ],
)
def test_recipes_that_make_no_sense_are_told(config, told):
    with pytest.raises(OptionsError, match=told):
        Options.from_config(config)


def test_every_option_has_a_default_a_check_and_a_meaning():
    for name, default, allowed, meaning in Options.describe():
        assert allowed, name
        assert meaning.endswith("."), name
        assert default == getattr(Options(), name)


def test_who_serves_a_model_is_no_part_of_it():
    asked = Options.from_config({"engine": "remote", "remote_url": "http://host", "remote_retries": 5, "epochs": 3})
    assert asked.without_remote() == Options(epochs=3)
    assert Options(engine="torch").without_remote() == Options(engine="torch")
