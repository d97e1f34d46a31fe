"""Encoders that are not as others are: each trains and serves, or is refused in one line before it is trained."""

import json

import numpy as np
import pytest
import torch
from encoders import make_encoder
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from rasa_bert_intent import IntentModel
from rasa_bert_intent import network as net
from rasa_bert_intent.errors import EncoderError, OptionsError
from rasa_bert_intent.serving import load_to_serve
from rasa_bert_intent.training.fit import fit

# As in microsoft/deberta-base: it changes what its layers give in place.
DEBERTA = {"relative_attention": True, "position_biased_input": False, "pos_att_type": ["p2c", "c2p"]}


def rewrite_weights(encoder, change):
    file = encoder / "model.safetensors"
    save_file(change(load_file(file)), file, metadata={"format": "pt"})


@pytest.mark.parametrize("method", ["lora", "full", "head"])
def test_an_encoder_that_changes_its_layers_output_in_place(method, tmp_path, options, examples):
    encoder = make_encoder(tmp_path / "encoder", "deberta", **DEBERTA)
    model = fit(*examples, options(encoder=str(encoder), method=method, precision="auto"), progress=False)
    assert model.training["precision"] == "fp32"
    model.save(tmp_path / "model")
    again = IntentModel.load(tmp_path / "model").predict_proba(examples[0])
    np.testing.assert_allclose(again, model.predict_proba(examples[0]), atol=1e-4)


def test_bf16_is_refused_where_the_family_does_not_run_in_it(tmp_path, options, examples):
    encoder = make_encoder(tmp_path, "deberta", **DEBERTA)
    with pytest.raises(OptionsError, match=r"precision: bf16 was asked for, and deberta encoders run in fp32 alone"):
        fit(*examples, options(encoder=str(encoder), precision="bf16"), progress=False)


@pytest.mark.parametrize("lost", [lambda name: f"wrapper.{name}", lambda name: None if ".layer.1." in name else name])
def test_weights_that_are_not_all_there(lost, tmp_path):
    encoder = make_encoder(tmp_path)
    rewrite_weights(encoder, lambda weights: {lost(name): value for name, value in weights.items() if lost(name)})
    with pytest.raises(
        EncoderError, match=r"lack \d+ of the encoder's, such as 'e\w+\.[\w.]+'. Fetch the encoder again"
    ):
        net.load_encoder(encoder)


@pytest.mark.parametrize("method", ["lora", "head"])
@pytest.mark.parametrize("epochs", [0, 1])
def test_weights_that_are_no_numbers(method, epochs, tmp_path, options, examples):
    encoder = make_encoder(tmp_path)
    broken = "encoder.layer.0.output.dense.bias"
    rewrite_weights(encoder, lambda weights: weights | {broken: torch.full_like(weights[broken], torch.nan)})
    with pytest.raises(OptionsError, match=r"ended in weights that are no numbers. Lower learning_rate"):
        fit(*examples, options(encoder=str(encoder), method=method, epochs=epochs), progress=False)


@pytest.mark.parametrize("engine", ["torch", "onnx"])
def test_a_tokenizer_that_knows_more_than_the_encoder(engine, tmp_path, examples, options):
    encoder = make_encoder(tmp_path / "encoder")
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    tokenizer.add_tokens([f"new{number}" for number in range(200)])
    tokenizer.save_pretrained(encoder)
    texts, intents = [*examples[0], "new7 jazz"], [*examples[1], "play_music"]
    fit(texts, intents, options(encoder=str(encoder), engine=engine), progress=False).save(tmp_path / "model")
    served = load_to_serve(tmp_path / "model")
    unknown = tokenizer.convert_tokens_to_ids("[UNK]")
    assert served.tokenize(["play new8"]) == [[2, tokenizer.convert_tokens_to_ids("play"), unknown, 3]]
    assert np.isfinite(served.predict_proba(["new8", "hi"])).all()


def test_a_tokenizer_that_makes_nothing_of_a_text(tmp_path, examples, options):
    encoder = make_encoder(tmp_path)
    content = json.loads((encoder / "tokenizer.json").read_text())
    (encoder / "tokenizer.json").write_text(json.dumps(content | {"post_processor": None}))
    model = fit([*examples[0], "\u200b"], [*examples[1], "bye"], options(encoder=str(encoder)), progress=False)
    assert np.isfinite(model.predict_proba(["\u200b", "hi"])).all()


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("bert", {"position_embedding_type": "relative_key_query"}),
        ("deberta-v2", {"relative_attention": True, "position_biased_input": True}),
    ],
)
def test_relative_positions_beside_a_table_of_them_are_limited_too(family, changes, tmp_path):
    encoder = net.load_encoder(make_encoder(tmp_path, family, **changes)).eval()
    limit = net.longest_input(encoder.config)
    assert limit == 66
    with torch.no_grad():
        encoder(input_ids=torch.full((1, limit), 5))


@pytest.mark.parametrize("asked", [{"r_drop": 1.0}, {"contrastive_stage": "unsupervised"}])
def test_what_rests_on_dropout_needs_some(asked, tmp_path, options, examples):
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout_prob": 0.1}
    encoder = str(make_encoder(tmp_path, "albert", **none))
    for method in ({"method": "lora"}, {"method": "full", "lora_dropout": 0.1}):
        with pytest.raises(
            OptionsError, match=rf"{next(iter(asked))}: .* this encoder \(albert\) has none. Set lora_d"
        ):
            fit(*examples, options(encoder=encoder, **method, **asked), progress=False)
    fit(*examples, options(encoder=encoder, lora_dropout=0.1, **asked), progress=False)


def test_dropout_of_heads_that_are_not_taken_is_none(tmp_path, options, examples):
    encoder = str(make_encoder(tmp_path, "distilbert", dropout=0.0, attention_dropout=0.0))  # qa_dropout is 0.1
    with pytest.raises(OptionsError, match=r"r_drop: .* this encoder \(distilbert\) has none"):
        fit(*examples, options(encoder=encoder, r_drop=1.0), progress=False)


def test_an_encoder_without_layers_for_lora(tmp_path, options, examples):
    encoder = str(make_encoder(tmp_path, "ibert"))
    with pytest.raises(OptionsError, match=r"method: this encoder \(ibert\) has no layers for lora. Use full or head"):
        fit(*examples, options(encoder=encoder, method="lora"), progress=False)
    model = fit(*examples, options(encoder=encoder, method="head"), progress=False)
    assert np.isfinite(model.predict_proba(examples[0])).all()


def test_an_encoder_of_characters_is_refused(tmp_path, options, examples):
    sizes = {
        "local_transformer_stride": 8,
        "downsampling_rate": 2,
        "num_hash_buckets": 64,
        "attend_from_chunk_width": 8,
    }
    encoder = str(make_encoder(tmp_path, "canine", attend_to_chunk_width=8, **sizes))
    with pytest.raises(EncoderError, match=r"is of type .canine., which has no embeddings of tokens\. Choose BERT"):
        fit(*examples, options(encoder=encoder), progress=False)
