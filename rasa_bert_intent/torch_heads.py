"""The last layer as torch trains it; `rasa_bert_intent.heads` has its arithmetic once it is trained."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rasa_bert_intent.heads import COSINE_SCALE


class LinearHead(nn.Linear):
    """Logits by a linear layer after dropout, which starts near zero."""

    def __init__(self, in_features: int, num_labels: int) -> None:
        super().__init__(in_features, num_labels)
        self.dropout = nn.Dropout(0.1)
        nn.init.normal_(self.weight, std=0.02)
        nn.init.zeros_(self.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Logits `[messages, labels]` from features `[messages, hidden]`."""
        return super().forward(self.dropout(features))


class CosineHead(nn.Module):
    """Logits by the cosine between a message's features and each label's direction.

    Args:
        in_features: Of the features.
        num_labels: Directions.
    """

    def __init__(self, in_features: int, num_labels: int) -> None:
        super().__init__()
        self.in_features = in_features
        self.weight = nn.Parameter(torch.empty(num_labels, in_features))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, features: Tensor) -> Tensor:
        """Logits `[messages, labels]` from features `[messages, hidden]`."""
        return COSINE_SCALE * F.linear(F.normalize(features, dim=-1), F.normalize(self.weight, dim=-1))

    @torch.no_grad()
    def start_at_means(self, features: Tensor, labels: Tensor) -> None:
        """Points each label at the mean of its examples' unit-length features.

        Args:
            features: `[examples, hidden]`.
            labels: `[examples]`.
        """
        means = torch.zeros_like(self.weight).index_add_(0, labels, F.normalize(features, dim=-1))
        self.weight.copy_(F.normalize(means, dim=-1))


HEADS = {"linear": LinearHead, "cosine": CosineHead}
