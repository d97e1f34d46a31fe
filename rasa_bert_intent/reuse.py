"""Trained models kept by what they were trained from, so that the same training is not done again.

Rasa trains a component again when anything in its training data changed, an added synonym or story among it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from rasa_bert_intent.config import Options
from rasa_bert_intent.encoder import directory_checksum, existing_files, file_checksum, find_adapter, find_encoder
from rasa_bert_intent.errors import BertIntentError
from rasa_bert_intent.storage import FORMAT, read_manifest
from rasa_bert_intent.trained_model import content_checksum
from rasa_bert_intent.version import __version__

logger = logging.getLogger(__name__)

# Models that are kept: a bot that is worked on goes back and forth between a few states.
_KEPT = 3
_KEY = re.compile("[0-9a-f]{64}")
_BROKEN_OFF_SECONDS = 24 * 60 * 60  # a copy takes seconds: after a day its process was killed

# Whose versions may change what training leads to.
LIBRARIES = ("torch", "transformers", "peft", "onnx", "onnxruntime", "tokenizers")


def sources_checksum(options: Options) -> str:
    """Checksum of all that the options name and training reads: encoder, adapter, files; and of our version and format.

    Under `trained_model` that model is all that is read.

    Raises:
        EncoderError: if one of them is nowhere.
        OptionsError: if the encoder reads fewer tokens than `max_length`.
        ModelError: if the model that `trained_model` names is missing, damaged, or does not fit the options.
    """
    if options.trained_model:
        return f"{__version__} {FORMAT} {content_checksum(options)}"
    from rasa_bert_intent.network import check_length, load_config

    encoder = find_encoder(options.encoder, options.encoder_revision)
    check_length(encoder.name, load_config(encoder.path), options.max_length)
    checksums = [__version__, str(FORMAT), _with_adapter(directory_checksum(encoder.path), options)]
    for name in ("adapter_labels", "unlabelled_texts", "validation_data"):
        if getattr(options, name):
            checksums.append(file_checksum(*existing_files(name, getattr(options, name))))
    return " ".join(checksums)


def encoder_checksum(options: Options) -> str:
    """Checksum of the encoder and its adapter: weights, configuration and tokenizer.

    Raises:
        EncoderError: if one of them is nowhere.
    """
    return _with_adapter(directory_checksum(find_encoder(options.encoder, options.encoder_revision).path), options)


def _with_adapter(encoder: str, options: Options) -> str:
    return f"{encoder} {directory_checksum(find_adapter(options.adapter).path)}" if options.adapter else encoder


def training_checksum(options: Options) -> str:
    """`sources_checksum`, and the settings of this machine that training depends on: engine, precision, device.

    Args:
        options: With those of the environment.

    Raises:
        OptionsError: if the device is not there.
        EncoderError, OptionsError, ModelError: as `sources_checksum` does.
    """
    if options.trained_model:  # nothing is trained
        return sources_checksum(options)
    from rasa_bert_intent.runtime import choose_device

    options = options.without_remote()
    return f"{sources_checksum(options)} {options.engine} {options.precision} {choose_device(options.device)}"


class TrainedModels:
    """Models in a folder, by a key of what they were trained from.

    Args:
        folder: Made when the first model is kept.
        most_mb: Larger models are not kept.
    """

    def __init__(self, folder: Path, most_mb: float) -> None:
        self._folder = folder
        self._most_mb = most_mb

    def key(self, texts: Sequence[str], intents: Sequence[str], options: Options) -> str:
        """A checksum of all that decides what training leads to: examples in order, options, encoder, version.

        Raises:
            OptionsError: if the device is not there.
            EncoderError: if the encoder, or another source that the options name, is nowhere.
        """
        libraries = [f"{name} {version(name)}" for name in LIBRARIES]
        content = [
            FORMAT,
            training_checksum(options),
            libraries,
            options.without_remote().to_dict(),
            list(texts),
            list(intents),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def find(self, key: str) -> Path | None:
        """The directory of a model, whole and unaltered; None if it is not kept.

        Another training may clear it away at any time.
        """
        directory = self._folder / key
        if not directory.is_dir():
            return None
        try:
            read_manifest(directory)
            directory.touch()  # the one used last goes last
        except (BertIntentError, OSError) as error:
            logger.debug(f"A kept model cannot be used: {error}")
            return None
        return directory

    def copy(self, key: str, directory: Path) -> bool:
        """Copies a model into a directory, told in one line; False if it is not kept, or went while it was copied."""
        found = self.find(key)
        if found is None:
            return False
        try:
            shutil.copytree(found, directory, dirs_exist_ok=True)
        except (OSError, shutil.Error) as error:
            logger.debug(f"A kept model cannot be copied: {error}")
            for path in directory.iterdir():  # the part of a model that was copied, perhaps without what tells it
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            return False
        logger.info(
            "Examples of intents, options and encoder are as they were in an earlier training: its model is used "
            f"again, nothing is trained. To train all the same, delete {self._folder.resolve()} and Rasa's own cache "
            "beside it."
        )
        return True

    def keep(self, key: str, directory: Path) -> None:
        """Keeps a copy of a model's directory, and of the others only the last few.

        That there is no room for it, or no permission, is no reason to fail: the model itself is stored elsewhere.
        """
        try:
            if sum(file.stat().st_size for file in directory.rglob("*")) > self._most_mb * 1e6:
                return
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
                copied = shutil.copytree(directory, Path(scratch) / "model")
                shutil.rmtree(self._folder / key, ignore_errors=True)
                copied.rename(self._folder / key)  # whole or not at all
            kept = [path for path in self._folder.iterdir() if _KEY.fullmatch(path.name)]
            newest_last = sorted(kept, key=lambda path: path.stat().st_mtime)
            for old in newest_last[:-_KEPT]:
                shutil.rmtree(old, ignore_errors=True)
            for copy in self._folder.glob(f"{tempfile.gettempprefix()}*"):
                if time.time() - copy.stat().st_mtime > _BROKEN_OFF_SECONDS:
                    shutil.rmtree(copy, ignore_errors=True)
        except OSError as error:
            logger.debug(f"The trained model was not kept for reuse: {error}")
