"""transformers' `Trainer`, on one device a process, with batches of like length and the best epoch kept in memory."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback, TrainingArguments

from rasa_bert_intent.config import Options
from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.reports.metrics import accuracy, macro_f1
from rasa_bert_intent.runtime import autocast
from rasa_bert_intent.training.batching import Examples
from rasa_bert_intent.training.callbacks import AveragedWeights
from rasa_bert_intent.training.checkpoints import StageCheckpoints
from rasa_bert_intent.training.resumable import ResumableTrainer

# A layer's number in the names of parameters, such as encoder.layer.3.output.dense.weight.
_LAYER = re.compile(r"\.layers?\.(\d+)\.")

# What learns at the head's rate: the head, and the projection of a contrastive stage.
_HEADS = ("head.", "projection.")

_SCHEDULERS = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}


@dataclass
class OneDeviceArguments(TrainingArguments):
    """Training arguments for the one device that the options name.

    Left alone, the `Trainer` takes `cuda:0`, whatever was asked for, and wraps the model in `DataParallel` when
    several GPUs are visible.
    """

    chosen_device: Any = field(default=None)

    @cached_property
    def _setup_devices(self) -> torch.device:
        device = super()._setup_devices
        self._n_gpu: int = min(self.__dict__["_n_gpu"], 1)
        if self.chosen_device is None:
            return device
        chosen = torch.device(self.chosen_device)
        if chosen.type == "cuda":
            torch.cuda.set_device(chosen)
        self.distributed_state.device = chosen
        return chosen


class _Loss(nn.Module):
    """The loss of a network as a module, to be called: what DistributedDataParallel and the like can be wrapped around.

    Args:
        network: What is trained.
        objective: See `IntentTrainer`.
    """

    def __init__(self, network: nn.Module, objective: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.network = network.train()
        self.objective = objective
        self._trained = [parameter for parameter in network.parameters() if parameter.requires_grad]

    def forward(self, inputs: dict[str, torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        return self.objective(self.network, inputs, labels)

    # The trainer calls both at every step. By way of all modules they take a twentieth of it.
    def train(self, mode: bool = True) -> _Loss:
        return self if self.training == self.network.training == mode else super().train(mode)

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        return iter(self._trained)


class IntentTrainer(ResumableTrainer):
    """Trains a network by an objective.

    Args:
        network: What is trained.
        objective: The loss of the network for collated inputs and their labels.
        options: Of the training.
        epochs: Passes through the examples.
        train: Examples to train on.
        batches: Draws their indices.
        held_out: Labels of the held-out examples, `held_out_logits` giving their logits; empty: no evaluation.
        collate: Makes a list of examples into the network's inputs and `labels`.
        device: Where the network lies.
        bf16: Whether it is trained in bf16.
        output_dir: A directory for whatever the `Trainer` may write.
        world: The processes that train.
        checkpoints: Where it is gone on from after a stop; None: nowhere.
    """

    def __init__(
        self,
        network: nn.Module,
        objective: Callable[[Any, dict[str, torch.Tensor], torch.Tensor], torch.Tensor],
        options: Options,
        *,
        epochs: int,
        train: Examples,
        batches: Iterable[list[int]],
        collate: Callable[[list[Any]], dict[str, torch.Tensor]],
        device: torch.device,
        bf16: bool,
        output_dir: str,
        callbacks: list[TrainerCallback],
        held_out: Sequence[int] = (),
        held_out_logits: Callable[[], np.ndarray] | None = None,
        world: World,
        checkpoints: StageCheckpoints | None,
    ) -> None:
        self._network = network
        self._options = options
        self._examples = train
        self._held_out = np.asarray(held_out)
        self._held_out_logits = held_out_logits
        self._collate = collate
        self._averaged = AveragedWeights(network, options.ema_decay) if options.ema_decay else None
        self.running_loss: Any = 0.0
        steps = steps_per_epoch(len(train), options) * epochs
        # transformers 4 leaves an earlier training's precision there, and would train in it again.
        os.environ.pop("ACCELERATE_MIXED_PRECISION", None)
        args = OneDeviceArguments(
            output_dir=output_dir,
            chosen_device=str(device),
            use_cpu=device.type == "cpu",
            num_train_epochs=epochs,
            per_device_train_batch_size=options.batch_size,
            gradient_accumulation_steps=options.gradient_accumulation_steps,
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
            warmup_steps=round(options.warmup_ratio * steps),
            lr_scheduler_type=_SCHEDULERS[options.lr_scheduler],
            max_grad_norm=options.max_grad_norm,
            bf16=bf16,
            seed=(options.random_seed + world.rank) % 2**32,  # other dropout masks in each process
            ddp_find_unused_parameters=False,
            ddp_broadcast_buffers=False,  # they are constants
            logging_strategy="steps" if options.tensorboard_log_level == "batch" else "epoch",
            logging_steps=1,
            save_strategy="no",
            eval_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=device.type == "cuda",
        )
        if self._averaged is not None:
            callbacks = [self._averaged, *callbacks]
        super().__init__(
            world=world,
            checkpoints=checkpoints,
            batches=batches,
            callbacks=callbacks,
            model=_Loss(network, objective),
            args=args,
            train_dataset=train,
        )
        self.remove_callback(PrinterCallback)  # prints to standard output, which belongs to Rasa

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The batches; no workers, which would fork a process that runs torch.

        Each process draws the same batches, and takes its share as it collates them.
        """
        return DataLoader(
            self._examples,
            batch_sampler=self._batches,
            collate_fn=self._collate,
            pin_memory=self.args.dataloader_pin_memory,
        )

    def create_optimizer(self, *_: Any) -> torch.optim.Optimizer:
        """AdamW with rates of their own for the head and, if asked for, each layer; no decay of biases and norms."""
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        rates = learning_rates(self._network, self._options)
        for name, parameter in self._network.named_parameters():
            if parameter.requires_grad:
                rate = rates[name]
                decay = self._options.weight_decay if parameter.ndim > 1 else 0.0
                groups.setdefault((rate, decay), []).append(parameter)
        self.optimizer = torch.optim.AdamW(
            [{"params": group, "lr": rate, "weight_decay": decay} for (rate, decay), group in groups.items()],
            fused=self.args.device.type in ("cpu", "cuda"),
        )
        return self.optimizer

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The objective's loss of a batch."""
        labels = inputs.pop("labels")
        with autocast(labels.device, self.args.bf16):
            loss = model(inputs, labels)
        self.running_loss = loss.detach()
        return loss

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Trains; at the end the weights are the averaged ones, if the options ask for them."""
        result = super().train(*args, **kwargs)
        if self._averaged is not None:
            self._averaged.swap()
        return result

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Loss, accuracy and macro-F1 on the held-out examples."""
        with self._averaged.in_place() if self._averaged is not None else nullcontext():
            return self._score_held_out()

    def _score_held_out(self) -> dict[str, float]:
        assert self._held_out_logits is not None
        logits = self._held_out_logits()
        metrics = {
            "eval_loss": float(nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(self._held_out))),
            "eval_accuracy": accuracy(self._held_out, logits.argmax(axis=1)),
            "eval_macro_f1": macro_f1(self._held_out, logits.argmax(axis=1)),
        }
        self.log(metrics)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def steps_per_epoch(num_examples: int, options: Options) -> int:
    """Changes of the weights in one pass through the examples."""
    batches = math.ceil(num_examples / options.batch_size)
    return math.ceil(batches / options.gradient_accumulation_steps)


def learning_rates(network: nn.Module, options: Any) -> dict[str, float]:
    """The peak learning rate of every parameter by its name.

    The head has its own; with `layer_lr_decay` the rate falls from each encoder layer to the one below it, and the
    embeddings, below all, have the lowest. What comes after the layers learns as the top one does.
    """
    names = [name for name, _ in network.named_parameters()]
    layers = {name: int(match[1]) + 1 for name in names if (match := _LAYER.search(name))}
    top = max(layers.values(), default=0)
    depth = {name: 0 if "embedding" in name else layers.get(name, top) for name in names}
    return {
        name: options.head_learning_rate
        if name.startswith(_HEADS)
        else options.learning_rate * options.layer_lr_decay ** (top - depth[name])
        for name in names
    }
