"""Copies of models to serve: what a replica loads later, or again, is what was there at the time."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rasa_bert_intent.archive import model_directory
from rasa_bert_intent.errors import ModelError
from rasa_bert_intent.storage import fingerprint, read_manifest

_GONE = ".gone"


@dataclass(frozen=True)
class Snapshot:
    """A model's copy.

    Attributes:
        model: Its fingerprint, see `rasa_bert_intent.storage.fingerprint`.
        directory: Where it lies.
        num_labels: How many intents it has.
        num_threads: The option it was trained with.
    """

    model: str
    directory: Path
    num_labels: int
    num_threads: int | None


class Snapshots:
    """Copies in a folder, by fingerprint.

    Args:
        folder: Of their own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, path: Path) -> Snapshot:
        """Copies the model at a path, unless it is here already.

        Args:
            path: As for `rasa_bert_intent.archive.model_directory`.

        Raises:
            ModelError: if there is none, it is damaged, or it cannot be copied.
        """
        with model_directory(path) as directory:
            manifest, model = read_manifest(directory), fingerprint(directory)
            target = self._folder / model
            if not target.is_dir():
                self._copy(directory, target)
        return Snapshot(model, target, len(manifest["labels"]), manifest["options"]["num_threads"])

    def _copy(self, directory: Path, target: Path) -> None:
        partial = self._folder / ".partial"
        try:
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(directory, partial)
            read_manifest(partial)  # it may have been replaced meanwhile
            partial.rename(target)
        except OSError as error:  # shutil.Error is one
            raise ModelError(f"{directory} cannot be copied to {self._folder} ({error.strerror or error}).") from None

    def keep(self, models: Collection[str]) -> None:
        """Removes the copies of all models but these."""
        for directory in self._folder.iterdir():
            if directory.name in models:
                continue
            with suppress(OSError):  # of what cannot be removed whole the rest must not be taken for a model
                gone = directory if directory.suffix == _GONE else directory.rename(directory.with_suffix(_GONE))
                shutil.rmtree(gone)


def change_of(path: Path) -> object:
    """Something that differs once another model lies at a path; None where there is nothing."""
    try:
        files = [path / "model.json", *path.glob("*.tar.gz")] if path.is_dir() else [path]
        return sorted((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files if file.is_file())
    except OSError:  # it is being replaced
        return None
