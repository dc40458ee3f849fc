"""Where a token stands: rotary frequencies and their stretchings, ALiBi, segments, and masks.

Everything here is a function of positions alone. A mask is True where a query (row) may see a key
(column); None means plain causal attention over the call itself, which needs no mask at all.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from goldsmith.kernels import rotate as rotate
from goldsmith.kernels import segment_starts
from goldsmith.models.config import ModelConfig, RopeScaling


def rotary_frequencies(config: ModelConfig, length: int = 0) -> tuple[Tensor, float]:
    """Return the rotation speed of each pair, radians a token, (head_dim / 2,) float32, and the
    factor that cosines and sines are multiplied by.

    ``length`` is the longest sequence in hand: dynamic scaling depends on it.
    """
    scaling, dim, base = config.rope_scaling, config.head_dim, config.rope_theta
    if scaling is not None and scaling.kind == "dynamic":
        stretch = max(length, scaling.original_context) / scaling.original_context
        grown = scaling.factor * stretch - (scaling.factor - 1)
        return plain_frequencies(base * grown ** (dim / (dim - 2)), dim), 1.0
    frequencies = plain_frequencies(base, dim)
    if scaling is None:
        return frequencies, 1.0
    if scaling.kind == "linear":
        return frequencies / scaling.factor, 1.0
    if scaling.kind == "yarn":
        keep = 1.0 - _yarn_blend(scaling, dim, base)
        factor = scaling.attention_factor or (
            0.1 * math.log(scaling.factor) + 1.0 if scaling.factor > 1 else 1.0
        )
        return frequencies * keep + frequencies / scaling.factor * (1.0 - keep), factor
    low, high = scaling.low_frequency_factor, scaling.high_frequency_factor
    turns = scaling.original_context * frequencies / (2 * math.pi)
    # 0 where a pair turns slowly (stretch in full), 1 where it turns fast (leave alone).
    keep = ((turns - low) / (high - low)).clamp(0.0, 1.0)
    return frequencies * keep + frequencies / scaling.factor * (1.0 - keep), 1.0


def plain_frequencies(base: float, dim: int) -> Tensor:
    """Return base^(-2i / dim) for each pair i: (dim / 2,) float32."""
    steps = torch.arange(0, dim, 2, dtype=torch.int64, device="cpu").float()
    return torch.as_tensor(1.0 / base ** (steps / dim))


def _yarn_blend(scaling: RopeScaling, dim: int, base: float) -> Tensor:
    """0 for the pairs that are left alone, 1 for those stretched in full: (dim / 2,)."""

    def pair_that_turns(times: float) -> float:
        wavelength = scaling.original_context / (times * 2 * math.pi)
        return dim * math.log(wavelength) / (2 * math.log(base))

    low, high = pair_that_turns(scaling.fast_turns), pair_that_turns(scaling.slow_turns)
    if scaling.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dim - 1)
    pairs = torch.arange(dim // 2, dtype=torch.float32)
    return ((pairs - low) / (high - low or 0.001)).clamp(0.0, 1.0)


def rotary(
    frequencies: Tensor, positions: Tensor, dtype: torch.dtype, factor: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Return cosines and signed sines for `rotate`: (batch, sequence, 1, head_dim)."""
    angles = positions.clamp(min=0)[..., None].float() * frequencies.to(positions.device)
    cosine, sine = angles.cos() * factor, angles.sin() * factor
    return (
        torch.cat((cosine, cosine), -1)[:, :, None].to(dtype),
        torch.cat((-sine, sine), -1)[:, :, None].to(dtype),
    )


def alibi_slopes(heads: int) -> Tensor:
    """Return how much a score falls with each token of distance, for each head: (heads,).

    Powers of 2^(-8 / heads); where that is no power of two, every second slope of the next power
    of two follows (Press et al. 2021).
    """
    whole = 2 ** math.ceil(math.log2(heads))
    slopes = [2.0 ** (-8.0 * n / whole) for n in range(1, whole + 1)]
    return torch.tensor(slopes if whole == heads else (slopes[1::2] + slopes[::2])[:heads])


def segment_positions(segments: Tensor) -> Tensor:
    """Count positions from 0 in each run of equal segment numbers: (batch, sequence)."""
    index = torch.arange(segments.shape[1], device=segments.device).expand_as(segments)
    return index - torch.where(segment_starts(segments), index, 0).cummax(dim=1).values


def whole(segments: Tensor) -> bool:
    """Whether every row (batch, sequence) is one segment, so that no mask is needed for them."""
    return bool((segments == segments[:, :1]).all())


def call_mask(positions: Tensor, segments: Tensor | None, window: int) -> Tensor | None:
    """The mask of tokens that see each other within one call: (batch, 1, sequence, sequence).

    positions: (batch, sequence), rising within a segment; window: 0 for none. None where plain
    causal attention is the same.
    """
    sequence = positions.shape[1]
    if segments is None and not 0 < window < sequence:
        return None
    ahead = torch.ones(sequence, sequence, dtype=torch.bool, device=positions.device).tril()
    mask = ahead[None]
    if segments is not None:
        mask = mask & (segments[:, :, None] == segments[:, None, :])
    if window:
        mask = mask & (positions[:, None, :] > positions[:, :, None] - window)
    return mask[:, None]


def cache_mask(positions: Tensor, length: int, window: int = 0) -> Tensor:
    """True at the keys 0..p (the last ``window`` of them) of a query at position p.

    Shape (batch, 1, sequence, length). Padding sees key 0, because a row of nothing would be NaN.
    """
    keys = torch.arange(length, device=positions.device)
    places = positions.clamp(min=0)[..., None]
    mask = keys <= places
    if window:
        mask = mask & (keys > places - window)
    return mask[:, None]


def distances(positions: Tensor, keys: Tensor) -> Tensor:
    """Key position minus query position, float32: (batch, 1, queries, keys)."""
    return (keys[:, None, :] - positions[:, :, None]).float()[:, None]
