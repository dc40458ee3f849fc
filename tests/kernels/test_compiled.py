"""What every kernel needs on a Hopper card, compiled for it here: registers, spills, shared memory.

One multiprocessor has 65,536 registers, 227 KiB that a program can share, and 255 registers a
thread at most; what does not fit is spilled to memory and read back.
"""

import os

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed here")
if os.environ.get("TRITON_INTERPRET") == "1":
    pytest.skip("an interpreter compiles nothing", allow_module_level=True)

from compiling import compiled, launches

from goldsmith.kernels import (
    attention_backward,
    attention_triton,
    cross_entropy_triton,
    four_bits_triton,
    rowwise_triton,
)

SHARED = 227 * 1024
LEAN = 99 * 1024
#: Most registers a thread, and most bytes that a thread spills, of each kernel: 8B Llama's shapes.
ROWS = {
    "_norm_forward": 40,
    "_norm_backward": 112,
    "_rotate": 64,
    "_gate_forward": 40,
    "_gate_backward": 48,
    "_slopes": 40,
    "_look_up": 40,
}
ATTENTION = {
    (64, "_forward"): (240, 0),
    (64, "_query_slopes"): (128, 0),
    (64, "_key_slopes"): (240, 0),
    (128, "_forward"): (192, 0),
    (128, "_query_slopes"): (232, 0),
    (128, "_key_slopes"): (255, 0),
    (256, "_forward"): (255, 0),
    (256, "_query_slopes"): (216, 0),
    (256, "_key_slopes"): (255, 48),
}


def empty(*shape, dtype=torch.bfloat16):
    return torch.empty(shape, dtype=dtype, device="meta")


def costs(seen):
    return {launch.kernel.fn.__name__: compiled(launch) for launch in seen}


def test_kernels_over_rows_keep_everything_in_registers():
    with launches(rowwise_triton, cross_entropy_triton, four_bits_triton) as seen:
        hidden, wide = empty(8192, 4096).requires_grad_(), empty(8192, 14336).requires_grad_()
        heads, angles = empty(2, 4096, 32, 128).requires_grad_(), empty(2, 4096, 1, 128)
        weight = empty(4096).requires_grad_()
        rowwise_triton.RMSNorm.apply(hidden, weight, 1e-5, False).sum().backward()
        rowwise_triton.Rotate.apply(heads, angles, angles).sum().backward()
        rowwise_triton.SwiGLU.apply(wide, wide).sum().backward()
        wanted = empty(4096, 1, dtype=torch.int64)
        cross_entropy_triton.softmax_slopes(empty(4096, 128256), wanted, None, True)
        codes = (empty(2**23, dtype=torch.uint8), empty(2**18, dtype=torch.float32))
        values = empty(16, dtype=torch.float32)
        four_bits_triton.dequantize(*codes, values, torch.Size((4096, 4096)), torch.bfloat16)
    found = costs(seen)
    assert found.keys() == ROWS.keys()
    for name, cost in found.items():
        assert cost.registers <= ROWS[name], (name, cost)
        assert cost.spilled == 0, (name, cost)


@pytest.mark.parametrize("dim", attention_triton.TILES)
def test_flash_attention_fits_and_multiplies_on_the_tensor_cores(dim):
    with launches(attention_triton, attention_backward) as seen:
        query, key = empty(8192, 32, dim).requires_grad_(), empty(8192, 8, dim).requires_grad_()
        spans = attention_triton.Spans(*[empty(8192, dtype=torch.int32)] * 2)
        out = attention_triton.flash_attention(query, key, key, spans, True, 0, 0.1)
        out.sum().backward()
    found = costs(seen)
    assert {(dim, name) for name in found} == {at for at in ATTENTION if at[0] == dim}
    for name, cost in found.items():
        registers, spilled = ATTENTION[dim, name]
        assert cost.registers <= registers, (name, cost)
        assert cost.spilled <= spilled, (name, cost)
        assert cost.shared <= SHARED, (name, cost)
        assert cost.wgmma > 0, f"{name} multiplies without the tensor cores"


@pytest.mark.parametrize("dim", attention_triton.LEAN_TILES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_flash_attention_fits_on_cards_that_share_less(dim, dtype):
    tiles = attention_triton.tiles_for(dim, dtype, LEAN)
    with launches(attention_triton, attention_backward) as seen:
        query, key = (empty(512, n, dim, dtype=dtype).requires_grad_() for n in (8, 2))
        spans = attention_triton.Spans(*[empty(512, dtype=torch.int32)] * 2)
        out = attention_triton.flash_attention(query, key, key, spans, True, 0, 0.1, tiles)
        out.sum().backward()
    assert len(seen) == 3
    for launch in seen:
        cost = compiled(launch, capability=89)
        assert cost.shared <= LEAN, (launch.kernel.fn.__name__, cost)
