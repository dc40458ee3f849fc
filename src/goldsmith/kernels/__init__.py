"""Kernels: the few operations that a GPU does better in one pass, each beside its plain torch twin.

- `rms_norm`, `rotate`, `swiglu`: what is done to each row, in one pass over memory.
- `softmax_slopes`: logits -> losses and their slopes, in place; its twin is in `models.loss`.
- `attend`: attention within sequences of one stream of tokens (`Spans`): causal, windowed, grouped.
- `dequantize`: a weight from its 4-bit codes.

On a CUDA device with Triton installed the kernels run, anywhere else the twins: the same contract,
the same gradients, nothing to switch. Kernels are in the modules whose names end in ``_triton`` or
``_backward``; only they import Triton. The names below are looked up when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from goldsmith import front_door

if TYPE_CHECKING:
    from goldsmith.kernels.attention import Spans, attend, segment_starts
    from goldsmith.kernels.choice import kernels_run
    from goldsmith.kernels.cross_entropy_triton import softmax_slopes
    from goldsmith.kernels.four_bits import dequantize
    from goldsmith.kernels.rowwise import rms_norm, rotate, swiglu

_PLACES = {
    "attention": ("attend", "segment_starts", "Spans"),
    "choice": ("kernels_run",),
    "cross_entropy_triton": ("softmax_slopes",),
    "four_bits": ("dequantize",),
    "rowwise": ("rms_norm", "rotate", "swiglu"),
}
__getattr__ = front_door(__name__, _PLACES)
