"""What DistributedDataParallel relies on, and what processes are told that do not meet, in one process."""

from collections.abc import Callable
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
from encoders import FAMILIES, make_encoder
from transformers import TrainerCallback

from rasa_bert_intent import Options, fit
from rasa_bert_intent.distributed.group import joined
from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.errors import OptionsError
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


@pytest.mark.parametrize("port", ["taken", "70000", "nonsense"])
def test_processes_that_cannot_meet_are_told_where(port: str, monkeypatch: pytest.MonkeyPatch):
    with create_server(("127.0.0.1", 0)) as taken:
        port = port.replace("taken", str(taken.getsockname()[1]))
        launched = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        for name, value in launched.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(OptionsError) as error, joined(World.of_environment(), "cpu"):
            pass
    told = f"MASTER_ADDR:MASTER_PORT: the 2 processes do not find each other at 127.0.0.1:{port} ("
    assert str(error.value).startswith(told)
    assert "\n" not in str(error.value)
