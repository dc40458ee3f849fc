"""Linear layer and cross-entropy in blocks of rows; its plain twin is `models.loss`.

Matrix products are torch's; between them one kernel turns a block of logits into losses and slopes
in place: no float32 copy of the logits ever exists, one block of them is all there is, and nothing
is computed twice (the idea of Hsu et al. 2024). A program owns a row. It reads the row once for the
peak and the sum (the online softmax), and once more, from the cache, to write the slopes.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

LOGITS = 2**28
"""Logits of a block: 2,048 rows of 128,256 words, long enough to keep the matrix units busy."""
WORDS = 2**14
"""Rows of the weight's gradient that are computed at once, then added to the float32 sum."""
BLOCK = 8192
"""Words of a row that a program holds at once."""


def fused_cross_entropy(
    hidden: Tensor, weight: Tensor, targets: Tensor, cap: float | None = None
) -> Tensor:
    """Return the summed cross-entropy, in nats, of ``hidden @ weight.T`` against ``targets``.

    hidden: (rows, width); weight: (vocabulary, width); targets: (rows,) int64, all valid; with
    ``cap`` the logits are cap * tanh(logit / cap) first. Softmax and sums are float32 whatever the
    dtype of the inputs; slopes are rounded to it between the products.
    """
    result: Tensor = _Fused.apply(hidden, weight, targets, cap)
    return result


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, cap: float | None
    ) -> Tensor:
        needs_hidden, needs_weight = ctx.needs_input_grad[:2]
        count, words = len(hidden), len(weight)
        block = max(8, LOGITS // words // 8 * 8)
        hidden_slope = torch.empty_like(hidden) if needs_hidden else None
        weight_slope = torch.zeros_like(weight, dtype=torch.float32) if needs_weight else None
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, count, block):
            rows = hidden[start : start + block]
            slope = rows @ weight.T
            wanted = targets[start : start + block, None]
            total += softmax_slopes(slope, wanted, cap, needs_hidden or needs_weight)
            if hidden_slope is not None:
                torch.mm(slope, weight, out=hidden_slope[start : start + block])
            if weight_slope is not None:
                for word in range(0, words, WORDS):
                    part = slope[:, word : word + WORDS]
                    weight_slope[word : word + WORDS] += part.T @ rows
            del slope  # before the next block is made
        ctx.slopes = (
            hidden_slope,
            None if weight_slope is None else weight_slope.to(weight.dtype),
        )
        return total

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        hidden, weight = ctx.slopes
        return (
            None if hidden is None else hidden * scale.to(hidden.dtype),
            None if weight is None else weight * scale.to(weight.dtype),
            None,
            None,
        )


def softmax_slopes(logits: Tensor, wanted: Tensor, cap: float | None, learns: bool) -> Tensor:
    """Return the summed loss; with ``learns`` write softmax - one-hot over the logits.

    logits: (rows, vocabulary), contiguous; wanted: (rows, 1) int64; cap: see above.
    """
    rows, vocabulary = logits.shape
    losses = torch.empty(rows, dtype=torch.float32, device=logits.device)
    block = min(BLOCK, triton.next_power_of_2(vocabulary))
    _slopes[rows,](
        logits,
        wanted.contiguous(),
        losses,
        vocabulary,
        1.0 if cap is None else cap,
        CAPPED=cap is not None,
        LEARNS=learns,
        BLOCK=block,
        num_warps=min(16, max(4, block // 512)),
    )
    return losses.sum()


@triton.jit
def _slopes(
    logits,
    wanted,
    losses,
    vocabulary,
    cap,
    CAPPED: tl.constexpr,
    LEARNS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)
    words = logits + row * vocabulary
    target = tl.load(wanted + row)
    right = _bent(tl.load(words + target).to(tl.float32), cap, CAPPED)
    peak = tl.full((), -1e30, tl.float32)
    total = tl.zeros((), tl.float32)
    for start in range(0, vocabulary, BLOCK):
        word = start + tl.arange(0, BLOCK)
        logit = tl.load(words + word, word < vocabulary, 0.0).to(tl.float32)
        logit = tl.where(word < vocabulary, _bent(logit, cap, CAPPED), float("-inf"))
        higher = tl.maximum(peak, tl.max(logit, 0))
        total = total * tl.exp(peak - higher) + tl.sum(tl.exp(logit - higher), 0)
        peak = higher
    tl.store(losses + row, peak + tl.log(total) - right)
    if LEARNS:
        for start in range(0, vocabulary, BLOCK):
            word = start + tl.arange(0, BLOCK)
            logit = tl.load(words + word, word < vocabulary, 0.0).to(tl.float32)
            bent = _bent(logit, cap, CAPPED)
            slope = tl.exp(bent - peak) / total - tl.where(word == target, 1.0, 0.0)
            if CAPPED:
                slope *= 1.0 - (bent / cap) * (bent / cap)
            tl.store(words + word, slope, word < vocabulary)


@triton.jit
def _bent(logit, cap, CAPPED: tl.constexpr):
    """cap * tanh(logit / cap), or the logit as it is."""
    if CAPPED:
        logit = cap * (2.0 * tl.sigmoid(2.0 * logit / cap) - 1.0)
    return logit
