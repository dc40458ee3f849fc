"""Losses and slopes of a block of logits, in place; its plain twin is in `models.loss`.

One kernel between matrix products: no float32 copy of the logits ever exists, and nothing is
computed twice (the idea of Hsu et al. 2024). A program owns a row. It reads the row once for the
peak and the sum (the online softmax), and once more, from the cache, to write the slopes.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 8192
"""Words of a row that a program holds at once."""


def softmax_slopes(logits: Tensor, wanted: Tensor, cap: float | None, learns: bool) -> Tensor:
    """Return the summed loss; with ``learns`` write softmax - one-hot over the logits.

    logits: (rows, vocabulary), contiguous; wanted: (rows, 1) int64; with ``cap`` the logits are cap
    * tanh(logit / cap) first. The softmax is float32; slopes are rounded to the logits' dtype.
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
