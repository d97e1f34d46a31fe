"""The order of intents in which a confusion matrix shows what it knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from rasa_bert_intent.reports.evaluation import Confusion


def ordered(intents: Iterable[str], confusions: Sequence[Confusion], most: int) -> tuple[list[str], int]:
    """The intents in an order in which confusions lie near the diagonal, those confused first.

    They are clustered by how often one is taken for the other, and the leaves of the tree are put into the order that
    has the nearest neighbours. Bar-Joseph, Gifford and Jaakkola, 2001, Fast optimal leaf ordering for hierarchical
    clustering.

    Args:
        intents: All of them.
        confusions: Of two intents each.
        most: How many of the confused come first, those with the most confusions.

    Returns:
        Every intent once, and how many of them, at the front, are the confused ones.
    """
    involved: Counter[str] = Counter()
    for pair in confusions:
        involved.update({pair.intent: pair.count, pair.predicted: pair.count})
    # By number, then by name: the same evaluation always gives the same page.
    confused = sorted(involved, key=lambda intent: (-involved[intent], intent))[:most]
    first = _near(confused, confusions)
    rest = sorted({*intents, *involved} - set(first))
    return [
        *first,
        *_near([intent for intent in rest if intent in involved], confusions),
        *(intent for intent in rest if intent not in involved),
    ], len(first)


def _near(intents: Sequence[str], confusions: Iterable[Confusion]) -> list[str]:
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    if len(intents) < 3:
        return list(intents)
    place = {intent: number for number, intent in enumerate(intents)}
    counts = np.zeros((len(intents), len(intents)))
    for pair in confusions:
        if pair.intent in place and pair.predicted in place:
            counts[place[pair.intent], place[pair.predicted]] += pair.count
    distances = 1 / (1 + counts + counts.T)
    np.fill_diagonal(distances, 0)
    flat = squareform(distances)
    return [intents[leaf] for leaf in leaves_list(optimal_leaf_ordering(linkage(flat, "average"), flat))]
