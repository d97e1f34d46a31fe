"""`fit`: texts and intents in, a trained `IntentModel` out."""

from __future__ import annotations

import gc
import logging
import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from rasa_bert_intent import network as net
from rasa_bert_intent.config import Options
from rasa_bert_intent.data.split import stratified_split
from rasa_bert_intent.encoder import find_encoder, pooling_of, weights_checksum
from rasa_bert_intent.errors import DataError, ModelError, OptionsError
from rasa_bert_intent.model import EncoderIdentity, IntentModel
from rasa_bert_intent.network import IntentNetwork
from rasa_bert_intent.runtime import (
    autocast,
    choose_device,
    serves_in_bf16,
    threads,
    trains_in_bf16,
    untouched_random_state,
)
from rasa_bert_intent.training.batching import Examples, collate_features, collate_tokens
from rasa_bert_intent.training.callbacks import BestEpoch, ProgressBar, tensorboard
from rasa_bert_intent.training.dropout import use_byte_dropout
from rasa_bert_intent.training.fused_lora import fused_lora
from rasa_bert_intent.training.trainer import IntentTrainer, steps_per_epoch

logger = logging.getLogger(__name__)


def fit(
    texts: Sequence[str],
    intents: Sequence[str],
    options: Options | None = None,
    *,
    start: IntentModel | None = None,
    min_steps_fraction: float = 1.0,
    progress: bool = True,
) -> IntentModel:
    """Trains a classifier.

    Args:
        texts: The examples.
        intents: The intent of each.
        options: None: the defaults.
        start: A model (loaded with `trainable=True`) to train on, instead of a fresh one; it is changed in place.
        min_steps_fraction: Share of `min_steps` that applies: training on from a model needs fewer.
        progress: Whether to show a bar on standard error.

    Raises:
        DataError: if there are fewer than two intents.
        OptionsError: if an option does not fit the encoder or the machine.
        EncoderError: if the encoder cannot be found or read.
        ModelError: if an intent is not known to `start`.
    """
    options = (options or Options()).with_environment()
    if len(set(intents)) < 2:
        raise DataError(f"training needs examples of at least 2 intents, found {len(set(intents))}.")
    began = time.perf_counter()
    device = choose_device(options.device)
    with untouched_random_state(), threads(options.num_threads):
        torch.manual_seed(options.random_seed)
        model = _fresh_model(sorted(set(intents)), options) if start is None else _resumed(start, intents, options)
        model.device, model.bf16 = device, trains_in_bf16(options.precision, device)
        model.network.to(device)
        with _fast_on_cpu(model):
            _train(model, texts, intents, round(options.min_steps * min_steps_fraction), progress)
    model.bf16 = serves_in_bf16(options.precision, device)
    model.network.eval()
    model.training["seconds"] = round(time.perf_counter() - began, 1)
    logger.info(_summary(model))
    return model


def _fresh_model(labels: list[str], options: Options) -> IntentModel:
    source = find_encoder(options.encoder, options.encoder_revision)
    encoder = net.load_encoder(source.path)
    limit = net.longest_input(encoder.config)
    if limit is not None and options.max_length > limit:
        raise OptionsError(f"max_length: {source.name} reads at most {limit} tokens, got {options.max_length}.")
    identity = EncoderIdentity(
        options.encoder, options.encoder_revision, weights_checksum(source.path), encoder.config.model_type
    )
    if options.method == "lora":
        encoder = _with_lora(encoder, options)
    pooling = pooling_of(source.path) if options.pooling == "auto" else options.pooling
    network = IntentNetwork(encoder, pooling, len(labels))
    if options.method == "head":
        network.encoder.requires_grad_(False)
    return IntentModel(
        network=network,
        tokenizer=net.load_tokenizer(source.path),
        labels=labels,
        encoder=identity,
        options=options,
    )


def _with_lora(encoder: Any, options: Options) -> Any:
    from peft import LoraConfig, get_peft_model

    targets = options.lora_target_modules
    if targets != "all-linear":
        linear = {name.rpartition(".")[2] for name, module in encoder.named_modules() if isinstance(module, nn.Linear)}
        unknown = sorted(set(targets) - linear)
        if unknown:
            raise OptionsError(
                f"lora_target_modules: this encoder ({encoder.config.model_type}) has no linear layer "
                f"{', '.join(map(repr, unknown))}; it has {', '.join(sorted(linear))}. Name some of these, or "
                "all-linear."
            )
    config = LoraConfig(
        r=options.lora_r,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        target_modules=targets,
        use_rslora=options.lora_use_rslora,
    )
    return get_peft_model(encoder, config)


def _resumed(start: IntentModel, intents: Sequence[str], options: Options) -> IntentModel:
    unknown = sorted(set(intents) - set(start.labels))
    if unknown:
        raise ModelError(
            f"the model to train on does not know the intent{'s' if len(unknown) > 1 else ''} "
            f"{', '.join(map(repr, unknown[:5]))}{' and others' if len(unknown) > 5 else ''}. Train a new model "
            "instead."
        )
    if options.method == "lora" and start.adapter is None:
        raise ModelError("the model to train on was loaded to serve: load it with trainable=True.")
    if options.method == "head":
        start.network.encoder.requires_grad_(False)
    start.options = options
    return start


@contextmanager
def _fast_on_cpu(model: IntentModel) -> Iterator[None]:
    with ExitStack() as stack:
        if model.device.type == "cpu":
            use_byte_dropout(model.network)
            if model.adapter is not None and not model.bf16:
                stack.enter_context(fused_lora(model.network))
        yield


def _train(model: IntentModel, texts: Sequence[str], intents: Sequence[str], min_steps: int, progress: bool) -> None:
    options = model.options
    column = {label: number for number, label in enumerate(model.labels)}
    examples = Examples(
        net.tokenize(model.tokenizer, texts, options.max_length), [column[intent] for intent in intents]
    )
    train_on, held_out = stratified_split(
        examples.labels, options.held_out(len(texts), len(model.labels)), options.random_seed
    )
    epochs = _epochs(len(train_on), options, min_steps)
    best = BestEpoch(options, epochs)
    if epochs:
        epochs = _run_trainer(model, examples.subset(train_on), examples.subset(held_out), epochs, best, progress)
        # The trainer holds the network in cycles; cross-validation trains many models in one process.
        gc.collect()
        if model.device.type == "cuda":
            torch.cuda.empty_cache()
    model.training = {
        "examples": len(texts),
        "held_out": len(held_out),
        "intents": len(model.labels),
        "trainable_parameters": sum(p.numel() for p in model.network.parameters() if p.requires_grad),
        "epochs": epochs,
        "best_epoch": best.epoch or epochs,
        "dev_accuracy": best.metrics.get("eval_accuracy"),
        "dev_macro_f1": best.metrics.get("eval_macro_f1"),
        "precision": "bf16" if model.bf16 else "fp32",
        "device": str(model.device),
    }


def _epochs(num_examples: int, options: Options, min_steps: int) -> int:
    """Passes through the examples: as many as asked for, and enough for `min_steps`."""
    if options.epochs == 0:
        return 0
    steps = steps_per_epoch(num_examples, options)
    epochs = max(options.epochs, math.ceil(min_steps / steps))
    if epochs > options.epochs:
        logger.info(
            f"{options.epochs} epochs would be {options.epochs * steps} steps: training {epochs} epochs to make "
            f"min_steps: {min_steps}."
        )
    return epochs


def _run_trainer(
    model: IntentModel, train: Examples, held_out: Examples, epochs: int, best: BestEpoch, progress: bool
) -> int:
    """Trains the network in place; returns the epochs it took, which may be fewer than planned."""
    options = model.options
    bar = ProgressBar(progress)
    callbacks = [best, bar] if len(held_out) else [bar]
    if options.tensorboard_log_directory:
        callbacks.append(tensorboard(options.tensorboard_log_directory))
    lengths = [len(ids) for ids in train.inputs]
    network: nn.Module = model.network
    collate: Any = collate_tokens(model.tokenizer.pad_token_id)
    if options.method == "head":
        # The encoder does not change: what it says of each example is computed once.
        network, collate = _Head(model.network), collate_features
        train, held_out = _as_features(model, train), _as_features(model, held_out)

    def held_out_logits() -> np.ndarray:
        if options.method == "head":
            return _logits_of_features(model, held_out)
        return model.logits_of_tokens(held_out.inputs)

    with tempfile.TemporaryDirectory() as scratch:
        trainer = IntentTrainer(
            network,
            options,
            epochs=epochs,
            train=train,
            held_out=held_out.labels,
            held_out_logits=held_out_logits,
            collate=collate,
            lengths=lengths,
            device=model.device,
            output_dir=scratch,
            num_labels=len(model.labels),
            callbacks=callbacks,
        )
        bar.loss = lambda: float(trainer.running_loss)
        try:
            trainer.train()
        finally:
            bar.close()
    if best.epoch:
        best.restore(network)
    return round(trainer.state.epoch)


class _Head(nn.Module):
    """The head of a network alone, trained on features."""

    def __init__(self, network: IntentNetwork) -> None:
        super().__init__()
        self.head = network.head
        self.dropout = network.dropout

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(features)).float()


def _as_features(model: IntentModel, examples: Examples) -> Examples:
    return Examples(list(model.features_of_tokens(examples.inputs)), examples.labels)


@torch.inference_mode()
def _logits_of_features(model: IntentModel, examples: Examples) -> np.ndarray:
    with autocast(model.device, model.bf16):
        features = torch.from_numpy(np.asarray(examples.inputs)).to(model.device)
        return model.network.head(features).float().cpu().numpy()


def _summary(model: IntentModel) -> str:
    report = model.training
    scores = "no held-out examples"
    if report["dev_accuracy"] is not None:
        scores = (
            f"best epoch {report['best_epoch']} with dev accuracy {report['dev_accuracy']:.3f} and "
            f"macro-F1 {report['dev_macro_f1']:.3f} on {report['held_out']} held-out examples"
        )
    return (
        f"Trained on {report['examples']} examples of {report['intents']} intents: {model.encoder.name} "
        f"({model.options.method}, {report['trainable_parameters']:,} trainable parameters, {report['precision']} on "
        f"{report['device']}), {report['epochs']} epochs, {scores}, {report['seconds']:.0f} s."
    )
