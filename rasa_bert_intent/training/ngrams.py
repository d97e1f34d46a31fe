"""Trains the classifier of character n-grams that stands beside the encoder: seconds, on the CPU."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from rasa_bert_intent.model import IntentModel
from rasa_bert_intent.ngrams import NGrams, ngrams
from rasa_bert_intent.training.batching import Examples
from rasa_bert_intent.training.objectives import class_weights

# Up to so many labels have a direction of their own, that is, a weight for each n-gram; more share so many. Beside an
# encoder the former has the better likelihood for MASSIVE's 60 labels (development rows: 0.383 and 0.391 against 0.397
# and 0.409, two seeds). For 800 labels, made of intents and first words, the latter is by far more accurate (82 against
# 71 %) and quicker: its time hardly grows with the labels.
_RANK = 64
# On MASSIVE's development rows accuracy and likelihood are alike from 5 to 10 epochs at rates of 0.15 to 0.5.
_EPOCHS, _LEAST_STEPS = 5, 100
_RATE, _DIRECTIONS_RATE = 0.25, 0.05
_DIRECTIONS_SPREAD = 0.1
_BATCH = 32
# What is seen once says nothing of other messages.
_LEAST_COUNT = 2
# 64 MB to train, 16 MB in the model.
_MOST_NGRAMS = 250_000
# What the logits count beside the encoder's where no held-out example tells: of 0.1 to 1 the best likelihood, and
# nearly the best accuracy, at 5, 10, 20 and 50 examples an intent of MASSIVE (development rows, one seed).
_WEIGHT = 0.3


def add_ngrams(model: IntentModel, train: Examples) -> None:
    """Gives a trained model the classifier of n-grams, as `ngram_weight` asks for.

    What a model that is trained on had found its weight to be it keeps: its calibration was fitted with that. A model
    some of whose intents have no example here keeps what it has: it would learn that they never occur.
    """
    weight = model.options.ngram_weight
    if weight == 0:
        model.ngrams = None
    elif len(set(train.labels)) == len(model.labels):
        options = model.options
        # What the encoder learns of rare intents would else be taken back.
        weights = class_weights(
            train.labels, len(model.labels), "balanced" if options.balanced_batches else options.class_weights
        )
        trained = train_ngrams(train.texts, train.labels, weights, options.random_seed)
        if weight is None:
            weight = _WEIGHT if model.ngrams is None else float(model.ngrams.weight[0])
        model.ngrams = trained.times(weight) if trained is not None else None


def train_ngrams(texts: Sequence[str], labels: Sequence[int], weights: torch.Tensor, seed: int) -> NGrams | None:
    """A linear classifier, trained by multinomial logistic regression.

    Args:
        texts: The examples.
        labels: The right column of each.
        weights: Of each column's examples in the loss, `[columns]`.
        seed: Of the order of the examples.

    Returns:
        None if no n-gram stands in two of the examples.
    """
    num_labels = len(weights)
    of_texts = [ngrams(text) for text in texts]
    hashes, counts = np.unique(np.concatenate(of_texts), return_counts=True)
    frequent = np.sort(np.argsort(-counts, kind="stable")[:_MOST_NGRAMS])
    hashes = hashes[frequent[counts[frequent] >= _LEAST_COUNT]]
    if not len(hashes):
        return None
    index = NGrams(hashes, *(np.empty(0),) * 4)
    rows = [index.known(text) for text in texts]
    random, right = np.random.default_rng(seed), torch.tensor(labels)
    shared = num_labels > _RANK
    first = random.normal(scale=_DIRECTIONS_SPREAD, size=(_RANK, num_labels)) if shared else np.eye(num_labels)
    directions = nn.Parameter(torch.from_numpy(first.astype(np.float32)), requires_grad=shared)
    embeddings = nn.EmbeddingBag(len(hashes), len(directions), mode="sum", sparse=True)
    nn.init.zeros_(embeddings.weight)
    bias = nn.Parameter(torch.zeros(num_labels))
    # Adagrad: a rare n-gram learns as fast as a frequent one. None takes sparse and dense gradients together.
    rates = [(embeddings.weight, _RATE), (bias, _RATE), *([(directions, _DIRECTIONS_RATE)] if shared else [])]
    optimizers = [torch.optim.Adagrad([parameter], lr=rate) for parameter, rate in rates]
    epochs = max(_EPOCHS, math.ceil(_LEAST_STEPS * _BATCH / len(texts)))
    with torch.sparse.check_sparse_tensor_invariants(False):  # else torch warns that it does not check
        for _ in range(epochs):
            order = random.permutation(len(texts))
            for start in range(0, len(order), _BATCH):
                batch = order[start : start + _BATCH]
                logits = _sums(embeddings, [rows[i] for i in batch]) @ directions + bias
                for optimizer in optimizers:
                    optimizer.zero_grad()
                losses = nn.functional.cross_entropy(logits, right[batch], reduction="none")
                (losses * weights[right[batch]]).mean().backward()
                for optimizer in optimizers:
                    optimizer.step()
    return NGrams.of(hashes, *(each.detach().numpy() for each in (embeddings.weight, directions, bias)))


def _sums(embeddings: nn.EmbeddingBag, rows: list[tuple[np.ndarray, float]]) -> torch.Tensor:
    counts = [len(known) for known, _ in rows]
    shares = np.repeat(np.array([1 / length for _, length in rows], dtype=np.float32), counts)
    return embeddings(
        torch.from_numpy(np.concatenate([known for known, _ in rows])),
        torch.from_numpy(np.cumsum([0, *counts[:-1]])),
        per_sample_weights=torch.from_numpy(shares),
    )
