"""The kernel of `four_bits`: bytes in, weights out, nothing else touches memory."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

BYTES = 1024
"""Codes a program reads, two a byte; a scale serves 32 of them."""


def dequantize(
    codes: Tensor, scales: Tensor, values: Tensor, shape: torch.Size, dtype: torch.dtype
) -> Tensor:
    """See `four_bits.dequantize`."""
    out = torch.empty(shape, dtype=dtype, device=codes.device)
    grid = (triton.cdiv(codes.numel(), BYTES),)
    _look_up[grid](codes, scales, values, out, codes.numel(), shape.numel(), BYTES, num_warps=4)
    return out


@triton.jit
def _look_up(codes, scales, values, out, bytes_, weights, BYTES: tl.constexpr):
    start = tl.program_id(0).to(tl.int64) * BYTES
    place = start + tl.arange(0, BYTES)
    pair = tl.load(codes + place, place < bytes_, 0).to(tl.int32)
    scale = tl.load(scales + place // 32, place < bytes_, 0.0)
    first = tl.load(values + (pair >> 4)) * scale
    second = tl.load(values + (pair & 15)) * scale
    target = 2 * start + tl.arange(0, 2 * BYTES)
    tl.store(out + target, tl.interleave(first, second), target < weights)
