"""Fits P(in scope): the distance from the examples, and the gibberish that tells how far is too far."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from scipy.special import logit

from rasa_bert_intent.data.split import stratified_folds, stratified_split
from rasa_bert_intent.doctor.texts import by_text
from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.reports.metrics import auroc
from rasa_bert_intent.scope import Distance, Energy, Messages, Scope, unit
from rasa_bert_intent.token_counts import TokenCounts
from rasa_bert_intent.training.batching import Examples

logger = logging.getLogger(__name__)

_GIBBERISH = 400
# A distance that cannot tell even gibberish from the examples it was fitted on is worse than none.
_LEAST_AUROC = 0.9
# Of squared distances between vectors of length 1: examples that are all alike spread too.
_LEAST_SPREAD = 1e-6
# An intent's spread is that of its own examples and of this many that spread as those of all intents do.
_AS_ALL = 10
# Examples that are kept to find the nearest among, as many of each intent as there may be of all: 6 MB.
_KEPT = 8_000
# Examples that are looked at, some of every intent: enough for means and spreads, and memory stays small.
_EXAMPLES = 20_000
# The middle half of a logistic distribution is this many widths wide.
_QUARTILES = 2 * np.log(3)
# P(in scope) of the median example that was not seen; less where the gibberish itself spreads more. On development rows
# of MASSIVE, of two models without ten intents, 0.98 to 0.995 have the least calibration error.
_OF_MEDIAN_UNSEEN = 0.99
# Where it is one half: so far on the way from the median of the examples that were not seen to that of the gibberish,
# before which what is of other intents lies. Held-out ones have the whole way: at 0.85 of it two models without ten
# intents refuse 5 points more of these, but the calibration error of MASSIVE's own rises from .018 to .023. Left-out
# ones have 0.9 of it: by a former distance, 24 bots of 3 to 25 intents of MASSIVE with 5 to 20 examples of each refused
# 55 % of what is of other intents, and 44 where the gibberish alone told; with a quarter as many of these beside their
# own the calibration error was .082 for .115, without any .058 for .052. For 60 intents the latter rose more at 0.85.
_WAY, _WAY_OF_LEFT_OUT = 1.0, 0.9
# Parts in which examples are left out, each looked at by the statistics of the others; and how many of a part: enough
# for a median.
_PARTS, _OF_A_PART = 5, 200


def fit_scope(model: IntentModel, train: Examples, held_out: Examples) -> Scope | None:
    """What tells messages in scope from others; nothing out of scope is needed for it.

    Gibberish, random tokens as long as the examples, stands for all that is out of scope. On development rows of
    MASSIVE foreign languages lie where it does, and what is of other intents between it and the examples that were not
    seen: the probability falls between these two. Where none are held out, examples are left out of the statistics by
    which they are looked at (though not of the encoder's training, the head's and the n-grams'). Where that cannot be,
    for the energy, and where those examples lie no nearer than the gibberish, the probability falls where this is.

    Args:
        model: Trained.
        train: The examples it was trained on.
        held_out: Others; there may be none.

    Returns:
        None if the options ask for none, or the model does not tell gibberish from the examples.
    """
    kind = model.options.out_of_scope_score
    if kind == "none":
        return None
    tokens = TokenCounts.of(train.inputs, train.labels, len(model.labels))
    if len(train) > _EXAMPLES:
        chosen, _ = stratified_split(train.labels, len(train) - _EXAMPLES, model.options.random_seed)
        train = train.subset(chosen)
    columns = model.in_scope
    labels = np.asarray(train.labels)
    examples = model.messages(train.texts, model.vectors_of_tokens(train.inputs))
    distance: Distance | Energy = Energy(columns)
    if kind == "distance":
        distance = _distance(model, examples.layers, labels, tokens) or distance
    near = distance(examples)[columns[labels]]
    far = distance(_gibberish(model, train.inputs))
    low, centre, high = np.quantile(far, [0.25, 0.5, 0.75])
    if not len(near) or high <= low or auroc(-near, -far) < _LEAST_AUROC:
        logger.info("Confidences are not lowered out of scope: the model does not tell gibberish from the examples.")
        return None
    others = held_out.subset([i for i, label in enumerate(held_out.labels) if columns[label]][:_EXAMPLES])
    unseen, way = np.empty(0), _WAY
    if len(others):
        unseen = distance(model.messages(others.texts, model.vectors_of_tokens(others.inputs)))
    elif isinstance(distance, Distance):
        unseen, way = _left_out(model, train.texts, examples, labels), _WAY_OF_LEFT_OUT
    width = (high - low) / _QUARTILES
    if len(unseen) and (median := np.median(unseen)) < centre:
        centre = median + way * (centre - median)
        width = max(width, (centre - median) / logit(_OF_MEDIAN_UNSEEN))
    return Scope(distance, float(centre), float(width))


def _left_out(model: IntentModel, texts: Sequence[str], examples: Messages, labels: np.ndarray) -> np.ndarray:
    """The distances of examples in scope by statistics that they are left out of, `[examples left out]`, in no order.

    A text's other spellings are left out with it. An intent's only text is not, nor one of several intents. Of many
    some are drawn.
    """
    groups = [rows for rows in by_text(texts).values() if model.in_scope[labels[rows[0]]] and len({*labels[rows]}) == 1]
    of_groups = [int(labels[rows[0]]) for rows in groups]
    counts = np.bincount(of_groups, minlength=len(model.labels))
    part_of = np.full(len(labels), -1)
    for rows, label, part in zip(
        groups, of_groups, stratified_folds(of_groups, _PARTS, model.options.random_seed), strict=True
    ):
        if counts[label] > 1:
            part_of[rows] = part
    found, random = [np.empty(0)], np.random.default_rng(model.options.random_seed)
    for part in range(_PARTS):
        seen, unseen = np.flatnonzero(part_of != part), np.flatnonzero(part_of == part)
        if len(unseen):
            tokens = TokenCounts.of([examples.tokens[i] for i in seen], labels[seen], len(model.labels))
            distance = _distance(model, examples.layers[seen], labels[seen], tokens)
            assert distance is not None  # no intent is left out whole
            found.append(distance(examples.some(random.permutation(unseen)[:_OF_A_PART])))
    return np.concatenate(found)


def _distance(model: IntentModel, layers: np.ndarray, labels: np.ndarray, tokens: TokenCounts) -> Distance | None:
    vectors = unit(layers)
    counts = np.bincount(labels, minlength=len(model.labels))
    means = _sums(vectors, labels, len(counts)) / np.maximum(counts, 1)[:, None]
    squares = _sums(((vectors - means[labels]) ** 2).sum(axis=1), labels, len(counts))
    # An intent's only example says nothing of how examples spread.
    free = np.maximum(counts - 1, 0)
    common = max(squares.sum() / max(free.sum(), 1), _LEAST_SPREAD)
    spreads = (squares + _AS_ALL * common) / (free + _AS_ALL)
    kept, missing, columns = _kept(model, vectors, labels), counts == 0, model.in_scope
    means[missing] = np.nan
    # A model that is trained on may have got no new example of an intent.
    if model.scope is not None and isinstance(former := model.scope.distance, Distance):
        means[missing], spreads[missing] = former.means[missing], former.spreads[missing]
        tokens = tokens.with_missing(former.tokens)
        for label in np.flatnonzero(missing):
            kept[label] = former.examples[former.starts[label] : former.starts[label + 1]]
    if np.isnan(means[columns]).any():
        return None  # what an adapter knows, and the bot has no example of, would all be out of scope
    means[~columns] = np.nan
    starts = np.cumsum([0, *map(len, kept)])
    return Distance(
        tokens, means.astype(np.float32), spreads.astype(np.float32), np.concatenate(kept).astype(np.float16), starts
    )


def _kept(model: IntentModel, vectors: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """Vectors of the examples of each intent in scope that are kept, drawn at random where there are many."""
    most = max(_KEPT // len(model.labels), 1)
    order = np.random.default_rng(model.options.random_seed).permutation(len(labels))
    of_labels = labels[order]
    return [
        vectors[np.sort(order[of_labels == label][: most if in_scope else 0])]
        for label, in_scope in enumerate(model.in_scope)
    ]


def _sums(values: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """What the rows of each label add up to."""
    sums = np.zeros((count, *values.shape[1:]))
    np.add.at(sums, labels, values)
    return sums


def _gibberish(model: IntentModel, inputs: Sequence[Sequence[int]]) -> Messages:
    """Random tokens of the vocabulary between the first and last token of examples that are drawn at random."""
    random = np.random.default_rng(model.options.random_seed)
    special = set(model.tokenizer.all_special_ids)
    tokens = model.tokenizer.get_vocab().values()
    known = model.network.embeddings
    words = np.array(sorted(token for token in tokens if token not in special and token < known))
    drawn = [inputs[i] for i in random.integers(len(inputs), size=_GIBBERISH)]
    nonsense = [[*ids[:1], *random.choice(words, max(len(ids) - 2, 1)).tolist(), *ids[-1:]] for ids in drawn]
    texts = model.tokenizer.batch_decode(nonsense, skip_special_tokens=True)
    return model.messages(texts, model.vectors_of_tokens(nonsense))
