"""Quantization in training: our codes against bitsandbytes', and AdamW in 8 bits against float32.

Codes of NF4 in blocks of 64 are compared on matrices of several shapes and spreads, with the scales
and their double quantization. The same small decoder learns for 200 steps with float32 and with
8-bit moments (ours and bitsandbytes' are the same tables); the gap is of held-out loss, relative.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from bitsandbytes import functional
from harness import print_result
from invariance import BASE, PLAN
from train_text import TextBatches

from goldsmith.models import Decoder
from goldsmith.pipeline import Silent
from goldsmith.training import four_bits
from goldsmith.training.loop import fit

CONFIG = replace(BASE, vocabulary=256, width=96, layers=3, heads=4, head_dim=24, hidden=256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    torch.set_num_threads(1)
    equal, scale_codes, differing = True, 0, 0
    for number, shape in enumerate([(64, 64), (288, 768), (1000, 96), (7, 130), (512, 512)]):
        for spread in (1e-3, 0.02, 1.0, 50.0):
            generator = torch.Generator().manual_seed(number)
            weight = torch.randn(shape, generator=generator) * spread
            codes, scales = four_bits.quantize(weight)
            theirs, state = functional.quantize_4bit(
                weight, blocksize=64, quant_type="nf4", compress_statistics=True
            )
            equal &= torch.equal(codes, theirs.flatten())
            packed, mean = four_bits.pack_scales(scales)
            scale_codes += packed.codes.numel()
            differing += int((packed.codes != state.absmax.flatten()).sum())
            equal &= torch.equal(mean, state.offset)
    losses = {}
    for optimizer in ("adamw", "adamw8bit"):
        plan = replace(PLAN, steps=options.steps, warmup=20, peak_learning_rate=3e-3)
        plan = replace(plan, optimizer=optimizer, evaluate_every=50, checkpoint_every=200)
        with tempfile.TemporaryDirectory() as scratch:
            model = Decoder(CONFIG, seed=1)
            mark = fit(model, TextBatches(options.data, 64, 16), plan, Path(scratch), "", Silent())
        losses[optimizer] = mark.best_loss
        print(optimizer, mark.best_loss, flush=True)
    wide, narrow = float(losses["adamw"] or 0), float(losses["adamw8bit"] or 0)
    figures = {
        "nf4_codes_equal": equal,
        "scale_codes_differing": differing,
        "scale_codes": scale_codes,
        "adam8bit_loss_gap": (narrow - wide) / wide,
        "losses": losses,
    }
    print_result("quantized_training", figures)


if __name__ == "__main__":
    main()
