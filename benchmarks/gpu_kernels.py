"""Our kernels on a GPU: speed and memory against eager torch and its flash attention, and errors.

- Linear + cross-entropy of 8 rows of 1,024 tokens, 4,096 wide, 128,256 words, bfloat16, forward and
  backward: against the eager pair, time and the memory that it takes at its worst moment; with the
  output layer learning and with it frozen (as beside an adapter).
- Flash attention of Llama-3 8B's heads (32 of 128, 8 of keys), causal, forward and with backward:
  one batch of full rows against `scaled_dot_product_attention` (its flash backend), and a stream of
  uneven sequences against torch's `varlen_attn`.
- RMSNorm, rotation, SwiGLU and 4-bit weights against their plain twins.
- Errors against float64, those of attention in units of the peer's.

Needs CUDA (exit code 2 without); ``--tiny`` runs small shapes anywhere.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from gpu_measure import describe, device_or_exit, peak_bytes, seconds
from harness import print_result
from torch import Tensor
from torch.nn import functional

from goldsmith.kernels import Spans, attend, dequantize, rms_norm, rotate, swiglu
from goldsmith.models.loss import linear_cross_entropy
from goldsmith.training.four_bits import quantize, table

Sides = dict[str, Callable[[], Tensor]]


@dataclass(frozen=True)
class Shapes:
    rows: int
    sequence: int
    batch: int
    width: int
    hidden: int
    vocabulary: int
    heads: int
    shared: int
    dim: int
    rounds: int


FULL = Shapes(8192, 4096, 2, 4096, 14336, 128_256, 32, 8, 128, 20)
TINY = Shapes(24, 48, 2, 32, 64, 97, 4, 2, 8, 1)


def normal(device: torch.device, *shape: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    made = torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))
    return made.to(device, dtype).requires_grad_()


def both_ways(run: Callable[[], Tensor], leaves: Sequence[Tensor]) -> Callable[[], object]:
    """Forward, and backward from ones, into fresh gradients."""

    def step() -> tuple[Tensor, ...]:
        out = run()
        learning = [leaf for leaf in leaves if leaf.requires_grad]
        return torch.autograd.grad(out, learning, torch.ones_like(out))

    return step


def eager_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    logits = functional.linear(hidden, weight)
    return functional.cross_entropy(logits.float(), targets, reduction="sum")


def cross_entropy(shapes: Shapes, device: torch.device) -> dict[str, Any]:
    hidden = normal(device, shapes.rows, shapes.width)
    targets = torch.arange(shapes.rows, device=device) * 7 % shapes.vocabulary
    figures: dict[str, Any] = {}
    for name, learns in (("learning", True), ("frozen", False)):
        weight = normal(device, shapes.vocabulary, shapes.width).detach() * 0.02
        weight.requires_grad_(learns)
        leaves = (hidden, weight)
        sides = {
            "ours": both_ways(partial(linear_cross_entropy, hidden, weight, targets), leaves),
            "eager": both_ways(partial(eager_cross_entropy, hidden, weight, targets), leaves),
        }
        times = seconds(sides, device, shapes.rounds)
        memory = {side: peak_bytes(run, device) for side, run in sides.items()}
        figures[name] = {
            "ratio": times["eager"] / times["ours"],
            "milliseconds": {side: 1e3 * each for side, each in times.items()},
            "memory_mb": {side: each / 2**20 for side, each in memory.items()},
            "memory_share": memory["ours"] / max(1, memory["eager"]),
        }
    few = slice(0, min(64, shapes.rows))
    exact = eager_cross_entropy(hidden[few].double(), weight.double(), targets[few])
    ours = linear_cross_entropy(hidden[few], weight, targets[few])
    exact_slope, slope = (torch.autograd.grad(each, hidden)[0][few] for each in (exact, ours))
    figures["loss_error"] = abs(float(ours.detach()) / float(exact.detach()) - 1.0)
    figures["slope_error"] = largest(slope, exact_slope) / float(exact_slope.abs().max())
    return figures


def largest(found: Tensor, exact: Tensor) -> float:
    return float((found.detach().double() - exact.detach().double()).abs().max())


def uneven(total: int, longest: int) -> list[int]:
    """Lengths of a packed batch: log-normal, as answers are."""
    random = np.random.default_rng(3)
    lengths: list[int] = []
    while sum(lengths) < total:
        drawn = int(np.clip(random.lognormal(np.log(longest / 8), 1.0), 1, longest))
        lengths.append(min(drawn, total - sum(lengths)))
    return lengths


def plain(query: Tensor, key: Tensor, value: Tensor, lengths: Sequence[int]) -> Tensor:
    """Causal attention of each sequence on its own, by torch: (tokens, heads, head_dim)."""
    parts = zip(*(torch.split(each, list(lengths)) for each in (query, key, value)), strict=True)
    done = []
    for part in parts:
        q, k, v = (each.transpose(0, 1)[None] for each in part)
        found = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        done.append(found[0].transpose(0, 1))
    return torch.cat(done)


def attention(shapes: Shapes, device: torch.device) -> dict[str, Any]:
    tokens = shapes.batch * shapes.sequence
    query = normal(device, tokens, shapes.heads, shapes.dim)
    key, value = (normal(device, tokens, shapes.shared, shapes.dim) for _ in range(2))
    leaves = (query, key, value)

    def full() -> Tensor:
        shape = (shapes.batch, shapes.sequence, -1, shapes.dim)
        q, k, v = (each.view(shape).transpose(1, 2) for each in leaves)
        found = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return found.transpose(1, 2).flatten(0, 1)

    figures: dict[str, Any] = {}
    rows = [shapes.sequence] * shapes.batch
    for name, lengths in (("full", rows), ("varlen", uneven(tokens, shapes.sequence))):
        ends = torch.tensor([0, *lengths], device=device).cumsum(0).int()
        spans = Spans.of_lengths(ends, tokens)
        peer = full if name == "full" else varlen(leaves, ends, lengths, device)
        sides: Sides = {"ours": partial(attend, *leaves, spans), "peer": peer}
        wrapped = {side: both_ways(run, leaves) for side, run in sides.items()}
        for way in ("forward", "both"):
            times = seconds(sides if way == "forward" else wrapped, device, shapes.rounds)
            figures[f"{name}_{way}"] = {
                "ratio": times["peer"] / times["ours"],
                "milliseconds": {side: 1e3 * each for side, each in times.items()},
                "tflops": flops(lengths, shapes, way) / times["ours"] / 1e12,
            }
    exact = plain(query.double(), key.double(), value.double(), lengths)
    figures["error_of_peers"] = largest(attend(*leaves, spans), exact) / largest(peer(), exact)
    return figures


def varlen(
    leaves: tuple[Tensor, Tensor, Tensor], ends: Tensor, lengths: list[int], device: torch.device
) -> Callable[[], Tensor]:
    """Torch's flash attention for streams; on a processor, which has none, one by one."""
    if device.type != "cuda":
        return lambda: plain(*leaves, lengths)
    from torch.nn.attention.varlen import varlen_attn

    (query, key, value), longest, causal = leaves, max(lengths), (-1, 0)

    def stream() -> Tensor:
        size = (ends, ends, longest, longest)
        found = varlen_attn(query, key, value, *size, window_size=causal, enable_gqa=True)
        assert isinstance(found, Tensor)
        return found

    return stream


def flops(lengths: Sequence[int], shapes: Shapes, way: str) -> float:
    """Of the products below the diagonal; 2.5 times as many on the way back."""
    scores = sum(length * (length + 1) / 2 for length in lengths)
    return 4 * scores * shapes.heads * shapes.dim * (3.5 if way == "both" else 1.0)


def rows(shapes: Shapes, device: torch.device) -> dict[str, Any]:
    """Each kernel over rows beside plain torch, both ways; 4-bit weights forward."""
    hidden, weight = normal(device, shapes.rows, shapes.width), normal(device, shapes.width)
    gate, up = (normal(device, shapes.rows, shapes.hidden) for _ in range(2))
    heads = normal(device, shapes.batch, shapes.sequence, shapes.heads, shapes.dim)
    angles = normal(device, 1, shapes.sequence, 1, shapes.dim // 2).detach()
    cosine = torch.cat((angles.cos(), angles.cos()), -1)
    sine = torch.cat((-angles.sin(), angles.sin()), -1)
    matrix = normal(device, shapes.hidden, shapes.width).detach()
    codes, scales = quantize(matrix)
    values = table(device)

    def looked_up() -> Tensor:
        places = torch.stack((codes >> 4, codes & 15), -1).flatten().long()
        return (values[places].view(-1, 64) * scales[:, None]).view(matrix.shape).to(matrix.dtype)

    half = shapes.dim // 2
    pairs: dict[str, tuple[Callable[[], Tensor], Callable[[], Tensor], tuple[Tensor, ...]]] = {
        "rms_norm": (
            lambda: rms_norm(hidden, weight, 1e-5),
            lambda: functional.rms_norm(hidden, weight.shape, weight, 1e-5),
            (hidden, weight),
        ),
        "rotate": (
            lambda: rotate(heads, (cosine, sine)),
            lambda: heads * cosine + heads.roll(half, -1) * sine,
            (heads,),
        ),
        "swiglu": (lambda: swiglu(gate, up), lambda: functional.silu(gate) * up, (gate, up)),
        "dequantize": (
            lambda: dequantize(codes, scales, values, matrix.shape, matrix.dtype),
            looked_up,
            (),
        ),
    }
    figures = {}
    for name, (ours, twin, leaves) in pairs.items():
        sides: dict[str, Callable[[], object]] = {"ours": ours, "twin": twin}
        if leaves:
            sides = {"ours": both_ways(ours, leaves), "twin": both_ways(twin, leaves)}
        times = seconds(sides, device, shapes.rounds)
        figures[name] = {
            "ratio": times["twin"] / times["ours"],
            "milliseconds": 1e3 * times["ours"],
            "difference": largest(ours(), twin()),
        }
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    device = device_or_exit("gpu_kernels", options.tiny)
    shapes = TINY if options.tiny else FULL
    figures: dict[str, Any] = {"tiny": options.tiny, **describe(device)}
    for measure in (cross_entropy, attention, rows):
        figures[measure.__name__] = measure(shapes, device)
    print_result("gpu_kernels", figures)


if __name__ == "__main__":
    main()
