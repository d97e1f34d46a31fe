"""LoRA's linear layers in one step of autograd, for training on a CPU.

PEFT computes `base(x) + scale * B(A(x))` operation by operation. On small encoders the passes over memory for the sum,
the scale and their gradients take a tenth of a training step; here the matrix products add into one another's output.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


class _LoraLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float) -> Tensor:
        rows = x.reshape(-1, x.shape[-1]).to(weight.dtype)
        a, b = a.to(weight.dtype), b.to(weight.dtype)
        inner = rows @ a.T
        output = rows @ weight.T if bias is None else torch.addmm(bias, rows, weight.T)
        output.addmm_(inner, b.T, alpha=scale)
        ctx.save_for_backward(rows, inner, weight, a, b)
        ctx.scale, ctx.shape = scale, x.shape
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        rows, inner, weight, a, b = ctx.saved_tensors
        (gradient,) = gradients
        of_inner = (gradient @ b).mul_(ctx.scale)
        of_x = (gradient @ weight).addmm_(of_inner, a).view(ctx.shape) if ctx.needs_input_grad[0] else None
        of_a, of_b = of_inner.T @ rows, (gradient.T @ inner).mul_(ctx.scale)
        return of_x, None, None, of_a, of_b, None


@contextmanager
def fused_lora(network: nn.Module) -> Iterator[None]:
    """Inside the block the LoRA layers of a network compute as above, those with dropout excepted; the same numbers."""
    layers = [module for module in network.modules() if _can_fuse(module)]
    for layer in layers:
        layer.forward = partial(_forward, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _can_fuse(module: Any) -> bool:
    from peft.tuners.lora import Linear

    return (
        type(module) is Linear
        and type(module.base_layer) is nn.Linear
        and list(module.lora_A) == ["default"]
        and isinstance(module.lora_dropout["default"], nn.Identity)
        and module.lora_B["default"].bias is None
        and not module.lora_variant
    )


def _forward(layer: Any, x: Tensor) -> Tensor:
    base, a, b = layer.base_layer, layer.lora_A["default"].weight, layer.lora_B["default"].weight
    rows = _LoraLinear.apply(x, base.weight, base.bias, a, b, layer.scaling["default"])
    # Not inside: some encoders change a layer's output in place, which autograd forbids for a view made there.
    return rows.view(*x.shape[:-1], -1)
