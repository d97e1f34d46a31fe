"""Corrected messages as NLU training data. Nothing that is there is overwritten: every start has a file of its own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rasa_bert_intent.data.clean import has_surrogate, intent_name
from rasa_bert_intent.data.rasa_nlu import write_examples
from rasa_bert_intent.data.rasa_yaml import plain_text
from rasa_bert_intent.errors import DataError


@dataclass(frozen=True)
class Correction:
    """A message and its right intent.

    Attributes:
        example: The message as Rasa's files have it, `wake me up at [nine](time)`.
        intent: The right one.
    """

    example: str
    intent: str


class Corrections:
    """What people corrected since the page was started, in `corrections-DATE-TIME.yml`.

    The file is there as soon as one correction is, and whole at any time. If somebody changes, moves or removes it, it
    is theirs, and what is corrected from then on goes to a new one.
    """

    def __init__(self, folder: Path) -> None:
        """Touches nothing yet.

        Args:
            folder: Where the file will be; it is made where there is none.

        Raises:
            DataError: if the folder is a file.
        """
        if folder.exists() and not folder.is_dir():
            raise DataError(f"--corrections: {folder} is a file. Name a folder.")
        self.folder = folder
        self.file: Path | None = None
        self._written = b""
        self._kept: list[Correction] = []
        self._lock = threading.Lock()

    @property
    def kept(self) -> list[Correction]:
        """All in the file, in the order of time."""
        return list(self._kept)

    def keep(self, example: str, intent: str, known: Collection[str] = ()) -> Correction:
        """Writes a correction to the file; one of the same text before it goes, and is returned by `kept` no more.

        Args:
            example: The message, its entities marked.
            intent: The right one. A new one becomes a name that Rasa takes.
            known: Intents that the bot has, whose names stay as they are.

        Raises:
            DataError: if the example or the intent is empty, or the file cannot be written. What was there stays.
        """
        intent = intent.strip()
        correction = Correction(" ".join(example.split()), intent if intent in known else intent_name(intent))
        if not plain_text(correction.example):
            raise DataError("There is no message to keep. Write one, or send one in the chat first.")
        if not correction.intent:
            raise DataError("The right intent is missing. Choose one, or write a new one.")
        if has_surrogate(correction.example) or has_surrogate(correction.intent):
            raise DataError("The message holds a lone surrogate, half a character. Mend it.")
        with self._lock:
            before = self._still_ours()
            text = plain_text(correction.example)
            self._write([*(other for other in before if plain_text(other.example) != text), correction])
        return correction

    def take_back(self) -> Correction | None:
        """Removes the last correction from the file, and the file with the only one; None: there is none."""
        with self._lock:
            before = self._still_ours()
            if not before:
                return None
            self._write(before[:-1])
            return before[-1]

    def _still_ours(self) -> list[Correction]:
        """What is in the file, unless somebody else had a hand in it: then we begin anew, with another."""
        try:
            ours = self.file is not None and self.file.read_bytes() == self._written
        except OSError:
            ours = False
        if not ours:
            self.file, self._kept = None, []
        return self._kept

    def _write(self, corrections: list[Correction]) -> None:
        file = self.file
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = file or self._new_file()
            # Hidden and of no known ending: Rasa, which reads all of a folder, does not see it.
            partial = file.with_name(f".{file.name}.partial")
            examples: dict[str, list[str]] = {}
            for correction in corrections:
                examples.setdefault(correction.intent, []).append(correction.example)
            if corrections:
                write_examples(partial, examples, "Corrections → Rasa, by `rasa-bert-intent demo`")
                written = partial.read_bytes()
                partial.replace(file)
            else:
                written = b""
                file.unlink()
        except OSError as error:
            if file and not self.file:
                file.unlink(missing_ok=True)
            raise DataError(
                f"the correction could not be written to {self.folder} ({error.strerror or error}). It is not kept."
            ) from None
        self.file, self._written, self._kept = file if corrections else None, written, corrections

    def _new_file(self) -> Path:
        """A file of a name that nobody has, empty."""
        stamp, number = time.strftime("%Y%m%d-%H%M%S"), 1
        while True:
            file = self.folder / f"corrections-{stamp}{f'-{number}' if number > 1 else ''}.yml"
            try:
                os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            except FileExistsError:
                number += 1
            else:
                return file
