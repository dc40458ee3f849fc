"""Numbers in 8 bits: blocks of 256, each a scale and codes into a table of 256 values.

Dynamic quantization (Dettmers 2016; blocks: Dettmers et al. 2022): leading zeros of a code give the
power of ten, the rest a linear fraction, so that small and large numbers both keep their relative
precision. Tables and codes equal those of ``bitsandbytes``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 256


@dataclass(frozen=True)
class Packed:
    """codes: uint8, flat; scales: float32, one a block, the block's largest magnitude."""

    codes: Tensor
    scales: Tensor
    shape: torch.Size
    signed: bool


@lru_cache
def table(signed: bool, device: torch.device | None = None) -> Tensor:
    """Return the 256 values in rising order, within -1..1 (or 0..1): float32."""
    values: list[float] = []
    for power in range(7):
        count = 2**power if signed else 2 ** (power + 1)
        edges = torch.linspace(0.1, 1.0, count + 1, dtype=torch.float32)
        means = (edges[:-1] + edges[1:]) / 2.0
        scaled = (10.0 ** (power - 6) * means).tolist()
        values += scaled
        if signed:
            values += [-value for value in scaled]
    return torch.tensor(sorted([*values, 0.0, 1.0]), dtype=torch.float32, device=device)


def pack(tensor: Tensor, signed: bool) -> Packed:
    """Return the nearest codes; ties go to the lower value."""
    flat = tensor.detach().float().flatten()
    rows = functional.pad(flat, (0, -flat.numel() % BLOCK)).view(-1, BLOCK)
    scales = rows.abs().amax(1)
    share = rows / torch.where(scales > 0, scales, 1.0)[:, None]
    codes = torch.bucketize(share, middles(signed, share.device), out_int32=True)
    codes = codes.to(torch.uint8).flatten()[: flat.numel()].clone()
    return Packed(codes, scales, tensor.shape, signed)


@lru_cache
def middles(signed: bool, device: torch.device | None = None) -> Tensor:
    """Return the 255 borders between neighbours of the table."""
    values = table(signed, device)
    return (values[1:] + values[:-1]) / 2.0


def unpack(packed: Packed) -> Tensor:
    """Return the float32 tensor that the codes stand for."""
    values = table(packed.signed, packed.codes.device)[packed.codes.long()]
    scales = packed.scales.repeat_interleave(BLOCK)[: values.numel()]
    return (values * scales).view(packed.shape)
