"""A stratified split that survives intents with one example."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np


def stratified_split(labels: Sequence[int], held_out: int, seed: int) -> tuple[list[int], list[int]]:
    """Indices to train on and indices held out, both ascending.

    Every label gives its share of the held-out examples, rounded so that their number is met as nearly as possible,
    and keeps at least one example to train on; a label with one example gives none.

    Args:
        labels: The label of each example.
        held_out: How many examples to hold out.
        seed: Of the choice.
    """
    random = np.random.default_rng(seed)
    members: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        members.setdefault(label, []).append(index)
    quota = _quotas(Counter(labels), held_out)
    chosen = {
        int(index)
        for label, group in members.items()
        for index in random.choice(group, size=quota[label], replace=False)
    }
    everything = range(len(labels))
    return [i for i in everything if i not in chosen], sorted(chosen)


def split_by_text(
    rows_of: Mapping[str, Sequence[int]], labels: Sequence[int], held_out: int, seed: int
) -> tuple[list[int], list[int]]:
    """Indices to train on and indices held out, as `stratified_split` has them, no text being on both sides.

    What is held out is a property of the text: with more examples, most of what was held out is again, so that a model
    that is trained on is not scored by what it was trained on before. There may be fewer than asked for: a text that
    has several labels, or stands more often than its label has to give, is trained on.

    Args:
        rows_of: The indices of the examples of each text, see `rasa_bert_intent.doctor.texts.by_text`.
        labels: The label of each example.
        held_out: How many examples to hold out.
        seed: Of the choice.
    """
    left = _quotas(Counter(labels), held_out)
    chosen: set[int] = set()
    for text in sorted(rows_of, key=lambda text: _lot(text, seed)):
        rows, label = rows_of[text], labels[rows_of[text][0]]
        if len(rows) <= left[label] and all(labels[row] == label for row in rows):
            chosen.update(rows)
            left[label] -= len(rows)
    return [i for i in range(len(labels)) if i not in chosen], sorted(chosen)


def _lot(text: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed} {text}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _quotas(counts: Mapping[int, int], held_out: int) -> dict[int, int]:
    """How many examples of each label are held out, of how many there are."""
    share = held_out / max(sum(counts.values()), 1)
    quota = {label: min(int(share * count), count - 1) for label, count in counts.items()}
    # The largest remainders get what rounding down left over.
    by_remainder = sorted(counts, key=lambda label: quota[label] - share * counts[label])
    missing = held_out - sum(quota.values())
    for label in by_remainder:
        if missing > 0 and quota[label] < counts[label] - 1:
            quota[label] += 1
            missing -= 1
    return quota


def stratified_folds(labels: Sequence[int], folds: int, seed: int) -> list[int]:
    """The fold, 0 to `folds - 1`, of each example.

    Every label is spread as evenly as its number allows, so that one with two examples or more is never held out whole.

    Args:
        labels: The label of each example.
        folds: How many, 2 or more.
        seed: Of the choice.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(len(labels))
    chosen, next_fold = [0] * len(labels), 0
    for index in sorted(order.tolist(), key=lambda index: labels[index]):
        chosen[index] = next_fold
        next_fold = (next_fold + 1) % folds
    return chosen
