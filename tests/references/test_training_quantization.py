"""Our 4-bit and 8-bit codes against bitsandbytes, Muon's against torch."""

from __future__ import annotations

import pytest
import torch

from goldsmith.kernels import dequantize
from goldsmith.training import four_bits
from goldsmith.training.eight_bits import pack, table, unpack
from goldsmith.training.optimizers import make_optimizer

bitsandbytes = pytest.importorskip("bitsandbytes")
functional = bitsandbytes.functional


@pytest.mark.parametrize("shape", [(32, 128), (64, 96), (7, 130), (1, 65)])
@pytest.mark.parametrize("spread", [1e-4, 1.0, 300.0])
def test_four_bit_codes_and_weights_are_equal(shape, spread):
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * spread
    codes, scales = four_bits.quantize(weight)
    theirs, state = functional.quantize_4bit(weight, blocksize=64, quant_type="nf4")
    assert torch.equal(codes, theirs.flatten())
    assert torch.equal(scales, state.absmax)
    values = torch.tensor(four_bits.VALUES)
    back = dequantize(codes, scales, values, weight.shape, torch.float32)
    if shape[1] % 64 == 0:  # where a block crosses rows, their processor code takes other scales
        torch.testing.assert_close(back, functional.dequantize_4bit(theirs, state))
    steps = (back - weight).abs().flatten() / scales.repeat_interleave(64)[: weight.numel()]
    assert float(steps.max()) <= 0.152  # half of the widest gap between two values


def test_eight_bit_tables_are_equal_and_our_codes_are_never_farther():
    generator = torch.Generator().manual_seed(2)
    for signed in (True, False):
        values = torch.randn(10_000, generator=generator) * 0.01
        values = values if signed else values.square()
        code = functional.create_dynamic_map(signed=signed)
        assert torch.equal(table(signed), code)
        ours = pack(values, signed)
        theirs, state = functional.quantize_blockwise(values, code=code, blocksize=256)
        assert torch.equal(ours.scales, state.absmax)
        distance = (unpack(ours) - values).abs()
        other = (functional.dequantize_blockwise(theirs, state) - values).abs()
        assert bool((distance <= other * (1 + 1e-5) + 1e-12).all())


def test_muon_is_that_of_torch():
    start = torch.randn(24, 16, generator=torch.Generator().manual_seed(3))
    ours, theirs = start.clone(), torch.nn.Parameter(start.clone())
    optimizer = make_optimizer("muon", {"layers.0.weight": ours}, 0.1)
    reference = torch.optim.Muon(
        [theirs], lr=0.02, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for step in range(5):
        gradient = torch.randn(24, 16, generator=torch.Generator().manual_seed(10 + step))
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        optimizer.step(0.02)
        reference.step()
    torch.testing.assert_close(ours, theirs.detach(), atol=2e-3, rtol=2e-3)
