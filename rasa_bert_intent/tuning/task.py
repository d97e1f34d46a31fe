"""What the search learns from and is measured on, and what it never sees."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rasa_bert_intent.data.labelled import read_plain
from rasa_bert_intent.data.split import stratified_folds, stratified_split
from rasa_bert_intent.doctor.texts import by_text, normalise
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.tuning.say import say


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
    """Reads the examples and sets some aside; all with one text, normalised, go together.

    Args:
        data: The bot's examples, see `rasa_bert_intent.data.labelled.read_plain`.
        dev: What trials are measured on; None: cross-validation.
        folds: Its folds, 2 or more.
        test: What the search must not see; None: a part of `data`.
        test_fraction: The part of the texts, above 0 and below 1, of every intent alike.
        seed: Of both choices.

    Raises:
        DataError: naming the file that cannot be read, or if there are too few examples, or no others in `dev` or
            `test` than those that the search sees.
    """
    examples = Labelled(*read_plain(data))
    seen = set(map(normalise, examples.texts))
    of_dev = Labelled(*read_plain(dev)) if dev else None
    if of_dev:
        _tell_seen("--dev", of_dev.texts, seen, f"{data}")
        seen |= set(map(normalise, of_dev.texts))
    if test:
        train, of_test = examples, Labelled(*read_plain(test))
        _tell_seen("--test", of_test.texts, seen, f"{data} or {dev}" if dev else f"{data}")
    else:
        texts, intents = _texts(examples)
        sides = stratified_split(intents, round(test_fraction * len(texts)), seed)
        if not sides[1]:
            raise DataError(
                f"{data}: of {len(texts)} text{'' if len(texts) == 1 else 's'}, repeats not counted, none can be set "
                "aside for the final comparison. Give more, a larger --test-fraction, or --test."
            )
        train, of_test = (examples.subset(sorted(row for text in side for row in texts[text])) for side in sides)
    task = Task(train, of_dev, [] if of_dev else _folds(train, folds, seed), of_test)
    fewest = min(len(set(seen.intents)) for seen, _ in task.rounds())
    number = len(set(train.intents))
    if fewest < 2 or (not of_dev and len(set(task.folds)) < folds):
        raise DataError(
            f"{data}: {len(train)} examples of {number} intent{'' if number == 1 else 's'} are too few to train on"
            + ("." if of_dev else f" in {folds} folds.")
            + " Give examples of at least 2 intents, several different ones of each."
        )
    return task


def _tell_seen(option: str, texts: Sequence[str], seen: Container[str], where: str) -> None:
    """Tells how many texts were seen before: the answers to them tell nothing of others."""
    known = sum(normalise(text) in seen for text in texts)
    told = f"{option}: {known} of {len(texts)} texts stand, but for case and punctuation at the end, in {where} too"
    if known == len(texts):
        raise DataError(f"{told}: they would measure what is known by heart. Give others.")
    if known:
        say(f"{told}: they measure what is known by heart")


def _texts(examples: Labelled) -> tuple[list[list[int]], list[int]]:
    """The examples of every text, normalised, and the number of its intent, the first one where there are several."""
    texts = list(by_text(examples.texts).values())
    number = {intent: index for index, intent in enumerate(sorted(set(examples.intents)))}
    return texts, [number[examples.intents[rows[0]]] for rows in texts]


def _folds(examples: Labelled, folds: int, seed: int) -> list[int]:
    """The fold of each example."""
    texts, intents = _texts(examples)
    chosen = stratified_folds(intents, folds, seed)
    fold = {row: own for rows, own in zip(texts, chosen, strict=True) for row in rows}
    return [fold[row] for row in range(len(examples))]
