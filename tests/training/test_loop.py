"""The loop: exact steps, early stopping, means, best weights kept, SIGTERM, what broke it."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace

import pytest
import torch
import toy
from safetensors.torch import load_file
from test_training import Worsening, rows_of

from goldsmith.errors import ModelError
from goldsmith.models import Decoder, ModelConfig
from goldsmith.pipeline import Silent
from goldsmith.training.adapters import (
    AdapterSpec,
    activate,
    adapted,
    attach,
    hold_in_four_bits,
    train_biases,
)
from goldsmith.training.batches import in_order, tensors_of
from goldsmith.training.loop import accumulate, fit, validation_loss
from goldsmith.training.optimizers import make_optimizer
from goldsmith.training.precision import Weights
from goldsmith.training.recipe import Plan

CONFIG = ModelConfig(24, 16, 2, 2, 1, 8, 24, 16)
PLAN = Plan("toy", 24, 1e-2, 2, 0.1, 4, 3, 1, "float32")


def trained(folder, batches=None, listener=None, **changes):
    model = Decoder(CONFIG, seed=1)
    plan = replace(PLAN, **changes)
    mark = fit(model, batches or toy.ToyBatches(), plan, folder, "", listener or Silent())
    return model, mark


class Listening(Silent):
    """Keeps what is said when a job ends."""

    def __init__(self):
        self.said = []

    def finish(self, message=""):
        self.said.append(message)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_pieces_of_a_step_weigh_by_their_targets(rows):
    arrays = tensors_of(toy.ToyBatches().batch(0))
    arrays["targets"][0, 3:] = -100
    arrays["targets"][2] = -100
    found = []
    for size in (0, rows):
        model = Decoder(CONFIG, seed=1)
        weights = Weights(model, torch.float32)
        found.append((accumulate(model, arrays, size, weights), weights.masters))
    (whole, one), (pieces, other) = found
    assert pieces[1] == whole[1]
    assert pieces[0] == pytest.approx(whole[0], rel=1e-6)
    for name, weight in one.items():
        torch.testing.assert_close(other[name].grad, weight.grad, atol=1e-6, rtol=1e-5)


def test_bfloat16_weights_are_held_once_and_masters_come_back(tmp_path):
    model = Decoder(CONFIG, seed=1)
    weights = Weights(model, torch.bfloat16)
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    accumulate(model, tensors_of(toy.ToyBatches().batch(0)), 1, weights)
    assert all(p.grad is None for p in model.parameters())
    assert {m.grad.dtype for m in weights.masters.values()} == {torch.float32}
    with weights.published():
        assert {p.dtype for p in model.parameters()} == {torch.float32}
    weights.finish(None)
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_a_run_that_gets_no_better_stops_and_stays_stopped(tmp_path):
    listener = Listening()
    _, mark = trained(tmp_path, Worsening(), listener, patience=2, steps=80)
    assert mark.step == mark.best_step + 8 < 80
    assert listener.said == [f"best at step {mark.best_step}"]

    def refuse(step):
        raise AssertionError(f"step {step} was asked for")

    _, again = trained(tmp_path, Worsening(on_step=refuse), patience=2, steps=80)
    assert again == mark


def test_the_best_few_stay_on_disk_best_first(tmp_path):
    _, mark = trained(tmp_path, keep=3)
    assert [k.loss for k in mark.kept] == sorted(k.loss for k in mark.kept)
    files = sorted(p.name for p in tmp_path.glob("best-*"))
    assert files == sorted(k.file for k in mark.kept)
    assert len(files) == 3


@pytest.mark.parametrize("optimizer", ["adamw8bit", "adamw8bit_paged", "muon"])
def test_other_optimizers_learn(tmp_path, optimizer):
    trained(tmp_path, optimizer=optimizer, ema=0.5, schedule="wsd")
    rows = rows_of(tmp_path)
    assert rows[-1]["loss"] < 0.95 * rows[0]["loss"]


@pytest.mark.parametrize("name", ["adamw", "adamw8bit", "adamw8bit_paged", "muon"])
def test_a_restored_optimizer_goes_on_to_the_same_bits(name):
    def weights():
        generator = torch.Generator().manual_seed(1)
        shapes = {"layers.0.up": (80, 64), "bias": (64,)}
        return {n: torch.randn(s, generator=generator) for n, s in shapes.items()}

    def go(optimizer, held, first, end):
        for step in range(first, end):
            for weight in held.values():
                generator = torch.Generator().manual_seed(step)
                weight.grad = torch.randn(weight.shape, generator=generator)
            optimizer.step(1e-2)

    whole = weights()
    go(make_optimizer(name, whole, 0.1), whole, 0, 6)
    broken = weights()
    first = make_optimizer(name, broken, 0.1)
    go(first, broken, 0, 3)
    state = {k: v.clone() for k, v in first.state().items()}
    second = make_optimizer(name, broken, 0.1)
    second.restore(state)
    go(second, broken, 3, 6)
    assert all(torch.equal(whole[n], broken[n]) for n in whole)


def test_sigterm_finishes_the_step_saves_and_goes_on_later(tmp_path):
    def terminate(step):
        if step == 7:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stopped:
        trained(tmp_path / "a", toy.ToyBatches(on_step=terminate))
    assert stopped.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before
    assert json.loads((tmp_path / "a/state.json").read_text())["step"] == 8
    resumed, _ = trained(tmp_path / "a")
    whole, _ = trained(tmp_path / "b")
    for one, other in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(one, other)
    assert (tmp_path / "a/metrics.jsonl").read_bytes() == (
        tmp_path / "b/metrics.jsonl"
    ).read_bytes()


def test_the_batch_that_broke_a_run_is_written(tmp_path):
    with pytest.raises(ModelError, match="batch-00000002"):
        trained(tmp_path, peak_learning_rate=1e38, warmup=0)
    arrays = load_file(tmp_path / "offending/batch-00000002.safetensors")
    expected = tensors_of(toy.ToyBatches().batch(1))
    assert all(torch.equal(arrays[name], expected[name]) for name in expected)


@pytest.mark.parametrize("loaders", [1, 3])
def test_threads_make_the_same_batches_in_order(loaders):
    plain = list(in_order(toy.ToyBatches(), 2, 9, 0))
    ahead = list(in_order(toy.ToyBatches(), 2, 9, loaders))
    assert len(plain) == len(ahead) == 7
    for one, other in zip(plain, ahead, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_several_adapters_add_up_and_unmerging_restores_every_bit():
    model, tokens = Decoder(CONFIG, seed=1), torch.arange(10)[None]
    plain = model(tokens).detach()
    for name in ("one", "two"):
        attach(model, AdapterSpec(2, 4.0, targets=("query", "down_proj")), seed=2, name=name)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator))
    assert len(list(adapted(model))) == 4
    both = model(tokens)
    activate(model, ["one"])
    one = model(tokens)
    assert not torch.allclose(one, both)
    activate(model, ["one", "two"])
    for linear in adapted(model):
        linear.merge()
    torch.testing.assert_close(model(tokens), both, atol=1e-4, rtol=1e-4)
    activate(model, [])
    assert torch.equal(model(tokens), plain)


def test_a_base_in_four_bits_learns_through_its_adapter(tmp_path):
    model = Decoder(CONFIG, seed=1)
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 5.0  # far from the flat start, so that a small adapter has a hold
    hold_in_four_bits(model)
    attach(model, AdapterSpec(8, 16.0, kind="dora", dropout=0.1), seed=1)
    before = validation_loss(model, toy.ToyBatches())
    plan = replace(PLAN, steps=60, peak_learning_rate=2e-2, micro_batch=2, recompute=True)
    mark = fit(model, toy.ToyBatches(), plan, tmp_path, "", Silent())
    assert mark.best_loss < 0.95 * before
    assert validation_loss(model, toy.ToyBatches()) == pytest.approx(mark.best_loss)


def test_layers_that_are_not_there_are_named():
    with pytest.raises(ModelError, match="no layer to adapt is called wonder"):
        attach(Decoder(CONFIG), AdapterSpec(2, 2.0, targets=("wonder",)), seed=0)
    with pytest.raises(ModelError, match="no biases"):
        train_biases(Decoder(CONFIG))
    biased = Decoder(replace(CONFIG, norm="layer", output_bias=True))
    assert train_biases(biased) == sum(p.numel() for p in biased.parameters() if p.requires_grad)
