"""A stratified split that survives intents with one example."""

from __future__ import annotations

from collections.abc import Sequence

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
    share = held_out / max(len(labels), 1)
    quota = {label: min(int(share * len(group)), len(group) - 1) for label, group in members.items()}
    # The largest remainders get what rounding down left over.
    by_remainder = sorted(members, key=lambda label: quota[label] - share * len(members[label]))
    missing = held_out - sum(quota.values())
    for label in by_remainder:
        if missing > 0 and quota[label] < len(members[label]) - 1:
            quota[label] += 1
            missing -= 1
    chosen = {
        int(index)
        for label, group in members.items()
        for index in random.choice(group, size=quota[label], replace=False)
    }
    everything = range(len(labels))
    return [i for i in everything if i not in chosen], sorted(chosen)


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
