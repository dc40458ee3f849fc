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

from goldsmith.kernels import kernels_run

BLOCK = 1024
"""Rows of logits that exist at once."""
WIDE = 2**22
"""Logits that are float32 at once: few enough to stay near the processor through every pass."""


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, targets: Tensor, cap: float | None = None
) -> Tensor:
    """Return the summed cross-entropy, in nats, of ``hidden @ weight.T`` against ``targets``.

    hidden: (rows, width); weight: (vocabulary, width); targets: (rows,) int64, all valid; with
    ``cap`` the logits are cap * tanh(logit / cap) first.
    Softmax and sums are float32 whatever the dtype of the inputs. Sum, not mean: the caller divides
    by the count over all of its rows, so accumulating over smaller batches changes nothing.
    """
    if kernels_run(hidden):
        from goldsmith.kernels import fused_cross_entropy

        return fused_cross_entropy(hidden, weight, targets, cap)
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
            slope = rows @ weight.T
            few = max(1, WIDE // weight.shape[0])
            for piece, right in zip(torch.split(slope, few), torch.split(wanted, few), strict=True):
                total += _softmax_slope(piece, right, cap)
            if hidden_gradient is None and weight_gradient is None:
                continue
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


def _softmax_slope(logits: Tensor, wanted: Tensor, cap: float | None) -> Tensor:
    """Write d loss / d logits = softmax - one-hot over the logits; return the summed loss.

    logits: (rows, vocabulary), changed in place; wanted: (rows, 1).
    """
    bend = None
    if cap is not None:
        bent = (logits.float() / cap).tanh_()
        bend = 1.0 - bent.square()
        logs = torch.log_softmax(bent * cap, -1)
    else:
        logs = torch.log_softmax(logits, -1, dtype=torch.float32)
    loss = -logs.gather(1, wanted).sum()
    slope = logs.exp_()
    slope.scatter_add_(1, wanted, torch.full_like(wanted, -1.0, dtype=slope.dtype))
    logits.copy_(slope if bend is None else slope * bend)
    return loss
