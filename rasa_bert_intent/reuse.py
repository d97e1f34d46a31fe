"""Trained models kept by what they were trained from, so that the same training is not done again.

Rasa trains a component again when anything in its training data changed, an added synonym or story among it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rasa_bert_intent.config import Options
from rasa_bert_intent.encoder import directory_checksum, existing_file, file_checksum, find_adapter, find_encoder
from rasa_bert_intent.errors import BertIntentError
from rasa_bert_intent.storage import FORMAT, read_manifest
from rasa_bert_intent.version import __version__

logger = logging.getLogger(__name__)

# Models that are kept: a bot that is worked on goes back and forth between a few states.
_KEPT = 3


def sources_checksum(options: Options) -> str:
    """Checksum of all that the options name and training reads: encoder, adapter, files; and of our version.

    Raises:
        EncoderError: if one of them is nowhere.
    """
    checksums = [__version__, directory_checksum(find_encoder(options.encoder, options.encoder_revision).path)]
    if options.adapter:
        checksums.append(directory_checksum(find_adapter(options.adapter).path))
    for name in ("adapter_labels", "unlabelled_texts"):
        if getattr(options, name):
            checksums.append(file_checksum(existing_file(name, getattr(options, name))))
    return " ".join(checksums)


class TrainedModels:
    """Models in a folder, by a key of what they were trained from.

    Args:
        folder: Made when the first model is kept; None: nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def key(self, texts: Sequence[str], intents: Sequence[str], options: Options) -> str:
        """A checksum of all that decides what training leads to: examples in order, options, encoder, version.

        Raises:
            EncoderError: if the encoder, or another source that the options name, is nowhere.
        """
        content = [FORMAT, sources_checksum(options), options.to_dict(), list(texts), list(intents)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def find(self, key: str) -> Path | None:
        """The directory of a model, whole and unaltered; None if it is not kept."""
        if self._folder is None or not (self._folder / key).is_dir():
            return None
        directory = self._folder / key
        try:
            read_manifest(directory)
            directory.touch()  # the one used last goes last
        except (BertIntentError, OSError) as error:
            logger.debug(f"A kept model cannot be used: {error}")
            return None
        return directory

    def keep(self, key: str, directory: Path) -> None:
        """Keeps a copy of a model's directory, and of the others only the last few.

        That there is no room for it, or no permission, is no reason to fail: the model itself is stored elsewhere.
        """
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
                copied = shutil.copytree(directory, Path(scratch) / "model")
                shutil.rmtree(self._folder / key, ignore_errors=True)
                copied.rename(self._folder / key)  # whole or not at all
            newest_last = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime)
            for old in newest_last[:-_KEPT]:
                shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            logger.debug(f"The trained model was not kept for reuse: {error}")
