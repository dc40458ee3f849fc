"""Kernels over rows, in Triton's interpreter, against float64; `test_interpreted` starts this."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.kernels import (
    choice,
    cross_entropy_triton,
    dequantize,
    rms_norm,
    rotate,
    rowwise_triton,
    swiglu,
)
from goldsmith.models import Decoder, ModelConfig, loss
from goldsmith.models.loss import linear_cross_entropy

CLOSE = {torch.float32: 3e-6, torch.bfloat16: 2e-2}
few = settings(max_examples=8, deadline=None, derandomize=True)
dtypes = st.sampled_from([torch.float32, torch.bfloat16])


@pytest.fixture(autouse=True, scope="module")
def small_tiles():
    """Several tiles, programs and turns of a loop even where a tensor is small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rowwise_triton, "TILE", 128)
        patch.setattr(rowwise_triton, "PARTIAL_SUMS", 3)
        patch.setattr(cross_entropy_triton, "BLOCK", 32)
        patch.setattr(loss, "LOGITS", 128)
        patch.setattr(loss, "WORDS", 24)
        yield


def random(*shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=generator).to(dtype)


def compare(kernel, reference, *inputs):
    """Result and gradients of a kernel equal those of a reference in float64."""
    narrow = [t.clone().requires_grad_() for t in inputs]
    wide = [t.double().requires_grad_() for t in inputs]
    found, wanted = kernel(*narrow), reference(*wide)
    above = random(*found.shape, seed=9, dtype=found.dtype)
    found.backward(above)
    wanted.backward(above.double())
    bound = CLOSE[inputs[0].dtype]
    for ours, right in [
        (found, wanted),
        *((a.grad, b.grad) for a, b in zip(narrow, wide, strict=True)),
    ]:
        size = max(1.0, float(right.detach().abs().max()))
        assert float((ours.double() - right).detach().abs().max()) <= bound * size


@few
@given(st.integers(1, 40), st.integers(1, 200), st.booleans(), dtypes)
def test_rms_norm(rows, width, offset, dtype):
    def reference(hidden, weight):
        scaled = hidden * (hidden.pow(2).mean(-1, keepdim=True) + 1e-3).rsqrt()
        return scaled * (weight + offset)

    hidden, weight = random(2, rows, width, dtype=dtype), random(width, seed=1, dtype=dtype)
    compare(lambda h, w: rms_norm(h, w, 1e-3, offset), reference, hidden, weight)


def test_rms_norm_of_a_view_and_a_frozen_weight():
    hidden = random(5, 3, 24)[:, :, ::2].requires_grad_()
    result = rms_norm(hidden, torch.ones(12), 1e-6)
    (slope,) = torch.autograd.grad(result.sum(), hidden)
    plain = torch.nn.functional.rms_norm(hidden, (12,), None, 1e-6)
    torch.testing.assert_close(result, plain)
    torch.testing.assert_close(slope, torch.autograd.grad(plain.sum(), hidden)[0])


@few
@given(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.integers(1, 12), st.booleans())
def test_rotation(batch, sequence, heads, half, shared):
    angles = random(1 if shared else batch, sequence, 1, half).double()
    cosine = torch.cat((angles.cos(), angles.cos()), -1)
    sine = torch.cat((-angles.sin(), angles.sin()), -1)

    def reference(x):
        first, second = x.chunk(2, -1)
        c, s = angles.cos(), angles.sin()
        return torch.cat((first * c - second * s, second * c + first * s), -1)

    narrow = (cosine.float(), sine.float())
    compare(lambda x: rotate(x, narrow), reference, random(batch, sequence, heads, 2 * half))
    turned = random(batch, heads, sequence, 2 * half).transpose(1, 2)
    assert torch.equal(rotate(turned, narrow), rotate(turned.contiguous(), narrow))


@few
@given(st.integers(1, 700), dtypes)
def test_swiglu(count, dtype):
    gate, up = random(count, seed=2, dtype=dtype) * 3, random(count, seed=3, dtype=dtype)
    compare(swiglu, lambda g, u: g / (1 + (-g).exp()) * u, gate, up)


@few
@given(st.integers(1, 20), st.integers(2, 100), st.sampled_from([None, 0.7, 30.0]))
def test_fused_cross_entropy(rows, vocabulary, cap):
    targets = torch.arange(rows) * 7 % vocabulary

    def reference(hidden, weight):
        logits = hidden @ weight.T
        logits = logits if cap is None else cap * torch.tanh(logits / cap)
        return torch.nn.functional.cross_entropy(logits, targets, reduction="sum")

    def kernel(hidden, weight):
        return linear_cross_entropy(hidden, weight, targets, cap)

    hidden, weight = random(rows, 6), random(vocabulary, 6, seed=4)
    compare(kernel, reference, hidden, weight)
    with torch.no_grad():
        torch.testing.assert_close(kernel(hidden, weight), reference(hidden, weight))


def test_logits_far_apart():
    hidden = torch.tensor([[300.0], [-300.0], [0.0]], requires_grad=True)
    weight, targets = torch.linspace(-1, 1, 50)[:, None], torch.tensor([0, 0, 3])
    found = linear_cross_entropy(hidden, weight, targets)
    plain = torch.nn.functional.cross_entropy(hidden @ weight.T, targets, reduction="sum")
    torch.testing.assert_close(found, plain)
    slopes = [torch.autograd.grad(loss, hidden)[0] for loss in (found, plain)]
    torch.testing.assert_close(*slopes)


def test_a_loss_that_is_not_a_number_stays_one():
    hidden = torch.tensor([[1.0], [float("nan")]])
    assert linear_cross_entropy(hidden, torch.ones(40, 1), torch.tensor([0, 1])).isnan()


@pytest.mark.parametrize("shape", [(64, 64), (3, 64), (7, 9), (40, 128)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_four_bit_weights_equal_the_twin(shape, dtype, monkeypatch):
    count = shape[0] * shape[1]
    generator = torch.Generator().manual_seed(count)
    codes = torch.randint(0, 256, (-(-count // 2),), generator=generator, dtype=torch.uint8)
    inputs = (codes, random(-(-count // 64)).abs(), random(16), torch.Size(shape), dtype)
    found = dequantize(*inputs)
    monkeypatch.setattr(choice, "INTERPRETED", False)
    assert torch.equal(found, dequantize(*inputs))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"windows": (6,), "qk_norm": True, "logit_cap": 5.0},
        {"norm_offset": True, "activation": "gelu_tanh", "attention_cap": 4.0},
    ],
)
def test_a_whole_model_learns_the_same_as_with_the_twins(changes, monkeypatch):
    shape = {"vocabulary": 50, "width": 24, "layers": 1, "heads": 4, "key_value_heads": 2}
    model = Decoder(ModelConfig(**shape, head_dim=6, hidden=20, context=32, **changes), seed=1)
    tokens = torch.arange(24).view(2, 12)
    segments = torch.tensor([0, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3]).expand(2, 12)

    def learned(**packing):
        model.zero_grad()
        total, _ = model.loss(tokens, tokens.roll(-1, 1), **packing)
        total.backward()
        return total.detach(), {n: p.grad.clone() for n, p in model.named_parameters()}

    ours = [learned(), learned(segments=segments)]
    monkeypatch.setattr(choice, "INTERPRETED", False)
    for found, twin in zip(ours, [learned(), learned(segments=segments)], strict=True):
        torch.testing.assert_close(found[0], twin[0])
        torch.testing.assert_close(found[1], twin[1], atol=2e-5, rtol=1e-4)
