"""What shows only by meaning: near-duplicates across intents and likely wrong labels, from a frozen encoder."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from rasa_bert_intent.data.rasa_yaml import Example
from rasa_bert_intent.data.split import stratified_folds
from rasa_bert_intent.doctor.findings import Finding
from rasa_bert_intent.doctor.texts import normalise
from rasa_bert_intent.errors import DataError
from rasa_bert_intent.frozen import encode

# Below it most pairs are only on the same matter: with the default encoder 0.9 gives twice as many pairs on MASSIVE's
# 11,514 training rows, and they no longer mean the same.
NEAR = 0.92
# From here on a pair is one text in two wordings, whatever is learned of it: "lights on" and "lights off" are below.
TWIN = 0.97
# More than half: of two intents the other one is held for right, whatever the rest gets.
SURE = 0.5
# Most pairs kept: a file in which everything is alike must not fill the memory.
MOST_PAIRS = 1000

_FOLDS = 5
_BLOCK = 1024


def embed(texts: Sequence[str], encoder: str, progress: bool = True) -> np.ndarray:
    """Unit vectors `[texts, hidden]`, float32, of the encoder as it is, centred on their mean.

    Centring makes cosines comparable: plain BERTs hold any two texts for alike.

    Args:
        texts: At least one.
        encoder: A directory or hub id, see `rasa_bert_intent.encoder.find_encoder`.
        progress: Whether to show a bar on standard error, where that is a terminal.

    Raises:
        EncoderError: if the encoder cannot be found or read.
    """
    vectors = encode(texts, encoder, progress=progress)
    vectors -= vectors.mean(axis=0)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def predict_unseen(intents: Sequence[str], vectors: np.ndarray) -> tuple[list[str], np.ndarray]:
    """What a classifier trained without an example says of it: logistic regression in five stratified folds.

    Args:
        intents: The intent of each example, at least two different ones.
        vectors: `[examples, hidden]`, see `embed`.

    Returns:
        The intents' names, sorted, and probabilities `[examples, names]`. An example that is the only one of its intent
        has zeros: without it nothing is known of that intent.
    """
    from sklearn.linear_model import LogisticRegression

    names, labels, counts = np.unique(intents, return_inverse=True, return_counts=True)
    probabilities = np.zeros((len(labels), len(names)))
    in_company = np.flatnonzero(counts[labels] > 1)
    folds = np.asarray(stratified_folds(labels[in_company].tolist(), _FOLDS, seed=0))
    for fold in range(_FOLDS if (counts > 1).sum() > 1 else 0):
        seen, unseen = in_company[folds != fold], in_company[folds == fold]
        if not len(unseen):
            continue
        classifier = LogisticRegression(C=10, max_iter=100, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it stopped after max_iter: near enough
            classifier.fit(vectors[seen], labels[seen])
        probabilities[np.ix_(unseen, classifier.classes_)] = classifier.predict_proba(vectors[unseen])
    return names.tolist(), probabilities


def near_duplicates(
    examples: Sequence[Example], vectors: np.ndarray, names: Sequence[str], probabilities: np.ndarray
) -> Iterator[Finding]:
    """Pairs under two intents with a cosine of `NEAR` or more, nearest first, each pair of texts once.

    Texts that are the same once normalised are conflicts, and not among them. Neither are pairs of which a classifier
    gets both sides right unseen, below `TWIN`: "lights on" and "lights off" are near, and well learned.

    Args:
        examples: At least one.
        vectors: `[examples, hidden]`, see `embed`.
        names: As `predict_unseen` returns them, with
        probabilities: `[examples, names]`.
    """
    texts = [normalise(example.text) for example in examples]
    labels = np.searchsorted(names, [example.intent for example in examples])
    right = (probabilities.argmax(axis=1) == labels) & (probabilities.max(axis=1) > 0)
    pairs: dict[tuple[str, str], tuple[float, int, int]] = {}
    for start in range(0, len(examples), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosines = vectors[block] @ vectors.T
        near = (cosines >= NEAR) & (labels[block, None] != labels) & ~(right[block, None] & right & (cosines < TWIN))
        for row, second in zip(*np.nonzero(near), strict=True):
            first = start + int(row)
            if first < second and texts[first] != texts[second]:
                low, high = sorted((texts[first], texts[second]))
                pairs.setdefault((low, high), (float(cosines[row, second]), first, int(second)))
        if len(pairs) > 2 * MOST_PAIRS:
            pairs = dict(sorted(pairs.items(), key=lambda pair: -pair[1][0])[:MOST_PAIRS])
    for cosine, first, second in sorted(pairs.values(), key=lambda pair: -pair[0])[:MOST_PAIRS]:
        score = round(min(cosine, 1.0), 3)
        yield Finding("near_duplicate", (examples[first], examples[second]), f"cosine {score:.2f}", score)


def mislabelled(examples: Sequence[Example], names: Sequence[str], probabilities: np.ndarray) -> Iterator[Finding]:
    """Examples that a classifier, trained without them, holds for another intent, surest first.

    Confident learning (Northcutt, Jiang and Chuang 2021, arXiv 1911.00068) as cleanlab has it, by its strictest rule
    (`both`); kept where the other intent has more than `SURE`. The only example of an intent is left out, and so are
    texts under two intents, which are conflicts.

    Args:
        examples: At least one.
        names: As `predict_unseen` returns them, with
        probabilities: `[examples, names]`.

    Raises:
        DataError: if cleanlab is not installed, with the extra that brings it.
    """
    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        raise DataError("cleanlab is not installed: pip install 'rasa-bert-intent[doctor]'") from None
    known = np.flatnonzero(probabilities.max(axis=1) > 0)
    if not len(known):
        return
    # Without the columns of intents that have one example: cleanlab wants each label to occur.
    columns, labels = np.unique(
        np.searchsorted(names, [examples[index].intent for index in known]), return_inverse=True
    )
    shares = probabilities[np.ix_(known, columns)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = find_label_issues(
            labels,
            shares,
            filter_by="both",
            return_indices_ranked_by="normalized_margin",
            n_jobs=1,  # a pool of forked processes may hang beside torch's threads
        )
    intents_of: dict[str, set[str]] = {}
    for example in examples:
        intents_of.setdefault(normalise(example.text), set()).add(example.intent)
    for row in found:
        example = examples[known[row]]
        other, score = names[columns[shares[row].argmax()]], float(shares[row].max())
        if score > SURE and other != example.intent and len(intents_of[normalise(example.text)]) == 1:
            yield Finding("mislabelled", (example,), f"looks like {other}, {score:.2f}", round(score, 3))
