import json
from pathlib import Path

import pytest
import torch
from adapters import LABELS, as_published, publish
from encoders import FAMILIES, make_encoder

from rasa_bert_intent.errors import EncoderError
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.network import IntentNetwork
from rasa_bert_intent.scope import Energy
from rasa_bert_intent.training import scope
from rasa_bert_intent.training.adapter import network_with_adapter
from rasa_bert_intent.training.fit import fit


@pytest.fixture
def labels(tmp_path) -> str:
    """A file with the adapter's intents."""
    file = tmp_path / "labels.json"
    file.write_text(json.dumps(LABELS))
    return str(file)


@pytest.fixture
def adapter(tmp_path, tiny_encoder) -> Path:
    return publish(tmp_path / "adapter", tiny_encoder)


def logits(network: IntentNetwork, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return network.eval()(ids, mask)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_published_adapter_answers_as_in_plain_peft(family, tmp_path, labels):
    encoder = make_encoder(tmp_path / "encoder", family)
    adapter = publish(tmp_path / "adapter", encoder, family)
    network, found = network_with_adapter(str(adapter), labels, encoder, str(encoder))
    ids, mask = torch.tensor([[2, 7, 9, 3], [2, 8, 3, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    torch.testing.assert_close(logits(network, ids, mask), as_published(adapter, encoder, ids, mask))
    assert found == LABELS


def test_it_is_served_as_it_is(adapter, tiny_encoder, labels, options, examples, tmp_path):
    model = fit(*examples, options(pooling="auto", adapter=str(adapter), adapter_labels=labels, epochs=0))
    model.save(tmp_path / "model")
    ids = torch.tensor([model.tokenizer("play some jazz")["input_ids"]])
    served = IntentModel.load(tmp_path / "model")
    assert served.labels == LABELS
    expected = as_published(adapter, tiny_encoder, ids, torch.ones_like(ids)).softmax(dim=-1).numpy()
    assert served.predict_proba(["play some jazz"]) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("method", ["lora", "full", "head"])
def test_it_is_trained_on(method, adapter, labels, options, examples, tmp_path):
    settings = {"pooling": "auto", "adapter": str(adapter), "adapter_labels": labels, "method": method}
    before = fit(*examples, options(**settings, epochs=0)).predict_proba(examples[0])
    model = fit(*examples, options(**settings, epochs=30, learning_rate=1e-3, head_learning_rate=0.05))
    after = model.predict_proba(examples[0])
    truth = [LABELS.index(intent) for intent in examples[1]]
    trainable = {"lora": 5_000, "full": 15_000, "head": 100}[method]
    assert model.training["trainable_parameters"] > trainable
    assert after[range(len(truth)), truth].mean() > before[range(len(truth)), truth].mean() + 0.02
    model.save(tmp_path / "model")
    assert IntentModel.load(tmp_path / "model").predict_proba(examples[0]) == pytest.approx(after, abs=1e-4)


def test_an_intent_without_an_example_is_no_farther_out_than_the_others(
    adapter, labels, options, examples, monkeypatch
):
    monkeypatch.setattr(scope, "_LEAST_AUROC", 0.0)  # whatever so small a model makes of gibberish
    settings = {"pooling": "auto", "adapter": str(adapter), "adapter_labels": labels, "epochs": 5}
    distance = fit(*examples, options(**settings)).scope.distance
    assert isinstance(distance, Energy)  # by the distance from its mean, of which there is none, it would be
    assert distance.columns.all()


def test_its_own_configuration_may_name_the_intents(adapter, tiny_encoder):
    named = {str(number): label for number, label in enumerate(LABELS)}
    (adapter / "config.json").write_text(json.dumps({"id2label": named}))
    assert network_with_adapter(str(adapter), None, tiny_encoder, str(tiny_encoder))[1] == LABELS


@pytest.mark.parametrize("content", ["7", "[]", "{}", json.dumps({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}})])
def test_a_configuration_that_names_no_intents(content, adapter, tiny_encoder):
    (adapter / "config.json").write_text(content)
    with pytest.raises(EncoderError, match=r"names no intents. Give adapter_labels a JSON file"):
        network_with_adapter(str(adapter), None, tiny_encoder, str(tiny_encoder))


def test_labels_that_are_nowhere(adapter, tiny_encoder):
    with pytest.raises(EncoderError, match=r"adapter_labels: the file 'no.json' does not exist"):
        network_with_adapter(str(adapter), "no.json", tiny_encoder, str(tiny_encoder))


def test_an_encoder_of_another_name_is_warned_of(adapter, tiny_encoder, tmp_path, labels, caplog):
    network_with_adapter(str(adapter), labels, tiny_encoder, str(tiny_encoder))
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    network_with_adapter(str(adapter), labels, tiny_encoder, "owner/other")
    assert "was trained on" in caplog.text
    assert "encoder is 'owner/other'" in caplog.text


def test_unnamed_intents_are_asked_for(adapter, tiny_encoder):
    with pytest.raises(EncoderError, match=r"names no intents. Give adapter_labels a JSON file .* 5 intents"):
        network_with_adapter(str(adapter), None, tiny_encoder, str(tiny_encoder))


def test_too_few_labels(adapter, tiny_encoder, tmp_path):
    file = tmp_path / "four.json"
    file.write_text(json.dumps(LABELS[:4]))
    with pytest.raises(EncoderError, match=r"has 5 outputs, and .*four.json names 4 different intents"):
        network_with_adapter(str(adapter), str(file), tiny_encoder, str(tiny_encoder))


def test_another_encoder(adapter, tmp_path, labels):
    other = make_encoder(tmp_path / "other", hidden_size=16)
    with pytest.raises(EncoderError, match=r"does not fit the encoder in .*other: .* It was trained on '.*bert'"):
        network_with_adapter(str(adapter), labels, other, str(other))


def test_an_encoder_of_another_family(adapter, tmp_path, labels):
    other = make_encoder(tmp_path / "other", "distilbert")
    with pytest.raises(EncoderError, match=r"adapter: "):
        network_with_adapter(str(adapter), labels, other, str(other))


def test_another_task(tmp_path, tiny_encoder, labels):
    adapter = publish(tmp_path / "adapter", tiny_encoder, task_type="FEATURE_EXTRACTION")
    with pytest.raises(EncoderError, match=r"trained for the task FEATURE_EXTRACTION, and only SEQ_CLS classifies"):
        network_with_adapter(str(adapter), labels, tiny_encoder, str(tiny_encoder))


def test_one_saved_without_all_it_had_trained(tmp_path, labels):
    encoder = make_encoder(tmp_path / "encoder", "deberta-v2")
    adapter = publish(tmp_path / "adapter", encoder, "deberta-v2", whole=[])
    with pytest.raises(EncoderError, match=r"holds the weights of pooler.dense.bias"):
        network_with_adapter(str(adapter), labels, encoder, str(encoder))


def test_a_damaged_one(adapter, tiny_encoder, labels):
    file = adapter / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(EncoderError, match=r"adapter_model.safetensors is damaged"):
        network_with_adapter(str(adapter), labels, tiny_encoder, str(tiny_encoder))


def test_examples_of_an_intent_it_does_not_know(adapter, labels, options):
    with pytest.raises(EncoderError, match=r"does not know the intent 'order_pizza'; it knows 5, such as 'bye'"):
        fit(
            ["hi", "a pizza"],
            ["greet", "order_pizza"],
            options(pooling="auto", adapter=str(adapter), adapter_labels=labels),
        )


def test_one_that_is_nowhere(labels, tiny_encoder):
    with pytest.raises(EncoderError, match=r"adapter: the directory './nowhere' does not exist"):
        network_with_adapter("./nowhere", labels, tiny_encoder, str(tiny_encoder))
