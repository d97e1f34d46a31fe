"""Attention over long messages, for training on a CPU.

With dropout torch keeps every score of every token for every other one, and that three times; in bf16 its quicker way
without is slow backwards. In fp32 and without dropout a step of attention takes a third of the time from 64 tokens on
(at 32 half, at 12 the same), and next to no memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rasa_bert_intent.network import quiet_transformers

# Tokens of a batch from which on attention has no dropout: of short messages every example counts, and so does dropout.
_LONG = 33
_NAME = "rasa_bert_intent"


@contextmanager
def long_attention(encoder: Any) -> Iterator[None]:
    """Inside the block an encoder's attention over long batches has no dropout, if transformers can change it.

    Before its version 5 it cannot for BERT and its like.

    Args:
        encoder: transformers' own, without PEFT around it.
    """
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    former = encoder.config._attn_implementation
    if former != "sdpa":
        yield
        return
    AttentionInterface.register(_NAME, _attention)
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    with quiet_transformers():
        encoder.set_attn_implementation(_NAME)  # changes nothing, and warns, where it cannot
    try:
        yield
    finally:
        with quiet_transformers():
            encoder.set_attn_implementation(former)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    **more: Any,
) -> tuple[Tensor, None]:
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if query.shape[-2] < _LONG:
        return sdpa_attention_forward(module, query, key, value, attention_mask, dropout, **more)
    with torch.autocast(query.device.type, enabled=False):
        if attention_mask is not None and attention_mask.is_floating_point():  # what is added to the scores
            attention_mask = attention_mask.float()
        inputs = query.float(), key.float(), value.float()
        output, _ = sdpa_attention_forward(module, *inputs, attention_mask, 0.0, **more)
    return output.to(query.dtype), None
