"""Kernels for rows: RMSNorm, rotation, SwiGLU, forward and backward; `rowwise` has their contracts.

All are bound by memory: a program loads its tile once, computes in float32 and rounds once. Tiles
and launches depend on shapes alone and sums over rows are taken in a fixed order, so the same input
gives the same bits on every run.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

TILE = 4096
"""Numbers a program holds of each tensor, at least one row."""
PARTIAL_SUMS = 256
"""Programs among which the rows are shared where a gradient is summed over rows."""


class RMSNorm(torch.autograd.Function):
    """hidden (..., width), weight (width,) -> (..., width)."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, epsilon: float, offset: bool) -> Tensor:
        width = hidden.shape[-1]
        flat = hidden.reshape(-1, width).contiguous()
        out = torch.empty_like(flat)
        inverse = torch.empty(len(flat), dtype=torch.float32, device=flat.device)
        tile = _tile(width)
        grid = (triton.cdiv(len(flat), tile["ROWS"]),)
        _norm_forward[grid](flat, weight, out, inverse, len(flat), width, epsilon, offset, **tile)
        ctx.save_for_backward(flat, weight, inverse)
        ctx.offset = offset
        return out.view(hidden.shape)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        flat, weight, inverse = ctx.saved_tensors
        rows, width = flat.shape
        learns = ctx.needs_input_grad[1]
        slope = gradient.reshape(rows, width).contiguous()
        hidden_slope = torch.empty_like(flat)
        tile = _tile(width)
        programs = min(PARTIAL_SUMS, triton.cdiv(rows, tile["ROWS"]))
        shape = (programs if learns else 1, width)
        sums = torch.empty(shape, dtype=torch.float32, device=flat.device)
        places = (slope, flat, weight, inverse, hidden_slope, sums)
        _norm_backward[programs,](*places, rows, width, ctx.offset, learns, **tile)
        weight_slope = sums.sum(0).to(weight.dtype) if learns else None
        return hidden_slope.view(gradient.shape), weight_slope, None, None


class Rotate(torch.autograd.Function):
    """heads (batch, sequence, heads, head_dim) -> the same; cosine, sine: see `rowwise.rotate`."""

    @staticmethod
    def forward(ctx: Any, heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        ctx.save_for_backward(cosine, sine)
        return _turn(heads, cosine, sine, False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cosine, sine = ctx.saved_tensors
        return _turn(gradient, cosine, sine, True), None, None


class SwiGLU(torch.autograd.Function):
    """gate, up (...) -> silu(gate) * up (...)."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        gate, up = gate.contiguous(), up.contiguous()
        out = torch.empty_like(gate)
        ctx.save_for_backward(gate, up)
        grid = (triton.cdiv(gate.numel(), TILE),)
        _gate_forward[grid](gate, up, out, gate.numel(), TILE, num_warps=8)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        slope = gradient.contiguous()
        gate_slope, up_slope = torch.empty_like(gate), torch.empty_like(up)
        grid = (triton.cdiv(gate.numel(), TILE),)
        places = (slope, gate, up, gate_slope, up_slope)
        _gate_backward[grid](*places, gate.numel(), TILE, num_warps=8)
        return gate_slope, up_slope


def _tile(width: int) -> dict[str, int]:
    columns = triton.next_power_of_2(width)
    warps = min(16, max(4, columns // 512))
    return {"ROWS": max(1, TILE // columns), "COLUMNS": columns, "num_warps": warps}


@triton.jit
def _norm_forward(
    hidden,
    weight,
    out,
    inverse,
    rows,
    width,
    epsilon,
    OFFSET: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, COLUMNS)
    inside = (row < rows)[:, None] & (column < width)[None, :]
    place = row[:, None] * width + column[None, :]
    wide = tl.load(hidden + place, mask=inside, other=0.0).to(tl.float32)
    factor = tl.rsqrt(tl.sum(wide * wide, 1) / width + epsilon)
    scale = tl.load(weight + column, mask=column < width, other=0.0).to(tl.float32)
    if OFFSET:
        scale += 1.0
    tl.store(out + place, wide * factor[:, None] * scale[None, :], mask=inside)
    tl.store(inverse + row, factor, mask=row < rows)


@triton.jit
def _norm_backward(
    slope,
    hidden,
    weight,
    inverse,
    hidden_slope,
    sums,
    rows,
    width,
    OFFSET: tl.constexpr,
    LEARNS: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Each program takes every so manieth tile of rows and sums the weight's gradient over them."""
    program = tl.program_id(0)
    column = tl.arange(0, COLUMNS)
    scale = tl.load(weight + column, mask=column < width, other=0.0).to(tl.float32)
    if OFFSET:
        scale += 1.0
    total = tl.zeros((COLUMNS,), tl.float32)
    for start in range(program * ROWS, rows, tl.num_programs(0) * ROWS):
        row = start + tl.arange(0, ROWS)
        inside = (row < rows)[:, None] & (column < width)[None, :]
        place = row.to(tl.int64)[:, None] * width + column[None, :]
        above = tl.load(slope + place, mask=inside, other=0.0).to(tl.float32)
        wide = tl.load(hidden + place, mask=inside, other=0.0).to(tl.float32)
        factor = tl.load(inverse + row, mask=row < rows, other=0.0)[:, None]
        even = wide * factor
        scaled = above * scale[None, :]
        along = tl.sum(scaled * even, 1) / width
        tl.store(hidden_slope + place, (scaled - even * along[:, None]) * factor, mask=inside)
        if LEARNS:
            total += tl.sum(above * even, 0)
    if LEARNS:
        tl.store(sums + program * width + column, total, mask=column < width)


def _turn(heads: Tensor, cosine: Tensor, sine: Tensor, back: bool) -> Tensor:
    batch, sequence, count, dim = heads.shape
    if heads.stride(-1) != 1:
        heads = heads.contiguous()
    if cosine.stride(-1) != 1 or sine.stride() != cosine.stride():
        cosine, sine = cosine.contiguous(), sine.contiguous()
    out = torch.empty(heads.shape, dtype=heads.dtype, device=heads.device)
    # One row of angles may serve the whole batch.
    row_stride = cosine.stride(0) if cosine.shape[0] > 1 else 0
    strides = (*heads.stride()[:3], row_stride, cosine.stride(1))
    tile = (triton.next_power_of_2(count), triton.next_power_of_2(dim // 2))
    _rotate[sequence, batch](heads, cosine, sine, out, *strides, sequence, count, dim, back, *tile)
    return out


@triton.jit
def _rotate(
    heads,
    cosine,
    sine,
    out,
    batch_stride,
    token_stride,
    head_stride,
    angle_batch_stride,
    angle_token_stride,
    sequence,
    count,
    dim,
    BACK: tl.constexpr,
    HEADS: tl.constexpr,
    HALF: tl.constexpr,
):
    """All heads of one token; the sines of the second half are positive."""
    token, row = tl.program_id(0).to(tl.int64), tl.program_id(1).to(tl.int64)
    head, pair = tl.arange(0, HEADS), tl.arange(0, HALF)
    half = dim // 2
    angle = row * angle_batch_stride + token * angle_token_stride + pair
    cos = tl.load(cosine + angle, mask=pair < half, other=0.0).to(tl.float32)[None, :]
    sin = tl.load(sine + angle + half, mask=pair < half, other=0.0).to(tl.float32)[None, :]
    if BACK:
        sin = -sin
    inside = (head < count)[:, None] & (pair < half)[None, :]
    place = row * batch_stride + token * token_stride + head[:, None] * head_stride + pair[None, :]
    first = tl.load(heads + place, mask=inside, other=0.0).to(tl.float32)
    second = tl.load(heads + place + half, mask=inside, other=0.0).to(tl.float32)
    target = ((row * sequence + token) * count + head[:, None]) * dim + pair[None, :]
    tl.store(out + target, first * cos - second * sin, mask=inside)
    tl.store(out + target + half, second * cos + first * sin, mask=inside)


@triton.jit
def _gate_forward(gate, up, out, count, BLOCK: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = place < count
    wide = tl.load(gate + place, mask=inside, other=0.0).to(tl.float32)
    right = tl.load(up + place, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + place, wide * tl.sigmoid(wide) * right, mask=inside)


@triton.jit
def _gate_backward(slope, gate, up, gate_slope, up_slope, count, BLOCK: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = place < count
    above = tl.load(slope + place, mask=inside, other=0.0).to(tl.float32)
    wide = tl.load(gate + place, mask=inside, other=0.0).to(tl.float32)
    right = tl.load(up + place, mask=inside, other=0.0).to(tl.float32)
    share = tl.sigmoid(wide)
    silu = wide * share
    tl.store(gate_slope + place, above * right * (share + silu * (1.0 - share)), mask=inside)
    tl.store(up_slope + place, above * silu, mask=inside)
