"""The norm that is computed otherwise in bfloat16, against torch's in float32."""

from __future__ import annotations

import torch

from goldsmith.models.parts import RMSNorm


def test_a_narrow_norm_is_the_wide_one_rounded():
    generator = torch.Generator().manual_seed(0)
    narrow, wide = RMSNorm(48, 1e-6).bfloat16(), torch.nn.RMSNorm(48, 1e-6)
    with torch.no_grad():
        narrow.weight.normal_(1.0, 0.3, generator=generator)
        wide.weight.copy_(narrow.weight)
    x = torch.randn(3, 5, 48, generator=generator).bfloat16().requires_grad_()
    slope = torch.randn(3, 5, 48, generator=generator).bfloat16()
    exact = x.detach().float().requires_grad_()
    ours, theirs = narrow(x), wide(exact)
    assert type(ours.grad_fn).__name__ == "_NarrowNormBackward"
    torch.testing.assert_close(ours, theirs.bfloat16())
    ours.backward(slope)
    theirs.backward(slope.float())
    torch.testing.assert_close(x.grad, exact.grad.bfloat16())
    torch.testing.assert_close(narrow.weight.grad, wide.weight.grad.bfloat16())


def test_a_float32_norm_is_torch_s():
    x = torch.randn(3, 48, generator=torch.Generator().manual_seed(0))
    assert torch.equal(RMSNorm(48, 1e-6)(x), torch.nn.RMSNorm(48, 1e-6)(x))
