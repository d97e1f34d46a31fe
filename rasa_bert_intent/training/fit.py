"""`fit`: texts and intents in, a trained `IntentModel` out."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence

import torch
from transformers import TrainerCallback

from rasa_bert_intent import seen
from rasa_bert_intent.config import Options
from rasa_bert_intent.errors import DataError, ModelError, name_some
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.runtime import choose_device, serves_in_bf16, threads, untouched_random_state
from rasa_bert_intent.training import recipe
from rasa_bert_intent.training.build import fresh_model, training_mode
from rasa_bert_intent.training.calibration import calibrate
from rasa_bert_intent.training.callbacks import BestEpoch
from rasa_bert_intent.training.export import export, serves_by_onnx
from rasa_bert_intent.training.ngrams import add_ngrams
from rasa_bert_intent.training.run import prepare, run_epochs
from rasa_bert_intent.training.scope import fit_scope
from rasa_bert_intent.training.tensorboard import TensorBoardLogs
from rasa_bert_intent.training.trainer import steps_per_epoch
from rasa_bert_intent.training.validation import split

logger = logging.getLogger(__name__)


def fit(
    texts: Sequence[str],
    intents: Sequence[str],
    options: Options | None = None,
    *,
    start: IntentModel | None = None,
    min_steps_fraction: float = 1.0,
    progress: bool = True,
    watch: Callable[[IntentModel], TrainerCallback] | None = None,
) -> IntentModel:
    """Trains a classifier.

    Args:
        texts: The examples.
        intents: The intent of each.
        options: None: the defaults.
        start: A model (loaded with `trainable=True`) to train on, instead of a fresh one; it is changed in place.
        min_steps_fraction: Share of `min_steps` that applies: training on from a model needs fewer.
        progress: Whether to show a bar on standard error.
        watch: Makes what is told of every step and epoch, of the model that is trained; what it raises ends the
            training.

    Raises:
        DataError: if there are fewer than two intents, or `validation_data` is of no use.
        OptionsError: if an option does not fit the encoder or the machine.
        EncoderError: if the encoder cannot be found or read.
        ModelError: if an intent is not known to `start`.
    """
    options = (options or Options()).with_environment().without_remote()
    if len(set(intents)) < 2:
        raise DataError(f"training needs examples of at least 2 intents, found {len(set(intents))}.")
    began = time.perf_counter()
    device = choose_device(options.device)
    with untouched_random_state(), threads(options.num_threads):
        torch.manual_seed(options.random_seed)
        if start is None:
            options = recipe.choose(options, len(texts), len(set(intents)))
            model = fresh_model(sorted(set(intents)), options)
        else:
            model = _resumed(start, intents, options)
        min_steps = round(options.min_steps * min_steps_fraction)
        with training_mode(model, device):
            _train(model, texts, intents, min_steps, fresh=start is None, progress=progress, watch=watch)
    model.bf16 = serves_in_bf16(options.precision, device)
    model.seen = seen.added(model.seen, texts, intents)
    model.network.eval()
    model.training["seconds"] = round(time.perf_counter() - began, 1)
    logger.info(_summary(model))
    return model


def _resumed(start: IntentModel, intents: Sequence[str], options: Options) -> IntentModel:
    unknown = sorted(set(intents) - set(start.labels))
    if unknown:
        raise ModelError(
            f"the model to train on does not know the intent{'s' if len(unknown) > 1 else ''} "
            f"{name_some(unknown)}. Train a new model "
            "instead."
        )
    if start.options.method == "lora" and start.adapter is None:
        raise ModelError("the model to train on was loaded to serve: load it with trainable=True.")
    if start.options.method == "head":
        start.network.encoder.requires_grad_(False)
    start.options = options.completed_by(start.options.to_dict())
    start.graph = None
    return start


def _train(
    model: IntentModel,
    texts: Sequence[str],
    intents: Sequence[str],
    min_steps: int,
    *,
    fresh: bool,
    progress: bool,
    watch: Callable[[IntentModel], TrainerCallback] | None,
) -> None:
    options = model.options
    train_on, held_out = split(model, texts, intents)
    precision = "bf16" if model.bf16 else "fp32"
    epochs = _epochs(len(train_on), options, min_steps)
    best = BestEpoch(options, epochs)
    logs = TensorBoardLogs(options.tensorboard_log_directory) if epochs and options.tensorboard_log_directory else None
    if epochs:
        watchers = ([logs.curves()] if logs else []) + ([watch(model)] if watch else [])
        if fresh:
            prepare(model, train_on, progress)
        epochs, best = run_epochs(model, train_on, held_out, epochs, progress, watchers)
        add_ngrams(model, train_on)
    # What is fitted to the model's answers is fitted by the engine and in the precision that they will have.
    model.bf16 = serves_in_bf16(options.precision, model.device)
    if serves_by_onnx(model):
        model.graph = export(model, train_on, held_out)
    if epochs:
        model.scope = fit_scope(model, train_on)
        if len(held_out) and options.calibrate_confidences:
            calibrate(model, held_out)
    if logs:
        logs.finish(model, held_out)
    model.training = {
        "examples": len(texts),
        "held_out": len(held_out),
        "intents": len(model.labels),
        "trainable_parameters": sum(p.numel() for p in model.network.parameters() if p.requires_grad),
        "epochs": epochs,
        "best_epoch": best.epoch or epochs,
        "dev_accuracy": best.metrics.get("eval_accuracy"),
        "dev_macro_f1": best.metrics.get("eval_macro_f1"),
        "precision": precision,
        "engine": "torch" if model.graph is None else f"onnx {model.graph.precision}",
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


def _summary(model: IntentModel) -> str:
    report = model.training
    scores = "no held-out examples"
    if report["dev_accuracy"] is not None:
        which = "best" if model.options.holds_out else "last"
        scores = (
            f"{which} epoch {report['best_epoch']} with dev accuracy {report['dev_accuracy']:.3f} and "
            f"macro-F1 {report['dev_macro_f1']:.3f} on {report['held_out']} held-out examples"
        )
    return (
        f"Trained on {report['examples']} examples of {report['intents']} intents: {model.encoder.name} "
        f"({model.options.method}, {report['trainable_parameters']:,} trainable parameters, {report['precision']} on "
        f"{report['device']}), {report['epochs']} epochs, {scores}, {report['seconds']:.0f} s."
    )
