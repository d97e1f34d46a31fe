"""What DistributedDataParallel relies on, in one process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from encoders import FAMILIES, make_encoder
from transformers import TrainerCallback

from rasa_bert_intent import Options, fit
from rasa_bert_intent.model import IntentModel


class Unused(TrainerCallback):
    """Collects the weights that are trained and got no gradient."""

    def __init__(self) -> None:
        self.model: IntentModel | None = None
        self.names: list[str] = []
        self.steps = 0

    def of(self, model: IntentModel) -> "Unused":
        self.model = model
        return self

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        assert self.model is not None
        parameters = self.model.network.named_parameters()
        self.names += [name for name, value in parameters if value.requires_grad and value.grad is None]
        self.steps += 1


@pytest.mark.parametrize("family", FAMILIES)
def test_every_weight_that_is_trained_gets_a_gradient(
    family: str, examples: tuple[list[str], list[str]], options: Callable[..., Options], tmp_path: Path
):
    encoder = str(make_encoder(tmp_path / "encoder", family))
    unused = Unused()
    fit(*examples, options(encoder=encoder, method="full", epochs=1), progress=False, watch=unused.of)
    assert unused.steps
    assert unused.names == []
