"""Trains by `fit`, alone or as one of torchrun's processes: python curve.py JOBS.json

Each job of the list says what is trained (`texts`, `intents`, `options`), and the folder into which the first process
writes `steps.jsonl`, a line after every step, and all processes their weights in the end. A process kills itself where
`kill` says so, as `[rank, step]`, if it has not done so before. `bf16_pays` is what the machine of each would measure.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import save_file
from transformers import TrainerCallback

from rasa_bert_intent import runtime
from rasa_bert_intent.config import Options
from rasa_bert_intent.distributed.world import World, end_with_parent
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.training.checkpoints import Checkpoints
from rasa_bert_intent.training.fit import fit

torch.set_num_threads(1)


class Steps(TrainerCallback):
    """Writes the loss after each step."""

    def __init__(self, job: dict[str, Any], rank: int) -> None:
        self.folder, self.rank = Path(job["folder"]), rank
        self.kill, self.pause = job.get("kill"), job.get("pause", 0)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        if self.rank == 0 and "loss" in logs:
            with (self.folder / "steps.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": state.global_step, "loss": logs["loss"]}) + "\n")

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        time.sleep(self.pause)
        killed = self.folder / "killed"
        if self.kill == [self.rank, state.global_step + 1] and not killed.exists():
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)


def train(job: dict[str, Any]) -> IntentModel:
    """Does one job."""
    rank, folder = World.of_environment().rank, Path(job["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    options = Options.from_config({**job["options"], "tensorboard_log_level": "batch"})
    steps = Steps(job, rank)
    with ExitStack() as stack:
        if "bf16_pays" in job:
            stack.enter_context(patch.object(runtime, "bf16_pays", lambda _: job["bf16_pays"][rank]))
        checkpoints = None
        if "every" in job:
            checkpoints = stack.enter_context(Checkpoints(folder / "checkpoints", job["every"]))
        model = fit(
            job["texts"], job["intents"], options, progress=False, watch=lambda _: steps, checkpoints=checkpoints
        )
    trained = {name: value for name, value in model.network.named_parameters() if value.requires_grad}
    save_file({name: value.detach().contiguous() for name, value in trained.items()}, folder / f"{rank}.safetensors")
    return model


if __name__ == "__main__":
    if World.of_environment().launched:
        end_with_parent()
    for each in json.loads(Path(sys.argv[1]).read_text("utf-8")):
        train(each)
