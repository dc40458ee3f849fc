"""Weights from 4-bit codes: a table of 16 values, and a scale for every block of 64.

Which values those are and how codes come about is training's business. The twin is here, the kernel
in `four_bits_triton`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from goldsmith.kernels.choice import kernels_run

BLOCK = 64


def dequantize(
    codes: Tensor, scales: Tensor, values: Tensor, shape: torch.Size, dtype: torch.dtype
) -> Tensor:
    """Return the weight that codes stand for: value[code] * scale of its block, rounded once.

    codes: uint8, two a byte, the first high; scales: float32, one for each 64 weights in the order
    of memory; values: (16,) float32.
    """
    if kernels_run(codes):
        from goldsmith.kernels.four_bits_triton import dequantize as run

        return run(codes, scales, values, shape, dtype)
    places = torch.stack((codes >> 4, codes & 15), dim=-1).flatten()[: shape.numel()].long()
    looked_up = values[places]
    looked_up = functional.pad(looked_up, (0, -len(looked_up) % BLOCK)).view(-1, BLOCK)
    return (looked_up * scales[:, None]).flatten()[: shape.numel()].view(shape).to(dtype)
