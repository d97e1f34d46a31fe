import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from rasa_bert_intent.training.fused_lora import _can_fuse, fused_lora


class Layers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.second = nn.Linear(8, 5, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.tanh(self.first(x)))


def with_lora(**options: object) -> nn.Module:
    torch.manual_seed(0)
    config = LoraConfig(r=2, lora_alpha=6, target_modules=["first", "second"], init_lora_weights=False, **options)
    return get_peft_model(Layers(), config)


def output_and_gradients(network: nn.Module, x: Tensor) -> dict[str, Tensor]:
    network.zero_grad()
    x = x.clone().requires_grad_()
    output = network(x)
    output.square().sum().backward()
    gradients = {name: p.grad.clone() for name, p in network.named_parameters() if p.requires_grad}
    return {"output": output.detach(), "x": x.grad, **gradients}


def test_output_and_gradients_are_those_of_peft():
    network, x = with_lora(), torch.randn(3, 4, 6)
    expected = output_and_gradients(network, x)
    with fused_lora(network):
        found = output_and_gradients(network, x)
    assert len(expected) == 6
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)


def test_in_bf16_they_are_those_of_peft_but_for_rounding():
    network, x = with_lora(), torch.randn(3, 4, 6)
    expected = output_and_gradients(network, x)
    for parameter in network.parameters():
        if not parameter.requires_grad:
            parameter.data = parameter.data.to(torch.bfloat16)
    with fused_lora(network):
        found = output_and_gradients(network, x)
    assert found["output"].dtype == torch.bfloat16
    assert {value.dtype for name, value in found.items() if name != "output"} == {torch.float32}
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name].float(), value, rtol=0.05, atol=0.02 * float(value.abs().max()), msg=name
        )


def test_peft_computes_again_after_the_block():
    network = with_lora()
    with pytest.raises(RuntimeError), fused_lora(network):
        raise RuntimeError
    assert not any("forward" in vars(module) for module in network.modules())


def test_layers_with_dropout_are_left_to_peft():
    assert sum(_can_fuse(module) for module in with_lora().modules()) == 2
    assert not any(_can_fuse(module) for module in with_lora(lora_dropout=0.1).modules())
    assert not any(_can_fuse(module) for module in with_lora(use_dora=True).modules())
