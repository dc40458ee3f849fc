"""What is done to each row on its own: RMSNorm, the rotation of heads, the gate of SwiGLU.

The plain twins are here; `rowwise_triton` holds the kernels, which read and write each number once
where plain torch passes over memory once for every operation.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from goldsmith.kernels.choice import kernels_run


def rms_norm(hidden: Tensor, weight: Tensor, epsilon: float, offset: bool = False) -> Tensor:
    """Return hidden / rms(hidden) * weight, or * (1 + weight) with ``offset`` (Gemma).

    hidden: (..., width); weight: (width,). Mean of squares and scaling are float32, whatever the
    dtypes; the result has the dtype of ``hidden``. Zhang & Sennrich 2019.
    """
    if kernels_run(hidden):
        from goldsmith.kernels.rowwise_triton import RMSNorm

        result: Tensor = RMSNorm.apply(hidden, weight, epsilon, offset)  # type: ignore[no-untyped-call]
        return result
    if not offset:
        return functional.rms_norm(hidden, weight.shape, weight, epsilon)
    wide = hidden.float()
    scaled = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + epsilon)
    return (scaled * (1.0 + weight.float())).to(hidden.dtype)


def rotate(heads: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate pairs (i, i + head_dim / 2) of (batch, sequence, heads, head_dim). Su et al. 2021.

    rotation: cosines and signed sines, each (batch, sequence, 1, head_dim); the second half of the
    cosines repeats the first, the second half of the sines is the first with the other sign. No
    gradient runs into them.
    """
    cosine, sine = rotation
    if kernels_run(heads):
        from goldsmith.kernels.rowwise_triton import Rotate

        result: Tensor = Rotate.apply(heads, cosine, sine)  # type: ignore[no-untyped-call]
        return result
    return heads * cosine + heads.roll(heads.shape[-1] // 2, -1) * sine


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """Return silu(gate) * up; both of one shape and dtype. Shazeer 2020."""
    if kernels_run(gate):
        from goldsmith.kernels.rowwise_triton import SwiGLU

        result: Tensor = SwiGLU.apply(gate, up)  # type: ignore[no-untyped-call]
        return result
    return functional.silu(gate) * up
