"""A model that was trained elsewhere, taken into a bot by the option `trained_model` after checking that it fits."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from rasa_bert_intent.archive import model_directory
from rasa_bert_intent.config import DEFAULT_ENCODER, SERVING_OPTIONS, Options
from rasa_bert_intent.encoder import file_checksum, find_encoder, weights_checksum
from rasa_bert_intent.errors import ModelError, name_some
from rasa_bert_intent.home import expanded
from rasa_bert_intent.seen import hashes
from rasa_bert_intent.serving import load_to_serve
from rasa_bert_intent.storage import MANIFEST, load_seen, read_manifest, write_options

logger = logging.getLogger(__name__)

# Options that say nothing of the model: config.yml's hold, or they are of no use without training.
_NOT_OF_THE_MODEL = (*SERVING_OPTIONS, "encoder", "trained_model", "tensorboard_log_directory", "tensorboard_log_level")

# Without these being the same it would be another network.
_OF_THE_NETWORK = ("method", "classification_head")


def content_checksum(options: Options) -> str:
    """The SHA-256 of the manifest of the model that `trained_model` names, which holds those of its files.

    Raises:
        ModelError: if it is missing, damaged, of another format, or does not fit the options.
        EncoderError: if `encoder` is nowhere, so that it cannot be told to be the model's.
    """
    with _model(options) as (directory, _):
        return file_checksum(directory / MANIFEST)


def take(options: Options, texts: Sequence[str], intents: Sequence[str], target: Path) -> None:
    """Copies the model that `trained_model` names, told in a few lines, after checking that it fits the bot.

    Of the options those of serving (`SERVING_OPTIONS`) are written into the copy; all others stay as it was trained.

    Args:
        options: As `config.yml` has them.
        texts: The bot's examples.
        intents: The intent of each.
        target: A directory, which may exist.

    Raises:
        ModelError: if it is missing, damaged, of another format, does not fit the options, does not know an intent of
            the examples, or cannot be served here.
        EncoderError: if `encoder` is nowhere, so that it cannot be told to be the model's.
    """
    with _model(options) as (source, manifest):
        _require_intents(manifest["labels"], intents, options)
        stored = Options.from_config(manifest["options"])
        _warn_of_other_options(options, replace(stored, pooling=manifest["pooling"]))
        for name in (MANIFEST, *manifest["files"]):
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ModelError(f"trained_model: {source / MANIFEST} names the file {name!r}, which is not in there.")
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)
        write_options(target, manifest, replace(stored, **{name: getattr(options, name) for name in SERVING_OPTIONS}))
        load_to_serve(target, options)  # what fails here would fail when the bot starts
        training, encoder = manifest["training"], manifest["encoder"]["name"]
        logger.info(
            f"Taken from {options.trained_model}, nothing is trained: encoder {encoder}, {len(manifest['labels'])} "
            f"intents, trained on {training['examples']} examples by rasa-bert-intent {manifest['version']}."
        )
        _tell_unseen(load_seen(source), texts, intents)


@contextmanager
def _model(options: Options) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The directory and the manifest of the model, whole and fit for the options."""
    assert options.trained_model is not None
    try:
        with model_directory(expanded(options.trained_model)) as directory:
            manifest = read_manifest(directory)
            _require_same_network(manifest, options)
            yield directory, manifest
    except ModelError as error:
        raise ModelError(_named(str(error))) from None


def _named(message: str) -> str:
    return message if message.startswith("trained_model: ") else f"trained_model: {message}"


def _require_same_network(manifest: dict[str, Any], options: Options) -> None:
    trained_with, remedy = manifest["options"], "Give the same or none, or train it again"
    for name in _OF_THE_NETWORK:
        if getattr(options, name) not in ("auto", trained_with[name]):
            raise ModelError(
                f"{options.trained_model} was trained with {name}: {trained_with[name]}, and config.yml says "
                f"{getattr(options, name)}. {remedy}."
            )
    if not _same_encoder(manifest["encoder"], options):
        raise ModelError(
            f"{options.trained_model} was trained with encoder: {manifest['encoder']['name']} (checksum "
            f"{manifest['encoder']['sha256'][:12]}…), and config.yml says {options.encoder}, which is another. "
            f"{remedy}."
        )


def _same_encoder(trained_on: dict[str, Any], options: Options) -> bool:
    """Whether the model's encoder is that of the options; the default one may also be there for want of another."""
    if options.encoder == DEFAULT_ENCODER and options.encoder_revision is None:
        return True
    same_name = (options.encoder, options.encoder_revision) == (trained_on["name"], trained_on["revision"])
    # The same path may be another directory on another machine.
    if same_name and not expanded(options.encoder).is_dir():
        return True
    found = find_encoder(options.encoder, options.encoder_revision)
    return weights_checksum(found.path) == trained_on["sha256"]


def _require_intents(labels: Sequence[str], intents: Sequence[str], options: Options) -> None:
    unknown = sorted(set(intents) - set(labels))
    if unknown:
        raise ModelError(
            f"{options.trained_model} does not know the intent{'s' if len(unknown) > 1 else ''} {name_some(unknown)}, "
            "of which the bot has examples. Train it again with all examples (rasa-bert-intent train), or remove "
            "trained_model to train here."
        )
    surplus = sorted(set(labels) - set(intents))
    if surplus:
        logger.warning(
            f"trained_model: the bot has no example of the intent{'s' if len(surplus) > 1 else ''} "
            f"{name_some(surplus)}, which the model knows and will give to messages. Train it again without them."
        )


def _warn_of_other_options(options: Options, stored: Options) -> None:
    """Tells of options that `config.yml` sets in vain; Rasa adds all defaults to it, so what is one may not be set."""
    others = [
        f"{f.name}: {getattr(options, f.name)} ({getattr(stored, f.name)})"
        for f in fields(Options)
        if f.name not in (*_NOT_OF_THE_MODEL, *_OF_THE_NETWORK)
        and getattr(options, f.name) not in (f.default, getattr(stored, f.name))
    ]
    if others:
        logger.warning(
            f"trained_model: the model was trained with other options than config.yml has, which change nothing now: "
            f"{', '.join(others)}, the model's in brackets. Train it again with them, or remove them."
        )


def _tell_unseen(seen: np.ndarray | None, texts: Sequence[str], intents: Sequence[str]) -> None:
    if seen is None:
        logger.warning("trained_model: the model does not say which examples it was trained on; newer versions do.")
        return
    own = hashes(texts, intents)
    unseen = np.flatnonzero(~np.isin(own, seen))
    gone = len(seen) - len(np.intersect1d(own, seen))
    also = f" {gone} that it has seen {'is' if gone == 1 else 'are'} no longer among them." if gone else ""
    if len(unseen):
        were = "was" if len(unseen) == 1 else "were"
        named = name_some([texts[index] for index in unseen])
        logger.warning(
            f"trained_model: {len(unseen)} of {len(texts)} examples {were} not seen in its training: {named}.{also} "
            "Train it again to learn from them."
        )
    else:
        logger.info(f"All {len(texts)} examples of the bot were seen in its training.{also}")
