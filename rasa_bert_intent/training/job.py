"""A training from examples to the model's directory, as one thing that any process can be handed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rasa_bert_intent.config import Options
from rasa_bert_intent.data.output import replaced_folder
from rasa_bert_intent.distributed.world import World
from rasa_bert_intent.training.checkpoints import Checkpoints
from rasa_bert_intent.training.fit import fit


@dataclass(frozen=True)
class Job:
    """What is trained, and where it goes.

    Attributes:
        texts: The examples.
        intents: The intent of each.
        options: Of the training.
        output: The model's directory; a former one is replaced.
        checkpoints: Folder of the checkpoints; None: none are written.
        every: Steps between two of them.
    """

    texts: Sequence[str]
    intents: Sequence[str]
    options: Options
    output: Path
    checkpoints: Path | None = None
    every: int = 200

    def run(self) -> None:
        """Trains, in each of the processes that do it together; the first one writes the model.

        Raises:
            BertIntentError: as `rasa_bert_intent.training.fit.fit` does, or if the model cannot be written.
        """
        if self.checkpoints is None:
            self._run(None)
            return
        with Checkpoints(self.checkpoints, self.every) as checkpoints:
            self._run(checkpoints)

    def _run(self, checkpoints: Checkpoints | None) -> None:
        model = fit(self.texts, self.intents, self.options, checkpoints=checkpoints)
        if not World.of_environment().is_main:
            return
        with replaced_folder(self.output) as directory:
            model.save(directory)
        if checkpoints is not None:
            checkpoints.remove()
