"""Kernels: the few operations that a GPU does better in one pass, each beside its plain torch twin.

- `rms_norm`, `rotate`, `swiglu`: what is done to each row, in one pass over memory.
- `fused_cross_entropy`: hidden states -> summed loss; its twin is `models.loss`.
- `attend`: attention within sequences of one stream of tokens (`Spans`): causal, windowed, grouped.
- `dequantize`: a weight from its 4-bit codes.

On a CUDA device with Triton installed the kernels run, anywhere else the twins: the same contract,
the same gradients, nothing to switch. Kernels are in the modules whose names end in ``_triton`` or
``_backward``; only they import Triton. The names below are looked up when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldsmith.kernels.attention import Spans as Spans
    from goldsmith.kernels.attention import attend as attend
    from goldsmith.kernels.attention import segment_starts as segment_starts
    from goldsmith.kernels.choice import kernels_run as kernels_run
    from goldsmith.kernels.cross_entropy_triton import (
        fused_cross_entropy as fused_cross_entropy,
    )
    from goldsmith.kernels.four_bits import dequantize as dequantize
    from goldsmith.kernels.rowwise import rms_norm as rms_norm
    from goldsmith.kernels.rowwise import rotate as rotate
    from goldsmith.kernels.rowwise import swiglu as swiglu

_PLACES = {
    "Spans": "attention",
    "attend": "attention",
    "segment_starts": "attention",
    "dequantize": "four_bits",
    "fused_cross_entropy": "cross_entropy_triton",
    "kernels_run": "choice",
    "rms_norm": "rowwise",
    "rotate": "rowwise",
    "swiglu": "rowwise",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"goldsmith.kernels has no '{name}'")
    return getattr(import_module(f"goldsmith.kernels.{_PLACES[name]}"), name)
