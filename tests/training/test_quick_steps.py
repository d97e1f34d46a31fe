import gc

import pytest
import torch

from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.training import recipe
from rasa_bert_intent.training.build import fresh_model, place_for_training, quick_steps
from rasa_bert_intent.training.trainer import _Loss


@pytest.fixture
def fresh(options, examples):
    """Makes an untrained model in its place, by some options."""

    def make(**changes) -> IntentModel:
        chosen = recipe.choose(options(device="cpu", **changes), len(examples[0]), 4)
        model = fresh_model(sorted(set(examples[1])), chosen)
        place_for_training(model, torch.device("cpu"))
        model.bf16 = chosen.precision == "bf16"
        return model

    return make


def test_in_bf16_lora_leaves_what_it_does_not_train_as_it_was(fresh):
    model = fresh(method="lora", precision="bf16")
    before = {name: parameter.detach().clone() for name, parameter in model.network.named_parameters()}
    with quick_steps(model):
        inside = {name: parameter.dtype for name, parameter in model.network.named_parameters()}
    trained = {name for name in inside if "lora" in name or name.startswith("head")}
    assert {inside[name] for name in trained} == {torch.float32}
    assert {inside[name] for name in inside.keys() - trained} == {torch.bfloat16}
    for name, parameter in model.network.named_parameters():
        assert torch.equal(parameter, before[name]), name


@pytest.mark.parametrize(("method", "precision"), [("lora", "fp32"), ("full", "bf16"), ("head", "bf16")])
def test_otherwise_all_weights_stay_in_fp32(fresh, method, precision):
    model = fresh(method=method, precision=precision)
    with quick_steps(model):
        assert {parameter.dtype for parameter in model.network.parameters()} == {torch.float32}


def test_garbage_that_was_there_is_looked_at_again_afterwards(fresh):
    model = fresh()
    assert gc.get_freeze_count() == 0
    with quick_steps(model):
        assert gc.get_freeze_count() > 1000
    assert gc.get_freeze_count() == 0
    gc.freeze()
    try:
        with quick_steps(model):
            pass
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()


def test_what_the_trainer_asks_for_at_every_step_is_what_torch_would_say(fresh):
    network = fresh(method="lora").network
    network.encoder.eval()
    loss = _Loss(network, lambda *_: torch.zeros(()))
    assert all(module.training for module in loss.modules())
    assert not any(module.training for module in loss.eval().modules())
    assert all(module.training for module in loss.train().modules())
    network.eval()
    assert all(module.training for module in loss.train().modules())
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    assert 0 < len(trained) < len(list(network.parameters()))
    assert list(map(id, loss.parameters())) == list(map(id, trained))
