"""What is minimised: cross-entropy with its companions, and contrastive losses of a stage before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rasa_bert_intent.config import Options
from rasa_bert_intent.distributed.group import views_of_all


def contrastive_loss(views: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss: rows of one label attract each other, all others repel.

    With one row's number as its label, so that its other view alone attracts it, this is SimCLR's loss.

    Args:
        views: Unit-length vectors, `[rows, size]`; several views of one message are rows of their own.
        labels: `[rows]`; a row whose label no other row has does not count.
        temperature: Divides the cosines, above 0.

    Source:
        Khosla et al. 2020 (arXiv 2004.11362), equation 2; Chen et al. 2020 (arXiv 2002.05709).
    """
    itself = torch.eye(len(views), dtype=torch.bool, device=views.device)
    cosines = (views @ views.T / temperature).masked_fill(itself, -torch.inf)
    log_shares = cosines - torch.logsumexp(cosines, dim=1, keepdim=True)
    alike = (labels[:, None] == labels[None, :]) & ~itself
    partners = alike.sum(dim=1)
    anchors = partners > 0
    if not anchors.any():
        return views.sum() * 0
    per_row = log_shares.masked_fill(~alike, 0).sum(dim=1)[anchors] / partners[anchors]
    return -per_row.mean()


class Classification:
    """Cross-entropy, beside it a supervised contrastive term and R-Drop where the options ask for them.

    Args:
        options: Of the training.
        class_weights: Weight of each label in the cross-entropy, `[labels]`.
    """

    def __init__(self, options: Options, class_weights: Tensor) -> None:
        self._options = options
        self._weights = class_weights
        # Without their weights, by which it would smooth too: what smoothing gives to a rare intent would weigh more
        # than what a frequent one keeps of its own examples.
        self._cross_entropy = nn.CrossEntropyLoss(label_smoothing=options.label_smoothing, reduction="none")

    def __call__(self, network: Any, inputs: dict[str, Tensor], labels: Tensor) -> Tensor:
        """The loss of a batch, from this process's share of its inputs, and all its labels."""
        options = self._options
        views = _views(network, inputs, len(labels), 2 if options.r_drop else 1)
        logits = [network.classify(view) for view in views]
        # Not their mean by weight: in a batch of one intent alone its weight would count for nothing.
        weights = self._weights[labels]
        loss = torch.cat([weights * self._cross_entropy(one, labels) for one in logits]).mean()
        if options.r_drop:
            loss = loss + options.r_drop * _symmetric_divergence(*logits)
        if options.contrastive_weight:
            unit = F.normalize(torch.cat(views), dim=-1)
            term = contrastive_loss(unit, labels.repeat(len(views)), options.contrastive_temperature)
            loss = loss + options.contrastive_weight * term
        return loss


def _views(network: Any, inputs: dict[str, Tensor], messages: int, count: int) -> tuple[Tensor, ...]:
    """Features of a batch, `[messages, hidden]`, under each of `count` dropout masks, in one pass."""
    features = network.features(**{name: tensor.repeat(count, 1) for name, tensor in inputs.items()})
    return views_of_all(features.chunk(count), messages)


def _symmetric_divergence(first: Tensor, second: Tensor) -> Tensor:
    """R-Drop's term: how far two predictions, `[messages, labels]`, of one network under two dropout masks are apart.

    Source: Liang et al. 2021 (arXiv 2106.14448), equation 2.
    """
    p, q = F.log_softmax(first, dim=-1), F.log_softmax(second, dim=-1)
    there = F.kl_div(q, p, reduction="batchmean", log_target=True)
    back = F.kl_div(p, q, reduction="batchmean", log_target=True)
    return (there + back) / 2


class Contrast(nn.Module):
    """A network for a contrastive stage: an encoder's features, projected to unit length; the projection goes after it.

    Args:
        network: Gives `features`.
        size: Of its features, and of the projection's hidden layer.
        temperature: Of the loss.
        supervised: Whether messages of one intent attract each other; else the two views of one message alone.
    """

    def __init__(self, network: Any, size: int, temperature: float, supervised: bool) -> None:
        super().__init__()
        self.network = network
        self.projection = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, min(size, 128)))
        self._temperature = temperature
        self._supervised = supervised

    def loss(self, inputs: dict[str, Tensor], labels: Tensor) -> Tensor:
        """The contrastive loss of a batch: two views of each message, which differ by their dropout masks."""
        views = torch.cat(_views(self.network, inputs, len(labels), 2))
        if not self._supervised:
            labels = torch.arange(len(labels), device=labels.device)
        return contrastive_loss(F.normalize(self.projection(views), dim=-1), labels.repeat(2), self._temperature)


def class_weights(labels: Sequence[int], num_labels: int, kind: str) -> Tensor:
    """The weight of each label in the loss, `[labels]`: 1, or the inverse of its frequency (1 on average)."""
    if kind == "none":
        return torch.ones(num_labels)
    counts = torch.bincount(torch.tensor(labels), minlength=num_labels).float()
    weights = len(labels) / ((counts > 0).sum() * counts.clamp(min=1))
    return torch.where(counts > 0, weights, torch.ones(()))
