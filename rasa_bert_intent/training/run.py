"""Trains a model's network in place: the contrastive stage, the head's start, the epochs, the best one restored."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import TrainerCallback

from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.network import IntentNetwork
from rasa_bert_intent.training.batching import Examples, batch_sampler, collate_features, collate_tokens
from rasa_bert_intent.training.callbacks import BestEpoch, ProgressBar
from rasa_bert_intent.training.objectives import Classification, class_weights
from rasa_bert_intent.training.stage import contrastive_stage
from rasa_bert_intent.training.trainer import IntentTrainer


def prepare(model: IntentModel, train: Examples, progress: bool) -> None:
    """What comes before the epochs of a fresh model: the contrastive stage, and a cosine head's start at the means."""
    if model.options.contrastive_stage != "none":
        contrastive_stage(model, train, progress)
    if model.options.classification_head == "cosine":
        features = torch.from_numpy(model.features_of_tokens(train.inputs)).to(model.device)
        model.network.head.start_at_means(features, torch.tensor(train.labels, device=model.device))


def run_epochs(
    model: IntentModel,
    train: Examples,
    held_out: Examples,
    epochs: int,
    progress: bool,
    watchers: Sequence[TrainerCallback] = (),
) -> tuple[int, BestEpoch]:
    """Trains a model's network in place.

    Args:
        model: On its device.
        train: Examples to train on, as token ids.
        held_out: Examples that tell the best epoch, whose weights are restored; there may be none.
        epochs: Passes through the examples, above 0.
        progress: Whether to show a bar on standard error.
        watchers: Are told of every step and score.

    Returns:
        The epochs it took, which may be fewer, and the best of them.
    """
    try:
        return _run_trainer(model, train, held_out, epochs, ProgressBar(progress), watchers)
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
    bar: ProgressBar,
    watchers: Sequence[TrainerCallback],
) -> tuple[int, BestEpoch]:
    options = model.options
    best = BestEpoch(options, epochs)
    callbacks = [*watchers, best, bar] if len(held_out) else [*watchers, bar]
    network: Any = model.network
    collate: Any = collate_tokens(model.tokenizer.pad_token_id)
    batches = batch_sampler(train, options)
    if options.method == "head":
        # The encoder does not change: what it says of each example is computed once.
        network, collate = _Head(model.network), collate_features
        train, held_out = _as_features(model, train), _as_features(model, held_out)

    def held_out_logits() -> np.ndarray:
        if options.method == "head":
            return model.logits_of_features(np.asarray(held_out.inputs))
        return model.logits_of_features(model.features_of_tokens(held_out.inputs))

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
            output_dir=scratch,
            callbacks=callbacks,
            held_out=held_out.labels,
            held_out_logits=held_out_logits,
        )
        bar.loss = lambda: float(trainer.running_loss)
        try:
            trainer.train()
        finally:
            bar.close()
    best.restore(network)
    return round(trainer.state.epoch), best


class _Head(nn.Module):
    """The head of a network alone, trained on features."""

    def __init__(self, network: IntentNetwork) -> None:
        super().__init__()
        self.head = network.head
        self.classify = network.classify

    def features(self, features: torch.Tensor) -> torch.Tensor:
        return features


def _as_features(model: IntentModel, examples: Examples) -> Examples:
    return replace(examples, inputs=list(model.features_of_tokens(examples.inputs)))
