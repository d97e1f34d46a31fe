"""The folder of a training's checkpoints: whose they are, which is the newest, and how one is written whole."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasa_bert_intent.config import SERVING_OPTIONS, Options
from rasa_bert_intent.data.output import sync
from rasa_bert_intent.encoder import file_checksum
from rasa_bert_intent.errors import BertIntentError, name_some
from rasa_bert_intent.home import expanded

_TRAINING = "training.json"
_LOCK = "lock"
_PRECISION = "precision"
_STAGES = ("stage", "epochs")
_PARTIAL = "partial"

# The processes of a launcher that was killed end a moment after it.
_TRIES, _SECONDS_BETWEEN_TRIES = 50, 0.2

# Options that change nothing of a training.
_OTHERS = {*SERVING_OPTIONS, "tensorboard_log_directory", "tensorboard_log_level"}


class Checkpoints:
    """The checkpoints of one training, in a folder that all its processes see; a context manager.

    The folder::

        training.json            what is trained, so that no other training goes on from it, and in which precision
        lock                     held while it is trained
        stage/checkpoint-400/    of a contrastive stage
        epochs/checkpoint-200/   of the epochs: the newest alone

    Args:
        folder: Need not exist.
        every: Steps between two checkpoints, above 0.
    """

    def __init__(self, folder: Path, every: int) -> None:
        self.folder = folder
        self.every = every
        self._lock: Any = None
        self._claimed = False

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.close()

    def claim(self, training: Mapping[str, Any], precision: str) -> str:
        """Makes the folder this training's, or finds that it is; until the end of the block no other process gets it.

        Args:
            training: What tells it from others, as JSON takes it.
            precision: In which it is trained if it has not begun.

        Returns:
            The precision in which it is trained: what is measured on another day may be another.

        Raises:
            BertIntentError: if the folder cannot be written, is in use, or holds anything else.
        """
        with self._told():
            self.folder.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            file = self.folder / _TRAINING
            if not file.exists():
                foreign = sorted({path.name for path in self.folder.iterdir()} - {_LOCK, f"{_TRAINING}.{_PARTIAL}"})
                if foreign:
                    raise self._error(f"it holds {name_some(foreign)}, which is no checkpoint. Name another folder.")
                self._write({**training, _PRECISION: precision})
                self._claimed = True
                return precision
            former = json.loads(file.read_text("utf-8"))
            precision = former.pop(_PRECISION, precision)
        now = json.loads(json.dumps(training))
        if former != now:
            raise self._error(f"{_difference(former, now)}. Repeat that command, or name another folder.")
        self._claimed = True
        return precision

    def of(self, stage: str) -> StageCheckpoints:
        """Those of the `stage` before the epochs, or of the `epochs`."""
        assert stage in _STAGES
        return StageCheckpoints(self.folder / stage, self.every)

    def step(self) -> int | None:
        """After how many steps of the epochs the newest one was written."""
        newest = self.of("epochs").newest()
        return None if newest is None else _step(newest)

    def remove(self) -> None:
        """Removes them: the model is saved. A training without a step has claimed no folder, and none is touched."""
        if not self._claimed:
            return
        with self._told():
            for name in _STAGES:
                shutil.rmtree(self.folder / name, ignore_errors=True)
            for name in (_TRAINING, _LOCK):
                (self.folder / name).unlink(missing_ok=True)
            if not any(self.folder.iterdir()):
                self.folder.rmdir()

    def _take_lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows
            return
        self._lock = (self.folder / _LOCK).open("a")  # held as long as it is open
        for _ in range(_TRIES):
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(_SECONDS_BETWEEN_TRIES)
            except OSError:  # a file system without locks
                return
        raise self._error("a training is at work there. Wait for its end, or name another folder.")

    def _write(self, training: Mapping[str, Any]) -> None:
        fresh = self.folder / f"{_TRAINING}.{_PARTIAL}"
        fresh.write_text(json.dumps(training, indent=1, ensure_ascii=False), "utf-8")
        fresh.replace(self.folder / _TRAINING)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._error(f"it cannot be written ({error.strerror or error}). Name another folder.") from None
        except ValueError:
            raise self._error(f"its {_TRAINING} is damaged. Name another folder.") from None

    def _error(self, problem: str) -> BertIntentError:
        return BertIntentError(f"--checkpoints {self.folder}: {problem}")


@dataclass(frozen=True)
class StageCheckpoints:
    """The checkpoints of one stage of a training.

    Attributes:
        folder: Theirs.
        every: Steps between two.
    """

    folder: Path
    every: int

    def newest(self) -> Path | None:
        """The last one that was written whole."""
        return max(self.folder.glob("checkpoint-*"), key=_step, default=None)

    @property
    def partial(self) -> Path:
        """Where one is written."""
        return self.folder / _PARTIAL

    def begin(self) -> None:
        """Makes an empty place for the next one; what a process that was killed left of another goes."""
        shutil.rmtree(self.partial, ignore_errors=True)
        self.partial.mkdir(parents=True)

    def finish(self) -> None:
        """Puts what was written in its place, on the disk too; those before it go."""
        (written,) = self.partial.iterdir()
        for path in (*written.iterdir(), written):
            sync(path)
        former = list(self.folder.glob("checkpoint-*"))
        written.rename(self.folder / written.name)
        sync(self.folder)
        for path in former:
            shutil.rmtree(path, ignore_errors=True)


def identity(
    options: Options,
    epochs: int,
    encoder: str,
    train: Sequence[Any],
    held_out: Sequence[Any],
) -> dict[str, Any]:
    """What tells a training from others; on which machines and by how many processes it runs does not.

    Args:
        options: Of the training, nothing left open.
        epochs: That it takes.
        encoder: Its checksum.
        train: Texts that are trained on, and their labels; lists that JSON takes.
        held_out: Those that are not.
    """
    trained = {name: value for name, value in options.to_dict().items() if name not in _OTHERS}
    unlabelled = expanded(options.unlabelled_texts) if options.unlabelled_texts else None
    return {
        "examples": _checksum(train, held_out),
        "unlabelled_texts": file_checksum(unlabelled) if unlabelled and unlabelled.is_file() else None,
        "encoder": encoder,
        "options": {**trained, "epochs": epochs},
    }


def _checksum(*content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _difference(former: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """In what two trainings differ, in words."""
    for name, words in (("examples", "other examples"), ("encoder", "another encoder")):
        if former.get(name) != now[name]:
            return f"it holds checkpoints of {words}"
    then = former.get("options", {})
    changed = [f"{name}: {then.get(name)}" for name, value in now["options"].items() if then.get(name) != value]
    return f"it holds checkpoints of a training with {', '.join(changed) or 'other unlabelled texts'}"


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])
