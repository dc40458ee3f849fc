"""Cross-entropy of a linear layer without the logits of the whole batch.

The output layer of a small model with a large vocabulary holds most of the memory of a training
step. Here rows are taken in blocks; each block's gradient is computed beside its loss and the next
block is written over it, so peak memory is one block of logits and nothing is computed twice. The
idea is that of fused linear cross-entropy kernels (Hsu et al. 2024). Matrix products are torch's;
what turns a block of logits into losses and slopes is plain torch here and, on a GPU,
`kernels.softmax_slopes`, with blocks of a size that suits it.
"""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor

from goldsmith.kernels import kernels_run

BLOCK_BYTES = 2**27
"""Bytes of logits that exist at once: as many rows as keep the matrix products long."""
NEAR = 2**19
"""Logits that are float32 at once: few enough to stay in a core's cache through every pass."""
LOGITS = 2**28
"""Logits of a block for the kernel: 2,048 rows of 128,256 words, to keep the matrix units busy."""
WORDS = 2**14
"""Rows of the weight's gradient that are computed at once there, then added to the sum."""
LEAST = 1e-30
"""Probabilities below this have lost digits; their losses are taken from the logits."""


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
        count, vocabulary = hidden.shape[0], weight.shape[0]
        block = rows_at_once(vocabulary, hidden.element_size())
        hidden_gradient = torch.empty_like(hidden) if needs_hidden else None
        weight_gradient = None
        fused = kernels_run(hidden)
        if fused:
            from goldsmith.kernels import softmax_slopes

            block = max(8, LOGITS // vocabulary // 8 * 8)
            if needs_weight:
                weight_gradient = torch.zeros_like(weight, dtype=torch.float32)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, count, block):
            rows, wanted = hidden[start : start + block], targets[start : start + block, None]
            if fused:
                slope = rows @ weight.T
                total += softmax_slopes(slope, wanted, cap, needs_hidden or needs_weight)
            else:
                slope = _room(hidden, min(block, len(rows)), vocabulary)
                torch.mm(rows, weight.T, out=slope)
                total += _softmax_slope(slope, wanted, rows, weight, cap)
            if hidden_gradient is not None:
                torch.mm(slope, weight, out=hidden_gradient[start : start + block])
            if fused and weight_gradient is not None:
                for word in range(0, vocabulary, WORDS):
                    part = slope[:, word : word + WORDS]
                    weight_gradient[word : word + WORDS] += part.T @ rows
            elif needs_weight:
                added = slope.T @ rows
                if count <= block:
                    weight_gradient = added
                elif weight_gradient is None:
                    weight_gradient = added.float()
                else:
                    weight_gradient += added
            del slope  # before the next block is made
        if needs_weight and weight_gradient is None:
            weight_gradient = torch.zeros_like(weight)
        ctx.gradients = (
            hidden_gradient,
            None if weight_gradient is None else weight_gradient.to(weight.dtype),
        )
        return total

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        hidden, weight = ctx.gradients
        ctx.gradients = None
        if scale.is_cuda or float(scale) != 1.0:  # a sum differentiated itself needs no pass
            hidden = None if hidden is None else hidden.mul_(scale.to(hidden.dtype))
            weight = None if weight is None else weight.mul_(scale.to(weight.dtype))
        return hidden, weight, None, None


def rows_at_once(vocabulary: int, size: int) -> int:
    """Return the rows of a block of logits of ``size`` bytes each."""
    return max(1, BLOCK_BYTES // (vocabulary * size))


def forget_room() -> None:
    """Give back the memory of a block, which a thread keeps from step to step."""
    vars(_kept).clear()


_kept = threading.local()


def _room(like: Tensor, rows: int, vocabulary: int) -> Tensor:
    """Return (rows, vocabulary) of anything, the same memory as before where that fits.

    Fresh pages for a block cost as much as its softmax: the system clears each of them.
    """
    wanted = rows * vocabulary
    kept: Tensor | None = getattr(_kept, "room", None)
    fits = kept is not None and kept.dtype == like.dtype and kept.device == like.device
    if kept is None or not fits or kept.numel() < wanted:
        _kept.room = kept = None
        with torch.inference_mode(False):  # training may write where scoring wrote before
            _kept.room = kept = torch.empty(wanted, dtype=like.dtype, device=like.device)
    return kept[:wanted].view(rows, vocabulary)


def _softmax_slope(
    logits: Tensor, wanted: Tensor, rows: Tensor, weight: Tensor, cap: float | None
) -> Tensor:
    """Write d loss / d logits = softmax - one-hot over the logits; return the summed loss.

    logits: (rows, vocabulary) of ``rows`` and ``weight``, changed in place; wanted: (rows, 1).
    The softmax is float32, a few rows at a time; -log of it is the loss, except where so little is
    left of it that the logits must be asked again.
    """
    few = max(1, NEAR // logits.shape[1])
    wide = torch.empty((few, logits.shape[1]), dtype=torch.float32, device=logits.device)
    right = torch.empty(wanted.shape, dtype=torch.float32, device=logits.device)
    for start in range(0, len(logits), few):
        piece, target = logits[start : start + few], wanted[start : start + few]
        near = wide[: len(piece)].copy_(piece)
        bend = None
        if cap is not None:
            near.div_(cap).tanh_()
            bend = 1.0 - near.square()
            near.mul_(cap)
        torch.softmax(near, -1, out=near)
        found = right[start : start + few]
        torch.gather(near, 1, target, out=found)
        near.scatter_(1, target, found - 1.0)
        piece.copy_(near if bend is None else near.mul_(bend))
    losses = -right.log()
    far = (right < LEAST).flatten().nonzero().flatten()
    if len(far):
        again = (rows[far] @ weight.T).float()
        if cap is not None:
            again = cap * torch.tanh(again / cap)
        losses[far] = -torch.log_softmax(again, -1).gather(1, wanted[far])
    return losses.sum()
