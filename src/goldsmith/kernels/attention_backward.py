"""The backward pass of flash attention: slopes of queries, then of keys and values.

Weights are computed again from the scores and the forward pass's ``level``. One kernel walks over
keys for a block of queries, the other over queries for a block of keys, and each sums in registers:
no atomics, so the same input gives the same bits. The first also leaves ``delta``, the product of
output and gradient that both need.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from goldsmith.kernels.attention_triton import Tiles, key_range, load_rows, seen_keys, store_rows


def slopes(
    gradient: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    out: Tensor,
    level: Tensor,
    begin: Tensor,
    end: Tensor,
    causal: bool,
    window: int,
    scale: float,
    tiles: Tiles,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of query, key and value, contiguous in their shapes.

    gradient, out: (tokens, heads, head_dim), contiguous; level: (heads, tokens) float32.
    """
    tokens, heads, dim = query.shape
    shared = key.shape[1]
    delta = torch.empty_like(level)
    query_slope = torch.empty_like(out)
    key_slope = torch.empty((tokens, shared, dim), dtype=key.dtype, device=key.device)
    value_slope = torch.empty_like(key_slope)
    inputs = (query, key, value, gradient)
    sizes = (
        *(s for t in (query, key, value) for s in t.stride()[:2]),
        tokens,
        heads,
        window,
        scale,
        scale * math.log2(math.e),
    )
    shape = {
        "GROUP": heads // shared,
        "CAUSAL": causal,
        "DIM": dim,
        "FULL_DIM": max(16, triton.next_power_of_2(dim)),
    }
    tile = tiles.query_slopes
    _query_slopes[triton.cdiv(tokens, tile.queries), heads](
        *inputs,
        *(out, query_slope, level, delta, begin, end),
        *sizes,
        **shape,
        **tile.words(),
    )
    tile = tiles.key_slopes
    _key_slopes[triton.cdiv(tokens, tile.keys), shared](
        *inputs,
        *(key_slope, value_slope, level, delta, begin, end),
        *sizes,
        **shape,
        **tile.words(),
    )
    return query_slope, key_slope, value_slope


@triton.jit
def _query_slopes(
    query,
    key,
    value,
    gradient,
    out,
    query_slope,
    level,
    delta,
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
    scale2,
    GROUP: tl.constexpr,
    CAUSAL: tl.constexpr,
    DIM: tl.constexpr,
    FULL_DIM: tl.constexpr,
    QUERIES: tl.constexpr,
    KEYS: tl.constexpr,
):
    first = (tl.num_programs(0) - 1 - tl.program_id(0)) * QUERIES
    last = tl.minimum(first + QUERIES, tokens) - 1
    head = tl.program_id(1).to(tl.int64)
    place = first + tl.arange(0, QUERIES)
    stride = heads * DIM
    q = load_rows(
        query + head * query_head, first, tokens, query_token, QUERIES, DIM, FULL_DIM, True
    )
    above = load_rows(gradient + head * DIM, first, tokens, stride, QUERIES, DIM, FULL_DIM, True)
    made = load_rows(out + head * DIM, first, tokens, stride, QUERIES, DIM, FULL_DIM, True)
    change = tl.sum(made.to(tl.float32) * above.to(tl.float32), 1)
    tl.store(delta + head * tokens + place, change, place < tokens)
    height = tl.load(level + head * tokens + place, place < tokens, float("inf"))
    keys, values = key + head // GROUP * key_head, value + head // GROUP * value_head
    low, high = seen_keys(begin, end, place, tokens, window, CAUSAL)
    start, whole, behind, right = key_range(begin, end, first, last, window, CAUSAL, KEYS)
    sums = tl.zeros((QUERIES, FULL_DIM), tl.float32)
    for block in range(whole, behind, KEYS):
        k = load_rows(keys, block, tokens, key_token, KEYS, DIM, FULL_DIM, False)
        v = load_rows(values, block, tokens, value_token, KEYS, DIM, FULL_DIM, False)
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale2
        weights = tl.exp2(scores - height[:, None])
        towards = tl.dot(above, tl.trans(v), input_precision="ieee")
        slope = (weights * (towards - change[:, None])).to(k.dtype)
        sums = tl.dot(slope, k, sums, input_precision="ieee")
    ahead = whole - start
    for step in range(0, ahead + right - behind, KEYS):
        block = tl.where(step < ahead, start + step, behind + step - ahead)
        k = load_rows(keys, block, tokens, key_token, KEYS, DIM, FULL_DIM, True)
        v = load_rows(values, block, tokens, value_token, KEYS, DIM, FULL_DIM, True)
        column = block + tl.arange(0, KEYS)[None, :]
        seen = (column >= low[:, None]) & (column < high[:, None])
        scores = tl.dot(q, tl.trans(k), input_precision="ieee") * scale2
        weights = tl.where(seen, tl.exp2(scores - height[:, None]), 0.0)
        towards = tl.dot(above, tl.trans(v), input_precision="ieee")
        slope = (weights * (towards - change[:, None])).to(k.dtype)
        sums = tl.dot(slope, k, sums, input_precision="ieee")
    rows = (sums * scale).to(q.dtype)
    store_rows(query_slope + head * DIM, first, tokens, stride, rows, QUERIES, DIM, FULL_DIM)


@triton.jit
def _key_slopes(
    query,
    key,
    value,
    gradient,
    key_slope,
    value_slope,
    level,
    delta,
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
    scale2,
    GROUP: tl.constexpr,
    CAUSAL: tl.constexpr,
    DIM: tl.constexpr,
    FULL_DIM: tl.constexpr,
    QUERIES: tl.constexpr,
    KEYS: tl.constexpr,
):
    """One block of keys; the query heads that share it follow one another. Scores lie transposed,
    (keys, queries), so that both products into the sums take them as they are."""
    first = tl.program_id(0) * KEYS
    last = tl.minimum(first + KEYS, tokens) - 1
    shared = tl.program_id(1).to(tl.int64)
    k = load_rows(key + shared * key_head, first, tokens, key_token, KEYS, DIM, FULL_DIM, True)
    v = load_rows(
        value + shared * value_head, first, tokens, value_token, KEYS, DIM, FULL_DIM, True
    )
    start, whole, behind, right = _query_range(begin, end, first, last, window, CAUSAL, QUERIES)
    key_sums = tl.zeros((KEYS, FULL_DIM), tl.float32)
    value_sums = tl.zeros((KEYS, FULL_DIM), tl.float32)
    low, high = _seen_queries(begin, end, first + tl.arange(0, KEYS), tokens, window, CAUSAL)
    ahead = whole - start
    stride = heads * DIM
    for member in range(GROUP):
        head = shared * GROUP + member
        queries, above = query + head * query_head, gradient + head * DIM
        heights, changes = level + head * tokens, delta + head * tokens
        for block in range(whole, behind, QUERIES):
            place = block + tl.arange(0, QUERIES)
            q = load_rows(queries, block, tokens, query_token, QUERIES, DIM, FULL_DIM, False)
            a = load_rows(above, block, tokens, stride, QUERIES, DIM, FULL_DIM, False)
            scores = tl.dot(k, tl.trans(q), input_precision="ieee") * scale2
            weights = tl.exp2(scores - tl.load(heights + place)[None, :])
            value_sums = tl.dot(weights.to(a.dtype), a, value_sums, input_precision="ieee")
            towards = tl.dot(v, tl.trans(a), input_precision="ieee")
            slope = (weights * (towards - tl.load(changes + place)[None, :])).to(q.dtype)
            key_sums = tl.dot(slope, q, key_sums, input_precision="ieee")
        for step in range(0, ahead + right - behind, QUERIES):
            block = tl.where(step < ahead, start + step, behind + step - ahead)
            place = block + tl.arange(0, QUERIES)
            q = load_rows(queries, block, tokens, query_token, QUERIES, DIM, FULL_DIM, True)
            a = load_rows(above, block, tokens, stride, QUERIES, DIM, FULL_DIM, True)
            seen = (place[None, :] >= low[:, None]) & (place[None, :] < high[:, None])
            height = tl.load(heights + place, place < tokens, float("inf"))
            change = tl.load(changes + place, place < tokens, 0.0)
            scores = tl.dot(k, tl.trans(q), input_precision="ieee") * scale2
            weights = tl.where(seen, tl.exp2(scores - height[None, :]), 0.0)
            value_sums = tl.dot(weights.to(a.dtype), a, value_sums, input_precision="ieee")
            towards = tl.dot(v, tl.trans(a), input_precision="ieee")
            slope = (weights * (towards - change[None, :])).to(q.dtype)
            key_sums = tl.dot(slope, q, key_sums, input_precision="ieee")
    stride = tl.num_programs(1) * DIM
    rows = (key_sums * scale).to(k.dtype)
    store_rows(key_slope + shared * DIM, first, tokens, stride, rows, KEYS, DIM, FULL_DIM)
    rows = value_sums.to(v.dtype)
    store_rows(value_slope + shared * DIM, first, tokens, stride, rows, KEYS, DIM, FULL_DIM)


@triton.jit
def _seen_queries(begin, end, key, tokens, window, CAUSAL: tl.constexpr):
    """The mirror of `seen_keys`: first query that sees each key, and one past the last."""
    low = key if CAUSAL else tl.load(begin + key, key < tokens, 0)
    return low, tl.minimum(tl.load(end + key, key < tokens, 0), key + window)


@triton.jit
def _query_range(begin, end, first, last, window, CAUSAL: tl.constexpr, QUERIES: tl.constexpr):
    """The mirror of `key_range`: blocks of queries for keys first..last."""
    left, inner_left = tl.load(begin + first), tl.load(begin + last)
    if CAUSAL:
        left, inner_left = first, last
    inner_right = tl.minimum(tl.load(end + first), first + window)
    right = tl.minimum(tl.load(end + last), last + window)
    start = left // QUERIES * QUERIES
    whole = tl.minimum(tl.cdiv(inner_left, QUERIES), tl.cdiv(right, QUERIES)) * QUERIES
    whole = tl.maximum(whole, start)
    behind = tl.maximum(inner_right // QUERIES * QUERIES, whole)
    return start, whole, behind, right
