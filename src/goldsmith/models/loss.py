"""Cross-entropy of a linear layer without the logits of the whole batch.

The output layer of a small model with a large vocabulary holds most of the memory of a training
step. Here rows are taken in blocks; each block's gradient is computed beside its loss and the block
is dropped, so peak memory is one block of logits and nothing is computed twice. The idea is that of
fused linear cross-entropy kernels (Hsu et al. 2024); ours is plain torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

BLOCK = 1024
"""Rows of logits that exist at once."""


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, targets: Tensor, cap: float | None = None
) -> Tensor:
    """Return the summed cross-entropy, in nats, of ``hidden @ weight.T`` against ``targets``.

    hidden: (rows, width); weight: (vocabulary, width); targets: (rows,) int64, all valid; with
    ``cap`` the logits are cap * tanh(logit / cap) first.
    Softmax and sums are float32 whatever the dtype of the inputs. Sum, not mean: the caller divides
    by the count over all of its rows, so accumulating over smaller batches changes nothing.
    """
    result: Tensor = _LinearCrossEntropy.apply(hidden, weight, targets, cap)  # type: ignore[no-untyped-call]
    return result


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, cap: float | None
    ) -> Tensor:
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        hidden_gradient = torch.empty_like(hidden) if needs_hidden else None
        weight_gradient = torch.zeros_like(weight, dtype=torch.float32) if needs_weight else None
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, hidden.shape[0], BLOCK):
            rows = hidden[start : start + BLOCK]
            wanted = targets[start : start + BLOCK, None]
            logits = (rows @ weight.T).float()
            if cap is not None:
                logits = logits.div_(cap).tanh_()
                bend = 1.0 - logits.square()
                logits *= cap
            normaliser = logits.logsumexp(-1, keepdim=True)
            total += (normaliser - logits.gather(1, wanted)).sum()
            if hidden_gradient is None and weight_gradient is None:
                continue
            # d loss / d logits = softmax - one-hot, written over the logits.
            slope = logits.sub_(normaliser).exp_()
            slope.scatter_add_(1, wanted, torch.full_like(wanted, -1.0, dtype=slope.dtype))
            if cap is not None:
                slope *= bend
            slope = slope.to(hidden.dtype)
            if hidden_gradient is not None:
                hidden_gradient[start : start + BLOCK] = slope @ weight
            if weight_gradient is not None:
                weight_gradient += slope.T @ rows
        ctx.gradients = (
            hidden_gradient,
            None if weight_gradient is None else weight_gradient.to(weight.dtype),
        )
        return total

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        hidden, weight = ctx.gradients
        return (
            None if hidden is None else hidden * scale.to(hidden.dtype),
            None if weight is None else weight * scale.to(weight.dtype),
            None,
            None,
        )
