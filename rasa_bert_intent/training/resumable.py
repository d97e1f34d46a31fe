"""transformers' `Trainer`, whose checkpoints are small and whole, and from which it goes on as if never stopped."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import Trainer, TrainerCallback

from rasa_bert_intent.data.output import as_os_errors
from rasa_bert_intent.distributed.group import told_by_main
from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.errors import BertIntentError
from rasa_bert_intent.training.callbacks import trained
from rasa_bert_intent.training.checkpoints import StageCheckpoints
from rasa_bert_intent.training.dropout import byte_dropouts

_WEIGHTS = "model.safetensors"
_COMPANIONS = "companions.pt"


class ResumableTrainer(Trainer):
    """A `Trainer` with checkpoints that it begins from by itself.

    The `Trainer` writes the optimizer, the learning rate's course, and each process's random states. Added are the
    weights, of which those alone that are trained, the masks of dropout, and the companions. The batches need nothing:
    those of the epochs that are over are drawn again, and not looked at.

    Args:
        world: Its processes.
        checkpoints: Where they are; None: none are written.
        batches: Draws the batches of one epoch after another.
        callbacks: Companions are those that have a `state_dict`.
    """

    def __init__(
        self,
        *,
        world: World,
        checkpoints: StageCheckpoints | None,
        batches: Iterable[list[int]],
        callbacks: list[TrainerCallback],
        **kwargs: Any,
    ) -> None:
        self._world = world
        self._checkpoints = checkpoints
        self._batches = batches
        kept = [callback for callback in callbacks if hasattr(callback, "state_dict")]
        self._companions: dict[str, Any] = {type(callback).__name__: callback for callback in kept}
        if checkpoints is not None:
            callbacks = [*callbacks, _SaveEvery(checkpoints.every)]
        super().__init__(callbacks=callbacks, **kwargs)

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Trains, from the newest checkpoint on if there is one."""
        newest = None
        if self._checkpoints is not None:
            newest = told_by_main(self._world, self._checkpoints.newest)
        if newest is not None:
            self._take_up(newest)
            kwargs["resume_from_checkpoint"] = str(newest)
        return super().train(*args, **kwargs)

    def _take_up(self, checkpoint: Path) -> None:
        device = self.args.device
        states = torch.load(checkpoint / _COMPANIONS, map_location=device, weights_only=True)
        for name, companion in self._companions.items():
            companion.load_state_dict(states[name])
        masks = checkpoint / self._masks
        if masks.is_file():  # by more processes than before there is none
            dropouts = byte_dropouts(self.model)
            for name, state in torch.load(masks, weights_only=True).items():
                dropouts[name].state = state
        for _ in range(states["epochs"]):
            for _ in self._batches:
                pass

    @property
    def _masks(self) -> str:
        return f"masks_{self._world.rank}.pt"

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """As the `Trainer`'s, but whole or not at all."""
        assert self._checkpoints is not None
        if self.control.should_training_stop:
            return
        folder = self._checkpoints.partial / f"checkpoint-{self.state.global_step}"
        scratch, self.args.output_dir = self.args.output_dir, str(folder.parent)
        try:
            if self._world.is_main:
                self._checkpoints.begin()
            self.accelerator.wait_for_everyone()
            with as_os_errors():
                super()._save_checkpoint(model, trial)
                torch.save({name: each.state for name, each in byte_dropouts(self.model).items()}, folder / self._masks)
            self.accelerator.wait_for_everyone()
            if self._world.is_main:
                self._checkpoints.finish()
        except OSError as error:
            raise BertIntentError(
                f"--checkpoints: {folder} cannot be written ({error.strerror or error}). Make room there, and repeat "
                "the command: it goes on from the checkpoint before."
            ) from None
        finally:
            self.args.output_dir = scratch

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """The first process's part: the weights that are trained, and the companions."""
        assert output_dir is not None
        folder = Path(output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: value.detach().contiguous() for name, value in trained(self.model).items()}
        save_file(weights, folder / _WEIGHTS)
        states = {name: companion.state_dict() for name, companion in self._companions.items()}
        torch.save({**states, "epochs": int(self.state.epoch or 0)}, folder / _COMPANIONS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        weights = load_file(Path(resume_from_checkpoint) / _WEIGHTS)
        with torch.no_grad():
            for name, value in trained(self.model).items():
                value.copy_(weights[name])


class _SaveEvery(TrainerCallback):
    """Asks for a checkpoint after so many steps; where an epoch ends there, once it is evaluated."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_save = state.global_step % self._steps == 0 and not float(state.epoch).is_integer()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_save = state.global_step % self._steps == 0
