"""Batches of like length, in random order: little padding without a fixed course through the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from rasa_bert_intent import network as net
from rasa_bert_intent.config import Options
from rasa_bert_intent.distributed.world import World

# Batches that are drawn at random together and then sorted by length among themselves.
_POOL = 200


@dataclass(frozen=True)
class Examples(Dataset[tuple[Any, int]]):
    """Encoded examples with their labels' numbers.

    Attributes:
        texts: The examples.
        inputs: Token ids of each, or its feature vector.
        labels: Column of the right intent.
    """

    texts: Sequence[str]
    inputs: Sequence[Any]
    labels: Sequence[int]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.inputs[index], self.labels[index]

    def subset(self, indices: Sequence[int]) -> Examples:
        """The examples at some indices."""
        return Examples(
            [self.texts[i] for i in indices], [self.inputs[i] for i in indices], [self.labels[i] for i in indices]
        )


class LengthBatches:
    """A batch sampler: indices in batches of like length, the batches and their members newly drawn every epoch.

    Args:
        lengths: Of the examples, in tokens.
        batch_size: Examples a batch; the last one may have fewer.
        seed: Of the drawing.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        order = self._random.permutation(len(self.lengths))
        # A quarter of the data at most: sorting all of it would make the same batches every epoch.
        pool = self.batch_size * max(1, min(_POOL, len(self) // 4))
        batches = []
        for start in range(0, len(order), pool):
            drawn = order[start : start + pool]
            drawn = drawn[np.argsort(self.lengths[drawn], kind="stable")]
            batches += [drawn[i : i + self.batch_size].tolist() for i in range(0, len(drawn), self.batch_size)]
        for index in self._random.permutation(len(batches)):
            yield batches[index]


class BalancedBatches:
    """A batch sampler: every intent equally often, by two examples at a time, or twice by the only one that it has.

    Args:
        labels: Of the examples.
        batch_size: Examples a batch.
        seed: Of the drawing.
    """

    def __init__(self, labels: Sequence[int], batch_size: int, seed: int) -> None:
        self._members = [np.flatnonzero(np.asarray(labels) == label) for label in sorted(set(labels))]
        self._examples = len(labels)
        self.batch_size = batch_size
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return -(-self._examples // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        drawn: list[int] = []
        for _ in range(len(self)):
            while len(drawn) < self.batch_size:
                for label in self._random.permutation(len(self._members)):
                    group = self._members[label]
                    drawn += self._random.choice(group, size=2, replace=len(group) < 2).tolist()
            yield drawn[: self.batch_size]
            drawn = drawn[self.batch_size :]


def batch_sampler(examples: Examples, options: Options) -> LengthBatches | BalancedBatches:
    """The batches of examples given as token ids, as the options ask for."""
    if options.balanced_batches:
        return BalancedBatches(examples.labels, options.batch_size, options.random_seed)
    return LengthBatches([len(ids) for ids in examples.inputs], options.batch_size, options.random_seed)


def collate_tokens(pad_id: int, world: World) -> Callable[[list[tuple[list[int], int]]], dict[str, torch.Tensor]]:
    """A function that makes a batch into `input_ids` and `attention_mask` of this process's share, and all `labels`."""

    def collate(batch: list[tuple[list[int], int]]) -> dict[str, torch.Tensor]:
        input_ids, attention_mask = net.pad([ids for ids, _ in world.share(batch)], pad_id)
        return {"input_ids": input_ids, "attention_mask": attention_mask, "labels": _labels(batch)}

    return collate


def collate_features(world: World) -> Callable[[list[tuple[np.ndarray, int]]], dict[str, torch.Tensor]]:
    """A function that makes a batch into `features`, vectors of this process's share, and all `labels`."""

    def collate(batch: list[tuple[np.ndarray, int]]) -> dict[str, torch.Tensor]:
        vectors = np.stack([vector for vector, _ in world.share(batch)])
        return {"features": torch.from_numpy(vectors), "labels": _labels(batch)}

    return collate


def _labels(batch: Sequence[tuple[Any, int]]) -> torch.Tensor:
    return torch.tensor([label for _, label in batch])
