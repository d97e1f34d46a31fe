"""Trains a model's network in place: the contrastive stage, the head's start, the epochs, the best one restored."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import TrainerCallback, TrainerState

from rasa_bert_intent.distributed.group import rows_of_all
from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.network import IntentNetwork
from rasa_bert_intent.training.batching import Examples, batch_sampler, collate_features, collate_tokens
from rasa_bert_intent.training.callbacks import BestEpoch, ProgressBar
from rasa_bert_intent.training.checkpoints import Checkpoints, StageCheckpoints
from rasa_bert_intent.training.objectives import Classification, class_weights
from rasa_bert_intent.training.stage import contrastive_stage
from rasa_bert_intent.training.trainer import IntentTrainer


@dataclass(frozen=True)
class Run:
    """How a model is trained.

    Attributes:
        world: The processes that train it.
        checkpoints: Where it is gone on from after a stop; None: nowhere.
        progress: Whether to show a bar on standard error.
        watchers: Are told of every step and score.
        least_steps: Before which no lack of gain ends it.
    """

    world: World
    checkpoints: Checkpoints | None = None
    progress: bool = True
    watchers: Sequence[TrainerCallback] = ()
    least_steps: int = 0

    def checkpoints_of(self, stage: str) -> StageCheckpoints | None:
        """Those of a stage, see `Checkpoints.of`."""
        return self.checkpoints.of(stage) if self.checkpoints is not None else None


def prepare(model: IntentModel, train: Examples, run: Run) -> None:
    """What comes before the epochs of a fresh model: the contrastive stage, and a cosine head's start at the means."""
    if model.options.contrastive_stage != "none":
        contrastive_stage(model, train, run.progress, run.world, run.checkpoints_of("stage"))
    if model.options.classification_head == "cosine":
        features = torch.from_numpy(_features(model, train, run.world)).to(model.device)
        model.network.head.start_at_means(features, torch.tensor(train.labels, device=model.device))


def run_epochs(
    model: IntentModel,
    train: Examples,
    held_out: Examples,
    epochs: int,
    run: Run,
) -> tuple[TrainerState, BestEpoch]:
    """Trains a model's network in place.

    Args:
        model: On its device.
        train: Examples to train on, as token ids.
        held_out: Examples that tell the best epoch, whose weights are restored; there may be none.
        epochs: Passes through the examples, above 0.
        run: How.

    Returns:
        Where it ended, which may be before those epochs, and the best of them.
    """
    try:
        return _run_trainer(model, train, held_out, epochs, run)
    finally:
        # The trainer holds the network in cycles; cross-validation trains many models in one process.
        gc.collect()
        if model.device.type == "cuda":
            torch.cuda.empty_cache()


def _run_trainer(
    model: IntentModel,
    train: Examples,
    held_out: Examples,
    epochs: int,
    run: Run,
) -> tuple[TrainerState, BestEpoch]:
    options, world = model.options, run.world
    network: Any = model.network
    collate: Any = collate_tokens(model.tokenizer.pad_token_id, world)
    batches = batch_sampler(train, options)
    if options.method == "head":
        # The encoder does not change: what it says of each example is computed once.
        network, collate = _Head(model.network), collate_features(world)
        train = replace(train, inputs=list(_features(model, train, world)))
        held_out = replace(held_out, inputs=list(_features(model, held_out, world)))

    def held_out_logits() -> np.ndarray:
        if options.method == "head":
            return model.logits_of_features(np.asarray(held_out.inputs))
        return model.logits_of_features(_features(model, held_out, world))

    best, bar = BestEpoch(network, options, epochs, run.least_steps), ProgressBar(run.progress)
    callbacks = [*run.watchers, best, bar] if len(held_out) else [*run.watchers, bar]

    weights = class_weights(train.labels, len(model.labels), options.class_weights).to(model.device)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = IntentTrainer(
            network,
            Classification(options, weights),
            options,
            epochs=epochs,
            train=train,
            batches=batches,
            collate=collate,
            device=model.device,
            bf16=model.bf16,
            output_dir=scratch,
            callbacks=callbacks,
            held_out=held_out.labels,
            held_out_logits=held_out_logits,
            world=world,
            checkpoints=run.checkpoints_of("epochs"),
        )
        bar.loss = lambda: float(trainer.running_loss)
        try:
            trainer.train()
        finally:
            bar.close()
    best.restore()
    return trainer.state, best


class _Head(nn.Module):
    """The head of a network alone, trained on features."""

    def __init__(self, network: IntentNetwork) -> None:
        super().__init__()
        self.head = network.head
        self.classify = network.classify

    def features(self, features: torch.Tensor) -> torch.Tensor:
        return features


def _features(model: IntentModel, examples: Examples, world: World) -> np.ndarray:
    return rows_of_all(world, model.features_of_tokens, examples.inputs)
