"""Trained biases against PEFT: it loads our BitFit and our LoRA with biases, and we load its."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import GPT2, TINY

from goldsmith.errors import ModelError
from goldsmith.models import Decoder, load_model, save_model
from goldsmith.training.adapter_files import load_adapter, save_adapter, save_merged
from goldsmith.training.adapters import BITFIT, AdapterSpec, adapted, attach

peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

QWEN2 = replace(TINY, family="qwen2", qkv_bias=True)
TOKENS = torch.arange(40).view(2, 20)
TARGETS = {"qwen2": ["o_proj", "q_proj"], "gpt2": ["c_attn"]}


def auto(folder: Path):
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation="eager"
    ).eval()


def said(model):
    with torch.no_grad():
        found = model(TOKENS)
    return getattr(found, "logits", found)


def stir(model):
    """Move what learns, each number by its own."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)


def theirs_on(folder: Path, **options):
    """PEFT's adapter on a base that is saved in ``folder``, everything that learns stirred."""
    model = peft.get_peft_model(auto(folder), peft.LoraConfig(r=4, lora_alpha=6, **options))
    stir(model)
    return model.eval()


def apart(one, other) -> float:
    return float((said(one) - said(other)).abs().max())


@pytest.mark.parametrize("config", [QWEN2, GPT2], ids=lambda c: c.family)
@pytest.mark.filterwarnings("error::UserWarning")
def test_peft_loads_our_biases_with_equal_logits(tmp_path, config):
    model = Decoder(config, seed=1)
    save_model(model, tmp_path / "base")
    attach(model, BITFIT, seed=2)
    stir(model)
    save_adapter(model, tmp_path / "adapter", "../base")
    theirs = peft.PeftModel.from_pretrained(auto(tmp_path / "base"), tmp_path / "adapter")
    assert apart(theirs.eval(), model) <= 1e-4
    assert apart(load_model(tmp_path / "base"), model) > 0.1
    assert apart(theirs.merge_and_unload(), model) <= 1e-4
    again = load_model(tmp_path / "base")
    load_adapter(again, tmp_path / "adapter")
    assert not list(adapted(again))
    assert torch.equal(said(again), said(model))
    save_merged(model, tmp_path / "merged", None)
    assert apart(auto(tmp_path / "merged"), again) <= 1e-4
    assert torch.equal(said(load_model(tmp_path / "merged")), said(again))


@pytest.mark.parametrize("config", [QWEN2, GPT2], ids=lambda c: c.family)
def test_a_lora_of_peft_that_learned_biases_alone_is_bitfit(tmp_path, config):
    save_model(Decoder(config, seed=1), tmp_path / "base")
    plain = auto(tmp_path / "base")
    options = {"bias": "all", "target_modules": TARGETS[config.family]}
    options |= {"fan_in_fan_out": config.family == "gpt2"}
    theirs = peft.get_peft_model(plain, peft.LoraConfig(r=4, lora_alpha=6, **options)).eval()
    for name, parameter in theirs.named_parameters():
        parameter.requires_grad_(name.endswith(".bias"))
    stir(theirs)
    theirs.save_pretrained(tmp_path / "theirs")
    model = load_model(tmp_path / "base")
    load_adapter(model, tmp_path / "theirs")
    assert apart(theirs, model) <= 1e-4
    assert apart(load_model(tmp_path / "base"), model) > 0.1
    theirs(TOKENS).logits.square().mean().backward()
    model(TOKENS).square().mean().backward()
    ours = [p.grad for p in model.parameters() if p.grad is not None]
    there = [p.grad for p in theirs.parameters() if p.grad is not None]
    lengths = [float(torch.cat([g.flatten() for g in all_]).norm()) for all_ in (ours, there)]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-3)
    assert sum(g.numel() for g in ours) == sum(g.numel() for g in there)


@pytest.mark.parametrize(
    "options",
    [
        {"bias": "all", "target_modules": "all-linear"},
        {"bias": "all", "target_modules": ["v_proj", "down_proj"], "use_dora": True},
        {"bias": "lora_only", "target_modules": "all-linear"},
        {"bias": "lora_only", "target_modules": ["v_proj", "down_proj"], "use_rslora": True},
    ],
)
def test_a_lora_with_biases_goes_to_peft_and_back(tmp_path, options):
    save_model(Decoder(QWEN2, seed=1), tmp_path / "base")
    theirs = theirs_on(tmp_path / "base", **options)
    theirs.save_pretrained(tmp_path / "theirs")
    model = load_model(tmp_path / "base")
    load_adapter(model, tmp_path / "theirs")
    assert apart(theirs, model) <= 1e-4
    learned = {name for name, p in model.named_parameters() if p.requires_grad}
    count = sum(p.requires_grad for p in theirs.parameters())
    assert len(learned) == count
    save_adapter(model, tmp_path / "ours", "../base")
    again = peft.PeftModel.from_pretrained(auto(tmp_path / "base"), tmp_path / "ours")
    assert apart(again.eval(), model) <= 1e-4
    before = said(model)
    save_merged(model, tmp_path / "merged", None)
    assert float((said(load_model(tmp_path / "merged")) - before).abs().max()) <= 1e-4


def test_a_model_without_biases_has_none_to_load(tmp_path):
    save_model(Decoder(TINY, seed=1), tmp_path / "base")
    theirs = theirs_on(tmp_path / "base", bias="all", target_modules="all-linear")
    theirs.save_pretrained(tmp_path / "theirs")
    model = load_model(tmp_path / "base")
    load_adapter(model, tmp_path / "theirs")
    assert apart(theirs, model) <= 1e-4
    assert next(adapted(model)).adapter("default").spec == AdapterSpec(
        4, 6.0, targets=next(adapted(model)).adapter("default").spec.targets
    )


def test_biases_that_do_not_fit_are_named(tmp_path):
    model = Decoder(QWEN2, seed=1)
    attach(model, BITFIT, seed=2)
    save_adapter(model, tmp_path / "adapter", "../base")
    with pytest.raises(ModelError, match="the adapter belongs to another model"):
        load_adapter(Decoder(TINY), tmp_path / "adapter")
    with pytest.raises(ModelError, match=r"ln_1\.bias' is missing or has another shape"):
        load_adapter(Decoder(GPT2), tmp_path / "adapter")
    with pytest.raises(ModelError, match=r"k_proj\.bias' .* another shape than \(8,\)"):
        load_adapter(Decoder(replace(QWEN2, key_value_heads=1)), tmp_path / "adapter")
    path = tmp_path / "adapter/adapter_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "bias": "some"}))
    with pytest.raises(ModelError, match="prompt tuning are read, not biases 'some'"):
        load_adapter(Decoder(QWEN2), tmp_path / "adapter")
