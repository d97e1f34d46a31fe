import pytest
import torch
from encoders import FAMILIES, make_encoder

from rasa_bert_intent import network as net
from rasa_bert_intent.errors import EncoderError
from rasa_bert_intent.network import IntentNetwork


def test_mean_pooling_leaves_padding_out(tiny_encoder):
    encoder = net.load_encoder(tiny_encoder).eval()
    network = IntentNetwork(encoder, "mean", num_labels=3, head="linear")
    ids, mask = net.pad([[2, 5, 6, 3], [2, 7, 3]], pad_id=0)
    with torch.no_grad():
        by_hand = encoder(input_ids=torch.tensor([[2, 7, 3]])).last_hidden_state.mean(dim=1)
        assert torch.allclose(network.features(ids, mask)[1:], by_hand, atol=1e-5)


def test_cls_pooling_takes_the_first_token(tiny_encoder):
    encoder = net.load_encoder(tiny_encoder).eval()
    network = IntentNetwork(encoder, "cls", num_labels=3, head="linear")
    ids, mask = net.pad([[2, 5, 6, 3]], pad_id=0)
    with torch.no_grad():
        assert torch.allclose(network.features(ids, mask), encoder(input_ids=ids).last_hidden_state[:, 0], atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_all_layers_have_a_part_in_the_second_vector(family, tmp_path):
    encoder = net.load_encoder(make_encoder(tmp_path, family)).eval()
    network = IntentNetwork(encoder, "cls", num_labels=3, head="linear")
    ids, mask = net.pad([[2, 5, 6, 3], [2, 7, 3]], pad_id=0)
    with torch.no_grad():
        both = network.vectors(ids, mask)
        layers = encoder(input_ids=torch.tensor([[2, 7, 3]]), output_hidden_states=True).hidden_states
        means = [layer[0].mean(dim=0) / layer[0].mean(dim=0).norm() for layer in layers]
        by_hand = means[-2] + means[-1] + (torch.stack(means[:-2]).mean(dim=0) if means[:-2] else 0)
        assert torch.allclose(both[:, : network.head.in_features], network.features(ids, mask), atol=1e-6)
        assert torch.allclose(both[1, network.head.in_features :], by_hand, atol=1e-5)
    assert both.shape == (2, network.width)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_longest_input_works_and_no_longer_one_is_promised(family, tmp_path):
    encoder = net.load_encoder(make_encoder(tmp_path, family)).eval()
    limit = net.longest_input(encoder.config)
    if limit is None:
        return
    with torch.no_grad():
        encoder(input_ids=torch.full((1, limit), 5))
        with pytest.raises((IndexError, RuntimeError)):
            encoder(input_ids=torch.full((1, limit + 1), 5))


def test_the_encoder_has_no_layer_that_is_not_used(tiny_encoder):
    assert not [name for name, _ in net.load_encoder(tiny_encoder).named_parameters() if "pooler" in name]


def test_damaged_weights_are_told_in_one_line(tmp_path):
    directory = make_encoder(tmp_path)
    weights = directory / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(EncoderError) as caught:
        net.load_encoder(directory)
    assert "\n" not in str(caught.value)


def test_an_encoder_decoder_is_refused_by_name(tmp_path):
    from transformers import T5Config

    T5Config(d_model=8, num_layers=1).save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match="is of type 't5', which is no BERT-like encoder"):
        net.load_encoder(tmp_path)


def test_a_directory_without_tokenizer_is_told(tmp_path, tiny_encoder):
    (tmp_path / "config.json").write_bytes((tiny_encoder / "config.json").read_bytes())
    with pytest.raises(EncoderError, match="holds no tokenizer"):
        net.load_tokenizer(tmp_path)


def test_loading_is_silent(tiny_encoder, capfd):
    net.load_encoder(tiny_encoder)
    net.load_tokenizer(tiny_encoder)
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
