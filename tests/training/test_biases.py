"""BitFit: biases alone learn, from the settings to the folder that is served."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import toy

from goldsmith.errors import ModelError
from goldsmith.models import Decoder, ModelConfig, load_model
from goldsmith.pipeline.progress import Silent
from goldsmith.training import load_adapter, load_tuned
from goldsmith.training.adapter_files import save_adapter
from goldsmith.training.adapters import (
    BITFIT,
    AdapterSpec,
    PromptSpec,
    adapter_size,
    attach,
    attach_prompt,
    hold_in_four_bits,
)
from goldsmith.training.cost import estimate
from goldsmith.training.loop import fit, validation_loss
from goldsmith.training.recipe import adapter_of, plan_of

PLAIN = ModelConfig(24, 16, 2, 2, 1, 8, 24, 64)
CONFIG = replace(PLAIN, family="qwen2", qkv_bias=True)
TOKENS = torch.arange(20).view(2, 10)


def learning(model):
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def test_tuning_learns_the_biases_alone_and_serves_them(tmp_path):
    outcome = toy.run_biases(tmp_path, toy.ToyBatches(), tune_steps=40)
    base, tuned = load_model(tmp_path / "start"), load_tuned(tmp_path / "merged")
    assert outcome.validation_loss < 0.97 * validation_loss(base, toy.ToyBatches())
    assert validation_loss(tuned, toy.ToyBatches()) == pytest.approx(outcome.validation_loss)
    before, after = base.state_dict(), tuned.state_dict()
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.endswith("bias") for name in changed)
    load_adapter(base, tmp_path / "adapter")
    assert all(torch.equal(weight, after[name]) for name, weight in base.state_dict().items())
    assert (tmp_path / "merged/tokenizer.json").is_file()


def test_a_base_in_four_bits_is_served_as_it_was_tuned(tmp_path):
    how = {"quantize": "nf4", "precision": "bfloat16", "micro_batch": 1, "recompute": True}
    outcome = toy.run_biases(tmp_path, toy.ToyBatches(), tune_steps=40, **how)
    base, tuned = load_model(tmp_path / "start"), load_tuned(tmp_path / "merged")
    assert outcome.validation_loss < validation_loss(base, toy.ToyBatches())
    assert validation_loss(tuned, toy.ToyBatches()) == pytest.approx(
        outcome.validation_loss, abs=1e-5
    )


def test_a_base_without_biases_is_refused_before_a_step(tmp_path):
    def refuse(step):
        raise AssertionError(f"step {step} was asked for")

    tune = toy.TRAIN.model_copy(update={"adapter": "bias"})
    with pytest.raises(ModelError, match="no biases to train; use LoRA"):
        toy.run_tune(tmp_path, toy.ToyBatches(on_step=refuse), tune)
    assert not (tmp_path / "checkpoints").exists()
    with pytest.raises(ModelError, match="no biases to train"):
        adapter_size(Decoder(PLAIN, seed=None), adapter_of(tune))
    with pytest.raises(ModelError, match="no biases to train"):
        attach(Decoder(PLAIN), AdapterSpec(2, 4.0, bias="all"), seed=0)


@pytest.mark.parametrize("four_bits", [False, True])
def test_what_is_frozen_carries_no_gradient(four_bits):
    model = Decoder(CONFIG, seed=1)
    if four_bits:
        hold_in_four_bits(model)
    attach(model, BITFIT, seed=2)
    model(TOKENS).square().mean().backward()
    slopes = {name for name, p in model.named_parameters() if p.grad is not None}
    assert (
        slopes
        == set(learning(model))
        == {
            f"layers.{layer}.attention.{part}.bias"
            for layer in (0, 1)
            for part in ("query", "key", "value")
        }
    )


@pytest.mark.parametrize("optimizer", ["adamw", "adamw8bit", "muon"])
def test_no_bias_decays(tmp_path, optimizer):
    found = []
    for decay in (0.0, 0.9):
        model = Decoder(CONFIG, seed=1)
        attach(model, BITFIT, seed=2)
        with torch.no_grad():
            for bias in learning(model).values():
                bias.fill_(0.5)
        plan = plan_of("tune", toy.TRAIN, 3, 1e-2, decay)
        plan = replace(plan, optimizer=optimizer)
        fit(model, toy.ToyBatches(), plan, tmp_path / str(decay), "", Silent())
        found.append({name: bias.detach() for name, bias in learning(model).items()})
    one, other = found
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert any((bias != 0.5).any() for bias in one.values())


@pytest.mark.parametrize(
    "spec",
    [
        BITFIT,
        AdapterSpec(2, 4.0, bias="all"),
        AdapterSpec(2, 4.0, bias="lora_only", targets=("query", "output")),
        AdapterSpec(2, 4.0, kind="dora", bias="lora_only"),
        AdapterSpec(2, 4.0),
    ],
    ids=lambda spec: f"{spec.kind} {spec.rank} {spec.bias}",
)
def test_the_plan_counts_what_learns(spec):
    model = Decoder(CONFIG, seed=1)
    count = adapter_size(model, spec)
    attach(model, spec, seed=2)
    assert count == sum(p.numel() for p in learning(model).values())
    plan = plan_of("tune", toy.TRAIN, 10, 1e-3, 0.0)
    need = estimate(CONFIG, plan, 4, dtype=torch.float32, rate=1e9, adapter=spec)
    assert need.trained == count
    assert need.memory["gradients"] == 4 * count


def test_settings_choose_it():
    assert adapter_of(toy.TRAIN.model_copy(update={"adapter": "bias"})) == BITFIT
    assert adapter_of(toy.TRAIN).bias == "none"


def test_one_adapter_alone_trains_biases(tmp_path):
    model = Decoder(CONFIG, seed=1)
    attach(model, AdapterSpec(2, 4.0, bias="lora_only", targets=("query",)), seed=2, name="one")
    with pytest.raises(ModelError, match="trains its biases; it takes no second one"):
        attach(model, BITFIT, seed=2, name="two")
    attach(model, AdapterSpec(2, 4.0, targets=("key",)), seed=2, name="two")
    save_adapter(model, tmp_path / "two", "../base", "two")
    fresh = Decoder(CONFIG, seed=1)
    load_adapter(fresh, tmp_path / "two")
    assert not any(name.endswith("bias") for name in learning(fresh))


def test_nothing_is_saved_where_nothing_learns(tmp_path):
    for model in (Decoder(CONFIG, seed=1), Decoder(CONFIG, seed=1).requires_grad_(False)):
        with pytest.raises(ModelError, match="no adapter called 'default'"):
            save_adapter(model, tmp_path / "adapter", "../base")
    prompted = Decoder(CONFIG, seed=1)
    attach_prompt(prompted, PromptSpec(2), seed=1)
    with pytest.raises(ModelError, match="has a prompt; it takes no adapter"):
        attach(prompted, BITFIT, seed=1)
