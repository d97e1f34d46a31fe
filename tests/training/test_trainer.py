"""What the options of a training come to: its steps, its rates and its weights."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from transformers import TrainerCallback, TrainerControl

from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.training import recipe
from rasa_bert_intent.training.build import fresh_model
from rasa_bert_intent.training.callbacks import BestEpoch
from rasa_bert_intent.training.fit import fit


class Seen(TrainerCallback):
    """Keeps what each step was done with."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.groups: list[dict[str, Any]] = []
        self.args: Any = None

    def on_step_begin(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        self.args = args
        self.groups = optimizer.param_groups
        self.rates.append(max(group["lr"] for group in self.groups))


@pytest.fixture
def seen(options, examples):
    """Trains for 12 steps by some options, and gives what was seen of them."""

    def train(**changes: Any) -> Seen:
        watcher = Seen()
        chosen = options(epochs=4, batch_size=8, learning_rate=1e-3, head_learning_rate=1e-3, **changes)
        fit(*examples, chosen, progress=False, watch=lambda _: watcher)
        assert len(watcher.rates) == 12
        return watcher

    return train


@pytest.mark.parametrize(
    ("scheduler", "after"),
    [
        ("linear", lambda share: 1 - share),
        ("cosine", lambda share: (1 + math.cos(math.pi * share)) / 2),
        ("constant", lambda share: 1.0),
    ],
)
def test_rates_rise_while_it_warms_up_and_then_go_as_the_scheduler_says(seen, scheduler, after):
    rates = seen(lr_scheduler=scheduler, warmup_ratio=0.25).rates
    expected = [step / 3 for step in range(3)] + [after((step - 3) / 9) for step in range(3, 12)]
    np.testing.assert_allclose(rates, 1e-3 * np.array(expected), rtol=1e-5, atol=1e-12)


def test_matrices_decay_and_biases_do_not_and_gradients_are_cut_where_it_is_said(seen):
    watcher = seen(method="full", weight_decay=0.2, max_grad_norm=0.3)
    decays = {parameter.ndim > 1: group["weight_decay"] for group in watcher.groups for parameter in group["params"]}
    assert decays == {True: 0.2, False: 0.0}
    assert watcher.args.max_grad_norm == 0.3


def test_averaging_gives_other_weights(options, examples):
    models = [fit(*examples, options(epochs=4, ema_decay=decay), progress=False) for decay in (0.0, 0.9)]
    first, second = (model.network.head.weight for model in models)
    assert not torch.allclose(first, second)


def test_layers_begin_anew_and_lora_is_scaled_as_the_options_say(options, examples):
    labels = sorted(set(examples[1]))

    def untrained(**changes: Any) -> IntentModel:
        return fresh_model(labels, recipe.choose(options(**changes), len(examples[0]), len(labels)))

    def top(changes: dict[str, Any]) -> torch.Tensor:
        layers = untrained(method="full", **changes).network.encoder.encoder.layer
        return layers[-1].output.dense.weight

    assert not torch.equal(top({}), top({"reinit_layers": 1}))
    for rank_stabilised in (False, True):
        model = untrained(method="lora", lora_use_rslora=rank_stabilised)
        assert model.adapter.peft_config["default"].use_rslora is rank_stabilised


def test_the_best_evaluations_weights_are_restored_and_the_loss_decides_between_equals(options):
    network = torch.nn.Linear(1, 1, bias=False)
    best = BestEpoch(network, options(validation_split=0.5, early_stopping_patience=0), epochs=4)
    for epoch, (f1, loss) in enumerate([(0.9, 2.0), (0.1, 0.5), (0.9, 3.0), (0.9, 1.0)], 1):
        torch.nn.init.constant_(network.weight, epoch)
        state = type("State", (), {"epoch": epoch, "global_step": epoch})
        best.on_evaluate(None, state, TrainerControl(), metrics={"eval_macro_f1": f1, "eval_loss": loss})
        if epoch == 3:
            assert best.epoch == 1
            best.restore()
            assert network.weight.item() == 1
    best.restore()
    assert (best.epoch, network.weight.item()) == (4, 4)
