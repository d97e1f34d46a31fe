"""What the search learns from and is measured on, and what it never sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rasa_bert_intent.data.examples import read_examples
from rasa_bert_intent.data.split import stratified_folds, stratified_split
from rasa_bert_intent.errors import DataError


@dataclass(frozen=True)
class Labelled:
    """Texts and the intent of each."""

    texts: list[str]
    intents: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def subset(self, indices: Sequence[int]) -> Labelled:
        """Some of them."""
        return Labelled([self.texts[i] for i in indices], [self.intents[i] for i in indices])


@dataclass(frozen=True)
class Task:
    """The data of a search.

    Attributes:
        train: What the search trains on.
        dev: What it is measured on; None: cross-validation.
        folds: The fold of each example of `train`, in cross-validation; else empty.
        test: What it never sees.
    """

    train: Labelled
    dev: Labelled | None
    folds: list[int]
    test: Labelled

    def rounds(self) -> Iterator[tuple[Labelled, Labelled]]:
        """What to train on and what to answer, once or for every fold."""
        if self.dev is not None:
            yield self.train, self.dev
            return
        for fold in range(max(self.folds) + 1):
            seen = [index for index, own in enumerate(self.folds) if own != fold]
            unseen = [index for index, own in enumerate(self.folds) if own == fold]
            yield self.train.subset(seen), self.train.subset(unseen)

    @property
    def labels(self) -> list[str]:
        """All intents, sorted."""
        return sorted({*self.train.intents, *self.test.intents, *(self.dev.intents if self.dev else ())})

    def measured_on(self) -> str:
        """What trials are measured on, in words."""
        if self.dev is not None:
            return f"{len(self.dev)} development examples"
        return f"{max(self.folds) + 1}-fold cross-validation of {len(self.train)} examples"


def read_task(data: Path, *, dev: Path | None, folds: int, test: Path | None, test_fraction: float, seed: int) -> Task:
    """Reads the examples and sets some aside.

    Args:
        data: The bot's examples, see `rasa_bert_intent.data.examples.read_examples`.
        dev: What trials are measured on; None: cross-validation.
        folds: Its folds, 2 or more.
        test: What the search must not see; None: a part of `data`.
        test_fraction: The part, above 0 and below 1, of every intent alike.
        seed: Of both choices.

    Raises:
        DataError: naming the file that cannot be read, or if there are too few examples.
    """
    examples = Labelled(*read_examples(data))
    of_dev = Labelled(*read_examples(dev)) if dev else None
    if test:
        train, of_test = examples, Labelled(*read_examples(test))
    else:
        numbers = _numbers(examples.intents)
        kept, aside = stratified_split(numbers, round(test_fraction * len(examples)), seed)
        train, of_test = examples.subset(kept), examples.subset(aside)
    if not len(of_test):
        raise DataError(
            f"{data}: of {len(examples)} examples none can be set aside for the final comparison. Give more, a larger "
            "--test-fraction, or --test."
        )
    task = Task(train, of_dev, [] if of_dev else stratified_folds(_numbers(train.intents), folds, seed), of_test)
    fewest = min(len(set(seen.intents)) for seen, _ in task.rounds())
    number = len(set(train.intents))
    if fewest < 2 or (not of_dev and len(set(task.folds)) < folds):
        raise DataError(
            f"{data}: {len(train)} examples of {number} intent{'' if number == 1 else 's'} are too few to train on"
            + ("." if of_dev else f" in {folds} folds.")
            + " Give examples of at least 2 intents, several of each."
        )
    return task


def _numbers(intents: Sequence[str]) -> list[int]:
    number = {intent: index for index, intent in enumerate(sorted(set(intents)))}
    return [number[intent] for intent in intents]
