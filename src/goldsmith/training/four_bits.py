"""Frozen linear layers in 4 bits (NF4, Dettmers et al. 2023), for adapters on a large base.

Weights lie in blocks of 64, each a scale and codes into 16 values that split a normal distribution
into equal parts. Double quantization holds the scales in 8 bits too: 4.127 bits a weight in all.
Codes equal those of ``bitsandbytes``. The float weight exists only while its layer computes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from goldsmith.kernels import dequantize
from goldsmith.training.eight_bits import Packed, pack, unpack

BLOCK = 64
VALUES = (
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
)


@lru_cache
def table(device: torch.device) -> Tensor:
    """Return the values on a device: (16,) float32."""
    return torch.tensor(VALUES, device=device)


def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return codes (uint8, two a byte, the first high) and the scale of each block (float32)."""
    flat = weight.detach().float().flatten()
    count = flat.numel()
    full = functional.pad(flat, (0, -count % BLOCK)).view(-1, BLOCK)
    scales = full.abs().amax(1)
    share = (full * (1.0 / scales.clamp(min=1e-38))[:, None]).clamp(-1.0, 1.0)
    values = table(flat.device)
    codes = torch.bucketize(share, (values[1:] + values[:-1]) / 2.0, out_int32=True)
    codes = functional.pad(codes.flatten()[:count], (0, count % 2), value=7).to(torch.uint8)
    return (codes[::2] << 4) | codes[1::2], scales


def pack_scales(scales: Tensor) -> tuple[Packed, Tensor]:
    """Double quantization: scales without their mean in 8 bits, and that mean."""
    mean = scales.mean()
    return pack(scales - mean, signed=True), mean


class FourBitLinear(nn.Module):
    """A frozen linear layer (..., in) -> (..., out) whose weight is held in NF4."""

    codes: Tensor
    scale_codes: Tensor
    scale_scales: Tensor
    scale_mean: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        codes, scales = quantize(linear.weight)
        packed, mean = pack_scales(scales)
        self.register_buffer("codes", codes)
        self.register_buffer("scale_codes", packed.codes)
        self.register_buffer("scale_scales", packed.scales)
        self.register_buffer("scale_mean", mean)
        self.bias: nn.Parameter | None = linear.requires_grad_(False).bias

    @property
    def weight(self) -> Tensor:
        """The weight as float32, made anew each time."""
        return self.made(torch.float32)

    def made(self, dtype: torch.dtype) -> Tensor:
        """The weight (out, in) from its codes."""
        packed = Packed(self.scale_codes, self.scale_scales, self.scale_codes.shape, True)
        scales = unpack(packed) + self.scale_mean
        shape = torch.Size((self.out_features, self.in_features))
        return dequantize(self.codes, scales, table(scales.device), shape, dtype)

    def forward(self, hidden: Tensor) -> Tensor:
        result: Tensor = _Multiply.apply(hidden, self)  # type: ignore[no-untyped-call]
        return result if self.bias is None else result + self.bias.to(result.dtype)

    def plain(self) -> nn.Linear:
        """Return a linear layer with the weight that this one stands for."""
        with torch.device("meta"):
            linear = nn.Linear(self.in_features, self.out_features, bias=False)
        linear.weight = nn.Parameter(self.weight, requires_grad=False)
        linear.register_parameter("bias", self.bias)
        return linear


class _Multiply(torch.autograd.Function):
    """hidden @ weight.T; the weight is made again for the backward pass instead of being kept."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, layer: FourBitLinear) -> Tensor:
        ctx.layer = layer
        return functional.linear(hidden, layer.made(hidden.dtype))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient @ ctx.layer.made(gradient.dtype), None
