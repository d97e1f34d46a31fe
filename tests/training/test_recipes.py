"""Every recipe, from the options to a model that answers."""

import logging

import numpy as np
import pytest
import torch
from encoders import make_encoder

from rasa_bert_intent import IntentModel
from rasa_bert_intent import network as net
from rasa_bert_intent.errors import DataError, OptionsError
from rasa_bert_intent.training import recipe
from rasa_bert_intent.training.callbacks import AveragedWeights
from rasa_bert_intent.training.fit import fit
from rasa_bert_intent.training.trainer import learning_rates

FAST = {"learning_rate": 5e-3, "head_learning_rate": 5e-2, "epochs": 30}


def right(model: IntentModel, examples) -> float:
    texts, intents = examples
    predicted = model.predict_proba(texts).argmax(axis=1)
    return float(np.mean([model.labels[p] == intent for p, intent in zip(predicted, intents, strict=True)]))


@pytest.mark.parametrize(
    "changes",
    [
        {"classification_head": "linear", "contrastive_weight": 0.0},
        {"classification_head": "cosine", "contrastive_weight": 0.3},
        {"contrastive_stage": "supervised"},
        {"contrastive_stage": "unsupervised"},
        {"r_drop": 0.5},
        {"ema_decay": 0.9},
        {"balanced_batches": True},
        {"method": "full", "reinit_layers": 1, "layer_lr_decay": 0.9},
        {"method": "head", "classification_head": "cosine"},
    ],
    ids=str,
)
def test_every_recipe_learns_and_is_stored(changes, options, examples, tmp_path):
    model = fit(*examples, options(**FAST, **changes), progress=False)
    assert right(model, examples) > 0.9
    model.save(tmp_path / "model")
    again = IntentModel.load(tmp_path / "model")
    np.testing.assert_allclose(again.predict_proba(examples[0]), model.predict_proba(examples[0]), atol=1e-4)


def test_what_is_left_open_is_chosen_and_told_in_one_line(options, caplog):
    with caplog.at_level(logging.INFO):
        few = recipe.choose(options(min_steps=None), num_examples=600, num_intents=60)
        many = recipe.choose(options(min_steps=None), num_examples=12_000, num_intents=60)
    assert (few.contrastive_weight, many.contrastive_weight) == (0.3, 0.0)
    assert [(each.min_steps, each.learning_rate) for each in (few, many)] == [(200, 1e-3), (600, 7e-4)]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert recipe.choose(options(min_steps=None), 1600, 60).min_steps == 400
    assert recipe.choose(options(min_steps=None, method="full"), 600, 60).min_steps == 600
    assert (
        "600 examples of 60 intents (10 an intent): method: lora, classification_head: linear, contrastive_weight: 0.3"
        in told[0]
    )


def test_what_the_user_chose_stays(options):
    chosen = recipe.choose(options(method="full", classification_head="cosine", learning_rate=1e-5), 600, 60)
    assert (chosen.method, chosen.classification_head, chosen.learning_rate) == ("full", "cosine", 1e-5)
    chosen = recipe.choose(options(classification_head="linear", contrastive_weight=0.2), 3_000, 60)
    assert (chosen.classification_head, chosen.contrastive_weight) == ("linear", 0.2)


@pytest.mark.parametrize(
    ("an_intent", "head", "contrastive_weight"),
    [(5, "linear", 0.3), (14, "linear", 0.3), (15, "cosine", 0.3), (99, "cosine", 0.3), (100, "linear", 0.0)],
)
def test_the_head_goes_with_the_examples_an_intent(options, an_intent, head, contrastive_weight):
    chosen = recipe.choose(options(), 60 * an_intent, 60)
    assert (chosen.classification_head, chosen.contrastive_weight) == (head, contrastive_weight)


@pytest.mark.parametrize(
    ("changes", "head", "contrastive_weight"),
    [
        ({"classification_head": "linear"}, "linear", 0.0),
        ({"adapter": "some/adapter", "pooling": "auto"}, "linear", 0.0),
        ({"method": "full"}, "linear", 0.0),
        ({"method": "head"}, "linear", 0.0),
        ({"method": "head", "classification_head": "cosine"}, "cosine", 0.0),
        ({"contrastive_weight": 0.0}, "cosine", 0.0),
    ],
    ids=str,
)
def test_with_50_examples_an_intent_the_rest_goes_with_what_the_user_chose(options, changes, head, contrastive_weight):
    chosen = recipe.choose(options(**changes), 3_000, 60)
    assert (chosen.classification_head, chosen.contrastive_weight) == (head, contrastive_weight)


def test_a_cosine_head_starts_at_the_means_of_its_intents(options, examples):
    still = {"learning_rate": 0, "head_learning_rate": 0, "epochs": 1, "precision": "fp32"}
    model = fit(*examples, options(method="head", classification_head="cosine", **still))
    features = model.features_of_tokens(model.tokenize(examples[0]))
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    for number, label in enumerate(model.labels):
        mean = unit[[intent == label for intent in examples[1]]].mean(axis=0)
        np.testing.assert_allclose(model.network.head.weight[number].detach(), mean / np.linalg.norm(mean), atol=1e-5)


def test_unlabelled_texts_are_read_by_the_unsupervised_stage(options, examples, tmp_path, caplog):
    file = tmp_path / "texts.txt"
    file.write_text("play jazz\n\nlights on\n", "utf-8")
    with caplog.at_level(logging.INFO):
        fit(*examples, options(contrastive_stage="unsupervised", unlabelled_texts=str(file)), progress=False)
    assert f"on {len(examples[0]) + 2} texts" in caplog.text


@pytest.mark.parametrize(("content", "told"), [(None, "cannot be read"), ("\n", "holds no text")])
def test_unlabelled_texts_that_are_not_there_are_told(options, examples, tmp_path, content, told):
    file = tmp_path / "texts.txt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(DataError, match=f"unlabelled_texts: .* {told}"):
        fit(*examples, options(contrastive_stage="unsupervised", unlabelled_texts=str(file)), progress=False)


def test_layers_learn_slower_the_lower_they_are(tiny_encoder, options):
    network = net.IntentNetwork(net.load_encoder(tiny_encoder), "mean", 3, "linear")
    rates = learning_rates(network, recipe.choose(options(method="full", layer_lr_decay=0.5, learning_rate=0.1), 60, 6))
    by_layer = {name.split(".attention")[0]: rate for name, rate in rates.items() if "attention.self.query" in name}
    assert list(by_layer.values()) == [0.05, 0.1]
    assert rates["encoder.embeddings.word_embeddings.weight"] == 0.025
    assert rates["head.weight"] == 1e-3


def test_what_comes_after_the_layers_learns_as_the_top_one_does(tmp_path, options):
    classifier, _ = net.load_classifier(make_encoder(tmp_path / "distilbert", "distilbert"), 3)
    net.take_last_layer(classifier)
    network = net.IntentNetwork(classifier, "own", 3, "linear")
    rates = learning_rates(network, recipe.choose(options(method="full", layer_lr_decay=0.5, learning_rate=0.1), 60, 6))
    assert rates["encoder.pre_classifier.weight"] == 0.1
    assert rates["encoder.distilbert.transformer.layer.0.attention.q_lin.weight"] == 0.05
    assert rates["encoder.distilbert.embeddings.word_embeddings.weight"] == 0.025


def test_only_the_top_layers_are_initialised_anew(tiny_encoder):
    before, encoder = net.load_encoder(tiny_encoder), net.load_encoder(tiny_encoder)
    net.reinitialise(encoder, 1)
    same = {name: torch.equal(value, encoder.state_dict()[name]) for name, value in before.state_dict().items()}
    assert not same["encoder.layer.1.attention.self.query.weight"]
    assert all(value for name, value in same.items() if ".layer.1." not in name)


def test_layers_that_cannot_be_initialised_anew_are_told(tiny_encoder, tmp_path):
    with pytest.raises(OptionsError, match=r"has 2 layers, got 3"):
        net.reinitialise(net.load_encoder(tiny_encoder), 3)
    with pytest.raises(OptionsError, match="no layers of their own"):
        net.reinitialise(net.load_encoder(make_encoder(tmp_path / "albert", "albert")), 1)


def test_averaged_weights_are_between_those_of_the_steps():
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(network.weight)
    averaged = AveragedWeights(network, decay=0.5)
    state = type("State", (), {"global_step": 100})
    for value in (1.0, 2.0):
        torch.nn.init.constant_(network.weight, value)
        averaged.on_step_end(None, state, None)
    with averaged.in_place():
        assert network.weight.item() == pytest.approx(1.25)
    assert network.weight.item() == 2.0
