"""By what Rasa's cache knows a training again, and what is told before anything is trained."""

import json

import pytest
from adapters import LABELS, publish
from encoders import make_encoder

pytest.importorskip("rasa", reason="Rasa needs Python 3.10")

from rasa.engine.training.fingerprinting import calculate_fingerprint_key
from rasa.shared.exceptions import InvalidConfigException, RasaException

from rasa_bert_intent import BertIntentClassifier


def test_mistakes_in_the_options_show_before_anything_is_trained(config):
    with pytest.raises(InvalidConfigException, match="did you mean 'epochs'"):
        calculate_fingerprint_key(BertIntentClassifier, {**config, "epoch": 3}, {})


def test_more_tokens_than_the_encoder_reads_show_before_anything_is_trained(config):
    with pytest.raises(InvalidConfigException, match=r"max_length: .* reads at most 66 tokens, got 100"):
        calculate_fingerprint_key(BertIntentClassifier, {**config, "max_length": 100}, {})


def test_what_the_system_says_of_a_file_is_rasas_own_error(config, monkeypatch):
    def locked(*paths):
        raise PermissionError(13, "Permission denied", "/encoder/model.safetensors")

    monkeypatch.setattr("rasa_bert_intent.encoder.file_checksum", locked)
    with pytest.raises(RasaException, match=r"^/encoder/model\.safetensors: Permission denied\. Check the path"):
        calculate_fingerprint_key(BertIntentClassifier, config, {})


def test_the_cache_key_follows_the_content_of_a_local_encoder(config, tmp_path):
    local = {**config, "encoder": str(make_encoder(tmp_path / "encoder", seed=1))}
    first = calculate_fingerprint_key(BertIntentClassifier, local, {})
    assert calculate_fingerprint_key(BertIntentClassifier, local, {}) == first
    make_encoder(tmp_path / "encoder", seed=2)
    assert calculate_fingerprint_key(BertIntentClassifier, local, {}) != first


@pytest.mark.parametrize(("name", "value"), [("__version__", "99"), ("FORMAT", 99)])
def test_the_cache_key_follows_our_version_and_format(name, value, config, monkeypatch):
    first = calculate_fingerprint_key(BertIntentClassifier, config, {})
    monkeypatch.setattr(f"rasa_bert_intent.reuse.{name}", value)
    assert calculate_fingerprint_key(BertIntentClassifier, config, {}) != first


@pytest.mark.parametrize(("name", "value"), [("ENGINE", "torch"), ("PRECISION", "fp32")])
def test_the_cache_key_follows_what_the_environment_changes_in_training(name, value, config, monkeypatch):
    first = calculate_fingerprint_key(BertIntentClassifier, config, {})
    monkeypatch.setenv(f"RASA_BERT_INTENT_{name}", value)
    assert calculate_fingerprint_key(BertIntentClassifier, config, {}) != first


def test_the_cache_key_minds_no_environment_that_changes_serving_alone(config, monkeypatch):
    first = calculate_fingerprint_key(BertIntentClassifier, config, {})
    changes = {"ENGINE": "remote", "REMOTE_URL": "http://127.0.0.1:5056", "NUM_THREADS": "3"}
    for name, value in changes.items():
        monkeypatch.setenv(f"RASA_BERT_INTENT_{name}", value)
    assert calculate_fingerprint_key(BertIntentClassifier, config, {}) == first


def test_mistakes_in_the_environment_show_before_anything_is_trained(config, monkeypatch):
    monkeypatch.setenv("RASA_BERT_INTENT_NUM_THREADS", "abc")
    with pytest.raises(InvalidConfigException, match=r"RASA_BERT_INTENT_NUM_THREADS: expected .* got 'abc'"):
        calculate_fingerprint_key(BertIntentClassifier, config, {})


def test_a_device_that_is_not_there_shows_before_anything_is_trained(config):
    with pytest.raises(InvalidConfigException, match="device: 'cuda:99' was asked for"):
        calculate_fingerprint_key(BertIntentClassifier, {**config, "device": "cuda:99"}, {})


def test_finetuning_is_never_answered_from_the_cache(config):
    finetuning = {**config, "finetuning_epoch_fraction": 1.0}
    keys = {calculate_fingerprint_key(BertIntentClassifier, finetuning, {}) for _ in range(2)}
    assert len(keys) == 2


def test_a_changed_order_of_an_adapters_intents_trains_again(config, tiny_encoder, tmp_path):
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps(LABELS))
    adapter = publish(tmp_path / "adapter", tiny_encoder)
    config = {**config, "pooling": "auto", "adapter": str(adapter), "adapter_labels": str(labels)}
    first = calculate_fingerprint_key(BertIntentClassifier, config, {})
    assert calculate_fingerprint_key(BertIntentClassifier, config, {}) == first
    labels.write_text(json.dumps(LABELS[::-1]))
    assert calculate_fingerprint_key(BertIntentClassifier, config, {}) != first
    labels.unlink()
    with pytest.raises(RasaException, match=r"adapter_labels: the file .*labels\.json' does not exist"):
        calculate_fingerprint_key(BertIntentClassifier, config, {})


def test_the_cache_is_asked_with_a_mapping_that_is_not_ours():
    assert BertIntentClassifier.fingerprint_addon({"output": object()}) is None
