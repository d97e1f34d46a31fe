"""transformers' `Trainer`, on one device, with batches of like length and the best epoch kept in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from rasa_bert_intent.config import Options
from rasa_bert_intent.reports.metrics import accuracy, macro_f1
from rasa_bert_intent.runtime import trains_in_bf16
from rasa_bert_intent.training.batching import Examples, LengthBatches

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


class IntentTrainer(Trainer):
    """Trains a network that gives logits, by cross-entropy.

    Args:
        network: Called with the collated inputs, returns logits.
        options: Of the training.
        epochs: Passes through the examples.
        train: Examples to train on.
        held_out: Labels of the held-out examples, `held_out_logits` giving their logits; empty: no evaluation.
        collate: Makes a list of examples into the network's inputs and `labels`.
        lengths: Tokens of each training example.
        device: Where the network lies.
        output_dir: A directory for whatever the `Trainer` may write.
    """

    def __init__(
        self,
        network: nn.Module,
        options: Options,
        *,
        epochs: int,
        train: Examples,
        held_out: Sequence[int],
        held_out_logits: Callable[[], np.ndarray],
        collate: Callable[[list[Any]], dict[str, torch.Tensor]],
        lengths: Sequence[int],
        device: torch.device,
        output_dir: str,
        num_labels: int,
        callbacks: list[TrainerCallback],
    ) -> None:
        self._options = options
        self._examples = train
        self._held_out = np.asarray(held_out)
        self._held_out_logits = held_out_logits
        self._collate = collate
        self._lengths = lengths
        self.running_loss = 0.0
        steps = steps_per_epoch(len(train), options) * epochs
        args = OneDeviceArguments(
            output_dir=output_dir,
            chosen_device=str(device),
            use_cpu=device.type == "cpu",
            num_train_epochs=epochs,
            per_device_train_batch_size=options.batch_size,
            gradient_accumulation_steps=options.gradient_accumulation_steps,
            learning_rate=options.learning_rates()[0],
            weight_decay=options.weight_decay,
            warmup_steps=round(options.warmup_ratio * steps),
            lr_scheduler_type=_SCHEDULERS[options.lr_scheduler],
            max_grad_norm=options.max_grad_norm,
            bf16=trains_in_bf16(options.precision, device),
            seed=options.random_seed,
            logging_strategy="steps" if options.tensorboard_log_level == "batch" else "epoch",
            logging_steps=1,
            save_strategy="no",
            eval_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=device.type == "cuda",
        )
        super().__init__(model=network, args=args, train_dataset=train, callbacks=callbacks)
        self.remove_callback(PrinterCallback)  # prints to standard output, which belongs to Rasa
        self._loss = nn.CrossEntropyLoss(
            weight=_class_weights(train.labels, num_labels, options.class_weights).to(device),
            label_smoothing=options.label_smoothing,
        )

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches of like length; no workers, which would fork a process that runs torch."""
        batches = LengthBatches(self._lengths, self._options.batch_size, self._options.random_seed)
        loader: DataLoader[Any] = DataLoader(
            self._examples,
            batch_sampler=batches,
            collate_fn=self._collate,
            pin_memory=self.args.dataloader_pin_memory,
        )
        return self.accelerator.prepare(loader)

    def create_optimizer(self, *_: Any) -> torch.optim.Optimizer:
        """AdamW with a rate of its own for the head, and no decay of biases and norms."""
        encoder_rate, head_rate = self._options.learning_rates()
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                rate = head_rate if name.startswith("head.") else encoder_rate
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
        """Cross-entropy with label smoothing and class weights."""
        labels = inputs.pop("labels")
        logits = model(**inputs)
        loss = self._loss(logits, labels)
        self.running_loss = loss.detach()
        return (loss, logits) if return_outputs else loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Loss, accuracy and macro-F1 on the held-out examples."""
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


def _class_weights(labels: Sequence[int], num_labels: int, kind: str) -> torch.Tensor:
    """The weight of each label in the loss, `[labels]`: 1, or the inverse of its frequency (1 on average)."""
    if kind == "none":
        return torch.ones(num_labels)
    counts = torch.bincount(torch.tensor(labels), minlength=num_labels).float()
    weights = len(labels) / ((counts > 0).sum() * counts.clamp(min=1))
    return torch.where(counts > 0, weights, torch.ones(()))
