"""`fit`: texts and intents in, a trained `IntentModel` out."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from transformers import TrainerCallback

from rasa_bert_intent import seen
from rasa_bert_intent.config import Options
from rasa_bert_intent.distributed.group import joined, told_by_main
from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.errors import DataError, ModelError, OptionsError, name_some
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.reuse import encoder_checksum
from rasa_bert_intent.runtime import choose_device, serves_in_bf16, threads, trains_in_bf16, untouched_random_state
from rasa_bert_intent.training import recipe
from rasa_bert_intent.training.batching import Examples
from rasa_bert_intent.training.build import fresh_model, place_for_training, quick_steps
from rasa_bert_intent.training.calibration import fit_confidences
from rasa_bert_intent.training.callbacks import BestEpoch
from rasa_bert_intent.training.checkpoints import Checkpoints, identity
from rasa_bert_intent.training.export import export, serves_by_onnx
from rasa_bert_intent.training.names import with_names
from rasa_bert_intent.training.ngrams import add_ngrams
from rasa_bert_intent.training.run import Run, prepare, run_epochs
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
    checkpoints: Checkpoints | None = None,
) -> IntentModel:
    """Trains a classifier.

    Several processes that torchrun, accelerate or Ray Train started train it together when each of them calls this. The
    first one alone finishes the model: those of the others have the trained network, and nothing else.

    Args:
        texts: The examples.
        intents: The intent of each.
        options: None: the defaults.
        start: A model (loaded with `trainable=True`) to train on, instead of a fresh one; it is changed in place.
        min_steps_fraction: Share of `min_steps` that applies: training on from a model needs fewer.
        progress: Whether to show a bar on standard error.
        watch: Makes what is told of every step and epoch, of the model that is trained; what it raises ends the
            training.
        checkpoints: Where the training of a fresh model is gone on from after a stop; None: nowhere.

    Raises:
        BertIntentError: if the checkpoints are of another training, or another process is lost.
        DataError: if there are fewer than two intents, not one for each text, or `validation_data` is of no use.
        OptionsError: if an option does not fit the encoder or the machine, or the training diverges.
        EncoderError: if the encoder cannot be found or read.
        ModelError: if an intent is not known to `start`.
    """
    options = (options or Options()).with_environment().without_remote()
    if len(texts) != len(intents):
        raise DataError(f"each text needs an intent, found {len(texts)} texts and {len(intents)} intents.")
    strange = {type(text).__name__ for text in texts if not isinstance(text, str)}
    if strange:
        raise DataError(f"the texts to train on must be str, found {', '.join(sorted(strange))}.")
    if len(set(intents)) < 2:
        raise DataError(
            f"training needs examples of at least 2 intents, found {len(set(intents))}. Add another intent."
        )
    began = time.perf_counter()
    world = World.of_environment()
    if world.size > options.batch_size:
        raise OptionsError(
            f"batch_size: {options.batch_size} examples a step are too few for {world.size} processes. Start at most "
            f"{options.batch_size}, or give a larger batch_size."
        )
    with untouched_random_state(), joined(world, options.device), threads(options.num_threads):
        device = choose_device(options.device)
        torch.manual_seed(options.random_seed)
        if start is None:
            options = recipe.choose(options, len(texts), len(set(intents)))
            model = fresh_model(sorted(set(intents)), options)
        else:
            model = _resumed(start, intents, options)
        if not world.is_main:
            torch.manual_seed(options.random_seed + world.rank)  # other dropout masks than the first process
        assert model.options.min_steps is not None
        min_steps = round(model.options.min_steps * min_steps_fraction)
        watchers = [watch(model)] if watch else []
        run = Run(world, checkpoints, progress and world.is_main, watchers, min_steps)
        place_for_training(model, device)
        with _told_where_memory_ends(model):
            _train(model, texts, intents, fresh=start is None, run=run)
    model.bf16 = serves_in_bf16(options.precision, device, model.encoder.model_type)
    model.seen = seen.added(model.seen, texts, intents)
    model.network.eval()
    if world.is_main:
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
    start.options = replace(options.completed_by(start.options.to_dict()), max_length=start.options.max_length)
    start.graph = None
    return start


@contextmanager
def _told_where_memory_ends(model: IntentModel) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # on a GPU torch.OutOfMemoryError, which is one
        if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(error):
            raise
        raise OptionsError(
            f"batch_size: {model.options.batch_size} examples a step take more memory than {model.device} has free. "
            "Lower it, and raise gradient_accumulation_steps by as much; or lower max_length."
        ) from None


def _train(model: IntentModel, texts: Sequence[str], intents: Sequence[str], *, fresh: bool, run: Run) -> None:
    options = model.options
    # What a model trained on all examples has learnt is no measure of what it trains on.
    learnt_all = not (fresh or options.holds_out or model.training.get("held_out"))
    train_on, held_out = split(model, texts, intents, hold_out=not learnt_all)
    learned = with_names(model, train_on, held_out, run.world) if options.epochs else train_on
    epochs = _epochs(len(learned), options, run.least_steps)
    best, steps, precision = BestEpoch(model.network, options, epochs), 0, "fp32"
    logs = None
    if epochs and options.tensorboard_log_directory and run.world.is_main:
        logs = TensorBoardLogs(options.tensorboard_log_directory)
        run = replace(run, watchers=[logs.curves(), *run.watchers])
    if epochs:
        precision, began = _begin(model, learned, held_out, epochs, run)
        model.bf16 = precision == "bf16"
        with quick_steps(model):
            if fresh and not began:
                prepare(model, learned, run)
            state, best = run_epochs(model, learned, held_out, epochs, run)
        epochs, steps = round(state.epoch), state.global_step
    if not run.world.is_main:
        return
    _check_finite(model)
    if epochs:
        add_ngrams(model, learned)
    # What is fitted to the model's answers is fitted by the engine and in the precision that they will have.
    model.bf16 = serves_in_bf16(options.precision, model.device, model.encoder.model_type)
    if serves_by_onnx(model):
        model.graph = export(model, train_on, held_out)
    if epochs:
        fit_confidences(model, train_on, held_out, fresh=fresh)
    if logs:
        logs.finish(model, held_out)
    model.training = {
        "examples": len(texts),
        "held_out": len(held_out),
        "intents": len(model.labels),
        "trainable_parameters": sum(p.numel() for p in model.network.parameters() if p.requires_grad),
        "epochs": epochs,
        "steps": steps,
        "best_epoch": best.epoch or epochs,
        "dev_accuracy": best.metrics.get("eval_accuracy"),
        "dev_macro_f1": best.metrics.get("eval_macro_f1"),
        "precision": precision,
        "engine": "torch" if model.graph is None else f"onnx {model.graph.precision}",
        "device": str(model.device),
        "processes": run.world.size,
    }


def _check_finite(model: IntentModel) -> None:
    if all(torch.isfinite(parameter).all() for parameter in model.network.parameters()):
        return
    raise OptionsError(
        f"the training of {model.encoder.name} ended in weights that are no numbers. Lower learning_rate and "
        "head_learning_rate; if that does not help, the encoder's own weights are damaged: fetch it again."
    )


def _begin(model: IntentModel, train_on: Examples, held_out: Examples, epochs: int, run: Run) -> tuple[str, bool]:
    """Makes the checkpoints this training's.

    Returns:
        The precision of the training, in every process that of the first; and whether the checkpoints go beyond what
        comes before the epochs.
    """
    options, checkpoints = model.options, run.checkpoints

    def claim() -> tuple[str, int | None]:
        bf16 = trains_in_bf16(options.precision, model.device, model.encoder.model_type)
        precision = "bf16" if bf16 else "fp32"
        if checkpoints is None:
            return precision, None
        training = identity(
            options,
            epochs,
            encoder_checksum(options),
            (train_on.texts, train_on.labels, model.labels),
            (held_out.texts, held_out.labels),
        )
        return checkpoints.claim(training, precision), checkpoints.step()

    precision, step = told_by_main(run.world, claim)
    if checkpoints is not None and step is not None:
        logger.info(f"Goes on from {checkpoints.folder}, after step {step}.")
    return precision, step is not None


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
