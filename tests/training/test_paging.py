"""8-bit moments, paged to the host or not: one arithmetic, and memory where it is said to be."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from goldsmith.models import ModelConfig
from goldsmith.training import optimizers
from goldsmith.training.cost import VISITING, estimate
from goldsmith.training.eight_bits import pack, unpack
from goldsmith.training.optimizers import AT_ONCE, BETAS, EPSILON, Adam8bit, make_optimizer
from goldsmith.training.recipe import Plan

SHAPES = {"layers.0.up": (80, 64), "layers.1.up": (65, 67), "small": (30, 20), "bias": (5000,)}
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")


def drawn(seed, device="cpu"):
    generator = torch.Generator().manual_seed(seed)
    return {n: torch.randn(s, generator=generator).to(device) for n, s in SHAPES.items()}


def run(name, steps=4, device="cpu"):
    weights = drawn(0, device)
    optimizer = make_optimizer(name, weights, 0.1)
    for step in range(1, steps + 1):
        for key, gradient in drawn(step, device).items():
            weights[key].grad = gradient
        optimizer.step(1e-2)
    return weights, optimizer


def whole_tensors(steps=4):
    """The same rule over whole tensors, as it is written in the paper."""
    weights = drawn(0)
    moments = {name: (torch.zeros_like(w), torch.zeros_like(w)) for name, w in weights.items()}
    for step in range(1, steps + 1):
        for name, gradient in drawn(step).items():
            weight, (first, second) = weights[name], moments[name]
            first = first.lerp(gradient, 1 - BETAS[0])
            second = (second * BETAS[1]).addcmul(gradient, gradient, value=1 - BETAS[1])
            if weight.ndim >= 2:
                weight.mul_(1 - 1e-2 * 0.1)
            root = second.sqrt() / (1 - BETAS[1] ** step) ** 0.5 + EPSILON
            weight.addcdiv_(first, root, value=-1e-2 / (1 - BETAS[0] ** step))
            if weight.numel() >= 4096:
                first = unpack(pack(first, signed=True))
                second = unpack(pack(second, signed=False))
            moments[name] = (first, second)
    return weights


@pytest.mark.parametrize("at_once", [AT_ONCE, 512])
@pytest.mark.parametrize("name", ["adamw8bit", "adamw8bit_paged"])
def test_runs_and_paging_change_no_bit(name, at_once, monkeypatch):
    monkeypatch.setattr(optimizers, "AT_ONCE", at_once)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    weights, _ = run(name)
    torch.set_num_threads(before)
    for key, expected in whole_tensors().items():
        assert torch.equal(weights[key], expected), key


def test_state_is_two_bytes_a_weight_on_the_host():
    _, optimizer = run("adamw8bit_paged")
    state = optimizer.state()
    assert {tensor.device.type for tensor in state.values()} == {"cpu"}
    assert {state[f"{kind}.codes.layers.0.up"].dtype for kind in ("first", "second")} == {
        torch.uint8
    }
    assert state["first.small"].dtype == torch.float32
    count = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    weights = 80 * 64 + 65 * 67 + 5000
    assert count <= weights * (2 + 8 / 256) + 600 * 8 + 8 + 3 * 8


def test_a_run_paged_goes_on_from_one_that_was_not():
    weights, paged = run("adamw8bit_paged", steps=3)
    plain = make_optimizer("adamw8bit", weights, 0.1)
    plain.restore(paged.state())
    whole, _ = run("adamw8bit", steps=4)
    for key, gradient in drawn(4).items():
        weights[key].grad = gradient
    plain.step(1e-2)
    assert all(torch.equal(weights[key], whole[key]) for key in whole)


@CUDA
def test_on_a_device_the_states_stay_pinned_on_the_host():
    weights, paged = run("adamw8bit_paged", device="cuda")
    plain, _ = run("adamw8bit", device="cuda")
    assert isinstance(paged, Adam8bit)
    assert all(t.device.type == "cpu" and t.is_pinned() for t in paged.moments.values())
    assert all(torch.equal(weights[key], plain[key]) for key in plain)
    paged.restore(paged.state())
    assert all(t.is_pinned() for t in paged.moments.values())


def test_the_plan_counts_the_host_apart_from_a_device():
    config = ModelConfig(1000, 64, 2, 2, 1, 32, 128, 64)
    plan = Plan("toy", 10, 1e-3, 2, 0.1, 4, 3, 1, "float32", optimizer="adamw8bit_paged")

    def need(plan, device):
        return estimate(config, plan, 4, dtype=torch.float32, rate=1e9, device=device)

    cuda, processor = need(plan, torch.device("cuda", 0)), need(plan, torch.device("cpu"))
    plain = need(replace(plan, optimizer="adamw8bit"), torch.device("cuda", 0))
    assert cuda.host_memory == 2 * cuda.trained == plain.memory["optimizer"]
    assert cuda.memory["optimizer"] == VISITING * min(cuda.trained, AT_ONCE)
    assert (processor.host_memory, plain.host_memory) == (0, 0)
    assert processor.memory == plain.memory
