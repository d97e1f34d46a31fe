import pytest
import torch
from encoders import FAMILIES, make_encoder
from torch import Tensor
from transformers import BertModel

from rasa_bert_intent import network as net
from rasa_bert_intent.training import recipe
from rasa_bert_intent.training.attention import long_attention
from rasa_bert_intent.training.build import fresh_model, quick_steps

SHORT, LONG = 32, 33
changes_bert = pytest.mark.skipif(
    not BertModel._can_set_attn_implementation(), reason="transformers before 5 has its own attention for BERT"
)


def in_training(tmp_path, family: str = "bert", keep: str = "attention.self"):
    """An encoder in training mode, whose only dropout is where `keep` says, and whose attention is no mere mean."""
    encoder = net.load_encoder(make_encoder(tmp_path / family, family)).train()
    for name, module in encoder.named_modules():
        if isinstance(module, torch.nn.Dropout) and keep not in name:
            module.p = 0.0
        if isinstance(module, torch.nn.Linear):
            module.weight.data *= 10
    return encoder


def messages(tokens: int) -> dict[str, Tensor]:
    """Three of them, the last one with padding."""
    mask = torch.ones(3, tokens, dtype=torch.long)
    mask[2, tokens // 2 :] = 0
    ids = torch.randint(5, 40, (3, tokens), generator=torch.Generator().manual_seed(0))
    return {"input_ids": ids * mask, "attention_mask": mask}


def output_and_gradients(encoder, inputs: dict[str, Tensor]) -> list[Tensor]:
    encoder.zero_grad()
    output = encoder(**inputs).last_hidden_state.float() * inputs["attention_mask"][..., None]
    weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(1))
    (output * weights).mean().backward()
    return [output.detach(), *(p.grad.clone() for p in encoder.parameters() if p.grad is not None)]


@changes_bert
def test_long_messages_get_the_plain_attention_without_dropout(tmp_path):
    encoder, inputs = in_training(tmp_path), messages(LONG)
    with long_attention(encoder):
        found = output_and_gradients(encoder, inputs)
    encoder.eval()
    encoder.set_attn_implementation("eager")
    expected = output_and_gradients(encoder, inputs)
    assert len(found) == len(expected) > 30
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_short_messages_keep_their_dropout(tmp_path):
    encoder, inputs = in_training(tmp_path), messages(SHORT)
    with long_attention(encoder):
        torch.manual_seed(0)
        found = encoder(**inputs).last_hidden_state
        other = encoder(**inputs).last_hidden_state
    torch.manual_seed(0)
    assert torch.equal(encoder(**inputs).last_hidden_state, found)
    assert not torch.allclose(found, other, atol=1e-3)


@changes_bert
def test_in_bf16_it_is_the_same_but_for_rounding(tmp_path):
    encoder, inputs = in_training(tmp_path), messages(LONG)
    expected = output_and_gradients(encoder.eval(), inputs)
    encoder.train()
    with long_attention(encoder), torch.autocast("cpu", torch.bfloat16):
        found = output_and_gradients(encoder, inputs)
    compared = 0
    for one, other in zip(found, expected, strict=True):
        if other.norm() > 1e-3 * max(tensor.norm() for tensor in expected[1:]):  # a key's bias changes nothing
            assert torch.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.99
            compared += 1
    assert compared > 30


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_computes_the_same_and_is_afterwards_as_it_was(family, tmp_path):
    encoder, inputs = in_training(tmp_path, family, keep="none"), messages(LONG)
    before = encoder.config._attn_implementation
    expected = output_and_gradients(encoder, inputs)
    with long_attention(encoder):
        found = output_and_gradients(encoder, inputs)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)
    assert encoder.config._attn_implementation == before


@changes_bert
@pytest.mark.parametrize(
    ("changes", "implementation"),
    [
        ({}, "rasa_bert_intent"),
        ({"method": "full"}, "rasa_bert_intent"),
        ({"r_drop": 0.5}, "sdpa"),
        ({"contrastive_stage": "unsupervised"}, "sdpa"),
    ],
)
def test_two_views_of_a_message_differ_by_all_dropout(changes, implementation, options, examples):
    chosen = recipe.choose(options(device="cpu", **changes), len(examples[0]), 4)
    model = fresh_model(sorted(set(examples[1])), chosen)
    with quick_steps(model):
        assert model.network.encoder.config._attn_implementation == implementation
    assert model.network.encoder.config._attn_implementation == "sdpa"
