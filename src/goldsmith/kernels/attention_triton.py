"""Flash attention for one stream of tokens, forward, and the function that autograd sees.

The online softmax of Dao et al. 2022 in the order of FlashAttention-2 (Dao 2023): a program owns a
block of queries of one head and walks over blocks of keys. Which keys those are follows from the
spans of its first and last query alone, because spans never fall: blocks outside a sequence, before
the window or behind the diagonal are not touched, and only blocks at an edge are masked. One block
of queries may hold many short sequences, so packing costs no idle rows.

Scores are in units of log2, for exp2; `attention_backward` takes their row sums (``level``) from
here. Tiles are a table, not an autotuner: the same shapes give the same bits on every run.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.compiler import max_shared_mem

from goldsmith.kernels.attention import Spans


class Tile(NamedTuple):
    """Queries and keys of a block, warps of a program, and blocks in flight."""

    queries: int
    keys: int
    warps: int
    stages: int

    def words(self) -> dict[str, int]:
        """The block as a launch takes it."""
        sizes = {"QUERIES": self.queries, "KEYS": self.keys}
        return {**sizes, "num_warps": self.warps, "num_stages": self.stages}


class Tiles(NamedTuple):
    """One tile for each of the three kernels."""

    forward: Tile
    query_slopes: Tile
    key_slopes: Tile


#: By the widest head they serve, for 2-byte numbers; see docs/kernels.md for registers and spills.
TILES = {
    64: Tiles(Tile(128, 64, 4, 3), Tile(128, 64, 8, 3), Tile(64, 128, 8, 2)),
    128: Tiles(Tile(128, 64, 8, 3), Tile(128, 64, 8, 3), Tile(32, 128, 8, 3)),
    256: Tiles(Tile(128, 32, 8, 2), Tile(64, 32, 8, 2), Tile(32, 64, 8, 2)),
}
#: For cards whose programs share less than those take: 99 KiB on those that are no data centre's.
LEAN_TILES = {
    64: Tiles(Tile(64, 32, 4, 2), Tile(64, 32, 4, 2), Tile(32, 64, 4, 2)),
    128: Tiles(Tile(64, 32, 4, 2), Tile(64, 32, 4, 2), Tile(32, 64, 4, 2)),
    256: Tiles(Tile(32, 32, 4, 1), Tile(32, 32, 4, 1), Tile(32, 32, 4, 1)),
}
AMPLE = 160 * 1024
"""Bytes that a program must be able to share for `TILES`."""
#: For 4-byte numbers, multiplied exactly: correct, not fast, and spilling above 64 features.
WIDE_TILES = Tiles(Tile(16, 16, 4, 1), Tile(16, 16, 4, 1), Tile(16, 16, 4, 1))
ANY_DISTANCE = 2**30
"""A window that no sequence reaches."""


def tiles_for(head_dim: int, dtype: torch.dtype, shared: int = AMPLE) -> Tiles:
    """Return the blocks for a head where programs share that many bytes; ValueError above 256."""
    for widest, tiles in (TILES if shared >= AMPLE else LEAN_TILES).items():
        if head_dim <= widest:
            return tiles if dtype.itemsize == 2 else WIDE_TILES
    raise ValueError(f"attention kernels take heads of up to 256 numbers, not {head_dim}")


def flash_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    spans: Spans,
    causal: bool,
    window: int,
    scale: float,
    tiles: Tiles | None = None,
) -> Tensor:
    """See `attention.attend`; ``tiles`` replaces the table's."""
    if tiles is None:
        shared = max_shared_mem(query.device.index) if query.is_cuda else AMPLE
        tiles = tiles_for(query.shape[-1], query.dtype, shared)
    shape = (causal, window or ANY_DISTANCE, scale, tiles)
    query, key, value = (t if t.stride(-1) == 1 else t.contiguous() for t in (query, key, value))
    begin, end = spans.begin, spans.end
    result: Tensor = _Flash.apply(query, key, value, begin, end, *shape)
    return result


class _Flash(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        begin: Tensor,
        end: Tensor,
        causal: bool,
        window: int,
        scale: float,
        tiles: Tiles,
    ) -> Tensor:
        tokens, heads, dim = query.shape
        out = torch.empty((tokens, heads, dim), dtype=query.dtype, device=query.device)
        level = torch.empty((heads, tokens), dtype=torch.float32, device=query.device)
        tile = tiles.forward
        _forward[triton.cdiv(tokens, tile.queries), heads](
            *(query, key, value, out, level, begin, end),
            *(s for t in (query, key, value) for s in t.stride()[:2]),
            tokens,
            heads,
            window,
            scale * math.log2(math.e),
            GROUP=heads // key.shape[1],
            CAUSAL=causal,
            DIM=dim,
            FULL_DIM=max(16, triton.next_power_of_2(dim)),
            **tile.words(),
        )
        ctx.save_for_backward(query, key, value, out, level, begin, end)
        ctx.shape = (causal, window, scale, tiles)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        from goldsmith.kernels.attention_backward import slopes

        return *slopes(gradient.contiguous(), *ctx.saved_tensors, *ctx.shape), *(None,) * 6


@triton.jit
def load_rows(
    base,
    start,
    tokens,
    stride,
    ROWS: tl.constexpr,
    DIM: tl.constexpr,
    FULL_DIM: tl.constexpr,
    GUARDED: tl.constexpr,
):
    """Rows start, start + 1, ... of one head: (ROWS, FULL_DIM); zeros past DIM and, where guarded,
    past the last token."""
    row, column = tl.arange(0, ROWS), tl.arange(0, FULL_DIM)
    place = base + tl.cast(start, tl.int64) * stride + (row[:, None] * stride + column[None, :])
    if GUARDED and DIM < FULL_DIM:
        rows = tl.load(place, ((start + row) < tokens)[:, None] & (column < DIM)[None, :], 0.0)
    elif GUARDED:
        rows = tl.load(place, ((start + row) < tokens)[:, None], 0.0)
    elif DIM < FULL_DIM:
        rows = tl.load(place, (column < DIM)[None, :], 0.0)
    else:
        rows = tl.load(place)
    return rows


@triton.jit
def store_rows(
    base, start, tokens, stride, rows, ROWS: tl.constexpr, DIM: tl.constexpr, FULL_DIM: tl.constexpr
):
    """The other way: (ROWS, FULL_DIM) into rows start, start + 1, ... that exist."""
    row, column = tl.arange(0, ROWS), tl.arange(0, FULL_DIM)
    place = base + tl.cast(start, tl.int64) * stride + (row[:, None] * stride + column[None, :])
    tl.store(place, rows, ((start + row) < tokens)[:, None] & (column < DIM)[None, :])


@triton.jit
def seen_keys(begin, end, query, tokens, window, CAUSAL: tl.constexpr):
    """First key that each query sees, and one past the last; nothing for rows that do not exist."""
    low = tl.maximum(tl.load(begin + query, query < tokens, 0), query - window + 1)
    high = tl.load(end + query, query < tokens, 0)
    if CAUSAL:
        high = tl.minimum(high, query + 1)
    return low, high


@triton.jit
def key_range(begin, end, first, last, window, CAUSAL: tl.constexpr, KEYS: tl.constexpr):
    """Blocks of keys for queries first..last: where they start; from and to which every query sees
    all; where they stop. Multiples of KEYS but the last."""
    left = tl.maximum(tl.load(begin + first), first - window + 1)
    inner_left = tl.maximum(tl.load(begin + last), last - window + 1)
    inner_right, right = tl.load(end + first), tl.load(end + last)
    if CAUSAL:
        inner_right = tl.minimum(inner_right, first + 1)
        right = tl.minimum(right, last + 1)
    start = left // KEYS * KEYS
    whole = tl.minimum(tl.cdiv(inner_left, KEYS) * KEYS, tl.cdiv(right, KEYS) * KEYS)
    whole = tl.maximum(whole, start)
    behind = tl.maximum(inner_right // KEYS * KEYS, whole)
    return start, whole, behind, right


@triton.jit
def _forward(
    query,
    key,
    value,
    out,
    level,
    begin,
    end,
    query_token,
    query_head,
    key_token,
    key_head,
    value_token,
    value_head,
    tokens,
    heads,
    window,
    scale,
    GROUP: tl.constexpr,
    CAUSAL: tl.constexpr,
    DIM: tl.constexpr,
    FULL_DIM: tl.constexpr,
    QUERIES: tl.constexpr,
    KEYS: tl.constexpr,
):
    # The last blocks of a causal sequence have most to do; they go first.
    first = (tl.num_programs(0) - 1 - tl.program_id(0)) * QUERIES
    last = tl.minimum(first + QUERIES, tokens) - 1
    head = tl.program_id(1).to(tl.int64)
    rows = load_rows(
        query + head * query_head, first, tokens, query_token, QUERIES, DIM, FULL_DIM, True
    )
    keys, values = key + head // GROUP * key_head, value + head // GROUP * value_head
    place = first + tl.arange(0, QUERIES)
    low, high = seen_keys(begin, end, place, tokens, window, CAUSAL)
    start, whole, behind, right = key_range(begin, end, first, last, window, CAUSAL, KEYS)
    # Low, but finite: a row that has seen nothing yet must not compute infinity minus infinity.
    peak = tl.full((QUERIES,), -1e30, tl.float32)
    total = tl.zeros((QUERIES,), tl.float32)
    sums = tl.zeros((QUERIES, FULL_DIM), tl.float32)
    for block in range(whole, behind, KEYS):
        k = load_rows(keys, block, tokens, key_token, KEYS, DIM, FULL_DIM, False)
        v = load_rows(values, block, tokens, value_token, KEYS, DIM, FULL_DIM, False)
        scores = tl.dot(rows, tl.trans(k), input_precision="ieee") * scale
        peak, total, sums = _take(scores, v, peak, total, sums)
    ahead = whole - start
    for step in range(0, ahead + right - behind, KEYS):
        block = tl.where(step < ahead, start + step, behind + step - ahead)
        k = load_rows(keys, block, tokens, key_token, KEYS, DIM, FULL_DIM, True)
        v = load_rows(values, block, tokens, value_token, KEYS, DIM, FULL_DIM, True)
        column = block + tl.arange(0, KEYS)[None, :]
        seen = (column >= low[:, None]) & (column < high[:, None])
        scores = tl.dot(rows, tl.trans(k), input_precision="ieee") * scale
        scores = tl.where(seen, scores, float("-inf"))
        peak, total, sums = _take(scores, v, peak, total, sums)
    empty = total == 0.0
    made = (sums / tl.where(empty, 1.0, total)[:, None]).to(rows.dtype)
    store_rows(out + head * DIM, first, tokens, heads * DIM, made, QUERIES, DIM, FULL_DIM)
    # With a level of infinity every weight of an empty row is zero in the backward pass too.
    reached = tl.where(empty, float("inf"), peak + tl.log2(total))
    tl.store(level + head * tokens + place, reached, place < tokens)


@triton.jit
def _take(scores, values, peak, total, sums):
    """Fold one block of scores (queries, keys) and values (keys, dim) into the running softmax."""
    higher = tl.maximum(peak, tl.max(scores, 1))
    weights = tl.exp2(scores - higher[:, None])
    shrink = tl.exp2(peak - higher)
    total = total * shrink + tl.sum(weights, 1)
    sums = tl.dot(weights.to(values.dtype), values, sums * shrink[:, None], input_precision="ieee")
    return higher, total, sums
