"""Does anything leak between samples that share a row? And how full are the rows?

Samples of random lengths are packed best-fit. For every family, and every sample of a row, its
tokens are drawn anew: `changed_logits` counts the logits of other samples, and of its own row's
padding, in which a single bit differs afterwards. `changed_targets` counts the same for targets.
`alone_difference` is the largest difference between a sample's logits packed and computed alone
(another shape of the same sums, so not zero). `fill` is the share of places that hold a token:
lognormal lengths as instruction sets have them, rows of 2,048 tokens; `fill_bound` is that of the
least number of rows that could hold them, `fill_in_order` that of filling rows in order.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import torch
from harness import print_result
from model_families import VOCABULARY, decoders

from goldsmith.datasets import Batch, Encoded, PackedRows, best_fit
from goldsmith.models import Decoder, load_model

SEQUENCE = 64
SAMPLES = 12
LENGTHS = 100_000


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    draw = np.random.Generator(np.random.Philox(7))
    rows = PackedRows(_samples(draw), SEQUENCE, 0)
    configs, samples, changed, targets, alone = 0, 0, 0, 0, 0.0
    batch = rows.batch(range(len(rows)))
    families = set()
    for family, number, theirs in decoders():
        families.add(family)
        configs += 1
        with tempfile.TemporaryDirectory() as folder:
            theirs.save_pretrained(folder)
            model = load_model(Path(folder))
        before = _logits(model, batch)
        for row in range(len(rows)):
            for segment in sorted(set(batch.segments[row].tolist()) - {-1}):
                here = batch.segments[row] == segment
                tokens = batch.tokens.copy()
                tokens[row, here] = draw.integers(3, VOCABULARY, here.sum())
                other = Batch(tokens, batch.targets, batch.segments, batch.positions)
                after = _logits(model, other)
                same = torch.ones(batch.tokens.shape, dtype=torch.bool)
                same[row, torch.from_numpy(here)] = False
                differing = int((before[same] != after[same]).sum())
                changed += differing
                samples += 1
                alone = max(alone, _alone(model, batch, before, row, here))
        print(family, number, changed, alone, flush=True)
    for row in range(len(rows)):
        inside = batch.segments[row, 1:] == batch.segments[row, :-1]
        crossing = batch.targets[row, :-1][~inside]
        targets += int((crossing != -100).sum())
    lengths = np.clip(np.round(draw.lognormal(5.0, 0.9, LENGTHS)), 8, 2048).astype(int).tolist()
    total, packed = sum(lengths), best_fit(lengths, 2048)
    print_result(
        "packing_leak",
        {
            "changed_logits": changed,
            "changed_targets": targets,
            "alone_difference": alone,
            "families": len(families),
            "configs": configs,
            "samples": samples,
            "fill": round(total / (len(packed) * 2048), 5),
            "fill_bound": round(total / (math.ceil(total / 2048) * 2048), 5),
            "fill_in_order": round(total / (_in_order(lengths, 2048) * 2048), 5),
        },
    )


def _samples(draw: np.random.Generator) -> list[Encoded]:
    found = []
    for length in draw.integers(5, 40, SAMPLES):
        ids = draw.integers(3, VOCABULARY, length).tolist()
        found.append(Encoded(tuple(ids), tuple(place > 2 for place in range(length))))
    return found


def _logits(model: Decoder, batch: Batch) -> torch.Tensor:
    with torch.inference_mode():
        return model(
            torch.from_numpy(batch.tokens),
            positions=torch.from_numpy(batch.positions),
            segments=torch.from_numpy(batch.segments),
        )


def _alone(model: Decoder, batch: Batch, packed: torch.Tensor, row: int, here: np.ndarray) -> float:
    with torch.inference_mode():
        logits = model(torch.from_numpy(batch.tokens[row, here])[None])[0]
    return float((logits - packed[row, torch.from_numpy(here)]).abs().max())


def _in_order(lengths: list[int], capacity: int) -> int:
    rows, room = 0, 0
    for length in lengths:
        if length > room:
            rows, room = rows + 1, capacity
        room -= length
    return rows


if __name__ == "__main__":
    main()
