import json
import logging

import numpy as np
import pytest
import torch
from adapters import LABELS as ADAPTER_LABELS
from adapters import publish

from rasa_bert_intent import IntentModel, load_to_serve
from rasa_bert_intent.ngrams import ngrams
from rasa_bert_intent.training import ngrams as training
from rasa_bert_intent.training.fit import fit
from rasa_bert_intent.training.ngrams import train_ngrams

TEXTS = ["play some jazz", "play the blues", "lights off please", "turn the lights on"] * 3
LABELS = [0, 0, 1, 1] * 3

# An encoder of random weights that hardly learns.
STALE = {"method": "head", "classification_head": "linear", "head_learning_rate": 1e-6, "epochs": 1}


def accuracy(model: IntentModel, examples) -> float:
    texts, intents = examples
    answers = model.predict_proba(texts).argmax(axis=1)
    return float(np.mean([model.labels[answer] == intent for answer, intent in zip(answers, intents, strict=True)]))


def test_training_tells_the_labels_apart_by_words_it_has_not_seen_together():
    table = train_ngrams(TEXTS, LABELS, torch.ones(2), seed=1)
    assert table.logits(["play jazz please", "the lights"]).argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_array_equal(train_ngrams(TEXTS, LABELS, torch.ones(2), seed=1).embeddings, table.embeddings)


def test_a_rare_label_with_weight_is_given_where_it_is_alike():
    texts, labels = ["play it", "play that", "play this now"] * 20 + ["play it", "play that"], [0] * 60 + [1] * 2
    plain, weighted = (train_ngrams(texts, labels, torch.tensor(w), seed=1) for w in ([1.0, 1.0], [0.5, 20.0]))
    assert plain.logits(["play it"]).argmax() == 0
    assert weighted.logits(["play it"]).argmax() == 1


def test_many_labels_share_a_few_directions():
    words = [
        f"{first}{second}" for first in "bcdfghklm" for second in ("ob", "it", "un", "ax", "ell", "iv", "oz", "ump")
    ]
    texts = [template.format(word) for word in words for template in ("find {}", "please find {}", "{} now")]
    labels = np.repeat(np.arange(len(words)), 3)
    table = train_ngrams(texts, labels.tolist(), torch.ones(len(words)), seed=1)
    assert table.embeddings.shape[1] == table.directions.shape[0] < len(words)
    unseen = table.logits([f"where is {word}" for word in words])
    assert (unseen.argmax(axis=1) == np.arange(len(words))).mean() > 0.9


def test_ngrams_of_one_example_alone_are_left_out():
    assert train_ngrams(["abc", "xyz"], [0, 1], torch.ones(2), seed=1) is None
    table = train_ngrams(["abc", "abq"], [0, 1], torch.ones(2), seed=1)
    assert np.isin(table.hashes, ngrams("ab")).all()


def test_of_many_only_the_most_frequent_are_kept(monkeypatch):
    monkeypatch.setattr(training, "_MOST_NGRAMS", 10)
    table = train_ngrams(TEXTS, LABELS, torch.ones(2), seed=1)
    assert len(table.embeddings) == len(table.hashes) == 10
    assert (np.diff(table.hashes.astype(object)) > 0).all()


def test_their_logits_are_added_to_the_encoders(options, examples):
    plain = options(ngram_weight=2, out_of_scope_score="none", calibrate_confidences=False)
    model = fit(*examples, plain, progress=False)
    logits = model.predict_logits(examples[0]) + model.ngrams.logits(examples[0])
    np.testing.assert_allclose(
        model.predict_proba(examples[0]), np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), rtol=1e-4
    )
    half = fit(*examples, options(ngram_weight=1, out_of_scope_score="none"), progress=False)
    np.testing.assert_allclose(2 * half.ngrams.logits(["hello"]), model.ngrams.logits(["hello"]), rtol=1e-5)


def test_what_the_encoder_does_not_tell_they_do(options, examples):
    assert accuracy(fit(*examples, options(**STALE), progress=False), examples) < 0.6
    assert accuracy(fit(*examples, options(**STALE, ngram_weight=None), progress=False), examples) > 0.9


def test_held_out_examples_fit_their_weight(options, examples, caplog):
    many = [f"{text} {filler}" for filler in ("", "now", "please", "again") for text in examples[0]], examples[1] * 4
    settings = {**STALE, "ngram_weight": None, "validation_split": 0.25}
    with caplog.at_level(logging.INFO):
        fitted = fit(*many, options(**settings), progress=False)
        unfitted = fit(*many, options(**settings, calibrate_confidences=False), progress=False)
    assert fitted.ngrams.weight > 1.5 * unfitted.ngrams.weight
    assert "by the encoder alone" in caplog.text
    fixed = fit(*many, options(**{**settings, "ngram_weight": 0.3}), progress=False)
    assert fixed.ngrams.weight == unfitted.ngrams.weight


def test_trained_on_without_held_out_examples_they_keep_the_weight_that_was_found(options, examples, tmp_path):
    many = examples[0] * 4, examples[1] * 4
    settings = {**STALE, "ngram_weight": None}
    found = fit(*many, options(**settings, validation_split=0.25), progress=False)
    found.save(tmp_path / "model")
    start = IntentModel.load(tmp_path / "model", trainable=True)
    again = fit(*many, options(**settings), start=start, progress=False)
    assert again.calibration == found.calibration
    assert again.ngrams.weight == found.ngrams.weight != 0.3


@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_they_are_stored(engine, options, examples, tmp_path):
    model = fit(*examples, options(ngram_weight=None, engine=engine), progress=False)
    model.save(tmp_path / "model")
    served = load_to_serve(tmp_path / "model")
    np.testing.assert_array_equal(served.ngrams.logits(examples[0]), model.ngrams.logits(examples[0]))
    np.testing.assert_allclose(
        served.predict_proba(examples[0], batch_size=1), model.predict_proba(examples[0], batch_size=1), atol=1e-4
    )


def test_zero_trains_and_stores_none(options, examples, tmp_path):
    model = fit(*examples, options(ngram_weight=0), progress=False)
    model.save(tmp_path / "model")
    assert model.ngrams is None
    assert load_to_serve(tmp_path / "model").ngrams is None
    assert not [path for path in (tmp_path / "model").rglob("*") if "ngrams" in path.name]


def test_trained_on_they_are_new_unless_an_intent_has_no_example(options, examples, tmp_path):
    fit(*examples, options(ngram_weight=1), progress=False).save(tmp_path / "model")
    pairs = list(zip(*examples, strict=True))

    def trained_on(pairs) -> IntentModel:
        start = IntentModel.load(tmp_path / "model", trainable=True)
        texts, intents = zip(*pairs, strict=True)
        return fit(texts, intents, options(ngram_weight=1), start=start, progress=False)

    former = IntentModel.load(tmp_path / "model").ngrams.logits(["xylophone"])
    kept = trained_on([pair for pair in pairs if pair[1] != "bye"])
    np.testing.assert_array_equal(kept.ngrams.logits(["xylophone"]), former)
    new = trained_on([*pairs, ("xylophone", "play_music"), ("a xylophone", "play_music")])
    assert new.ngrams.logits(["xylophone"])[0, 3] > former[0, 3] + 0.5


def test_an_adapter_that_knows_more_intents_than_the_bot_goes_without(options, examples, tiny_encoder, tmp_path):
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps(ADAPTER_LABELS))
    adapter = publish(tmp_path / "adapter", tiny_encoder)
    some = [(text, intent) for text, intent in zip(*examples, strict=True) if intent != ADAPTER_LABELS[0]]
    texts, intents = zip(*some, strict=True)
    settings = {"pooling": "auto", "adapter": str(adapter), "adapter_labels": str(labels), "ngram_weight": None}
    assert fit(texts, intents, options(**settings), progress=False).ngrams is None
