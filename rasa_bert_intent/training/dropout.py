"""Dropout whose random numbers cost next to nothing on a CPU.

torch draws a mask on the CPU one number after another, about 7 ns each, which is a tenth of a training step on a small
encoder. One random byte an element is enough for a mask.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

_BYTE = 256


class ByteDropout(nn.Module):
    """`nn.Dropout` on a CPU, with its probability rounded to 1/256.

    Args:
        p: Probability that an element becomes 0; the others are divided by its complement.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self._dropped = min(round(p * _BYTE), _BYTE - 1)
        self.p = self._dropped / _BYTE  # attention reads it, to drop by itself
        seed = int(torch.randint(2**62, ()))  # so that torch's seed fixes these masks too
        self._random = np.random.SFC64(seed)

    @property
    def state(self) -> list[int]:
        """Where the random numbers are."""
        return self._random.state["state"]["state"].tolist()

    @state.setter
    def state(self, state: list[int]) -> None:
        self._random.state = {**self._random.state, "state": {"state": np.array(state, np.uint64)}}

    def forward(self, x: Tensor) -> Tensor:
        """`x`, of any shape, with a new mask while training."""
        if not self.training or self._dropped == 0:
            return x
        words = self._random.random_raw(-(-x.numel() // 8))
        mask = torch.from_numpy(words.view(np.uint8))[: x.numel()].view(x.shape) >= self._dropped
        return x * mask.to(x.dtype).mul_(1 / (1 - self.p))


def byte_dropouts(network: nn.Module) -> dict[str, ByteDropout]:
    """Those inside a network, by their names."""
    return {name: module for name, module in network.named_modules() if isinstance(module, ByteDropout)}


def use_byte_dropout(network: nn.Module) -> None:
    """Replaces every `nn.Dropout` that drops anything, inside a network, in place."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout and child.p > 0:
                setattr(module, name, ByteDropout(child.p).train(child.training))
