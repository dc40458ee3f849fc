"""Our LoRA adapters against PEFT: it loads ours, we load its, and the logits are equal."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny import TINY

from goldsmith.models import Decoder, load_model, save_model
from goldsmith.training.adapter_files import load_adapter, save_adapter, save_merged
from goldsmith.training.adapters import AdapterSpec, attach

peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

TOKENS = torch.arange(40).view(2, 20)


def adapted(folder: Path) -> Decoder:
    """A base saved in ``folder``, and that base with an adapter that changes what it says."""
    model = Decoder(TINY, seed=1)
    save_model(model, folder)
    attach(model, AdapterSpec(4, 12.0), seed=2)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model.requires_grad_(False)


def test_peft_loads_our_adapter_with_equal_logits(tmp_path: Path):
    model = adapted(tmp_path / "base")
    ours, base = model(TOKENS), load_model(tmp_path / "base")(TOKENS)
    save_adapter(model, tmp_path / "adapter", "../base")

    plain = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    theirs = peft.PeftModel.from_pretrained(plain, tmp_path / "adapter").eval()
    with torch.no_grad():
        logits = theirs(TOKENS).logits
    assert float((logits - ours).abs().max()) <= 1e-4
    assert float((base - ours).abs().max()) > 0.1

    save_merged(model, tmp_path / "merged", None)
    merged = load_model(tmp_path / "merged")(TOKENS)
    assert float((merged - ours).abs().max()) <= 1e-4
    whole = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    with torch.no_grad():
        assert float((whole(TOKENS).logits - ours).abs().max()) <= 1e-4


def test_we_load_what_peft_saved(tmp_path: Path):
    save_model(Decoder(TINY, seed=1), tmp_path / "base")
    plain = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    settings = peft.LoraConfig(
        r=3, lora_alpha=6, target_modules="all-linear", init_lora_weights=False
    )
    theirs = peft.get_peft_model(plain, settings).eval()
    theirs.save_pretrained(tmp_path / "adapter")
    model = load_model(tmp_path / "base")
    load_adapter(model, tmp_path / "adapter")
    with torch.no_grad():
        logits, ours = theirs(TOKENS).logits, model(TOKENS)
    assert float((logits - ours).abs().max()) <= 1e-4


@pytest.mark.parametrize(
    "options",
    [
        {"use_dora": True},
        {"use_rslora": True, "lora_dropout": 0.3},
        {"target_modules": ["q_proj", "v_proj"], "use_dora": True, "use_rslora": True},
    ],
)
def test_every_kind_goes_to_peft_and_back(tmp_path: Path, options):
    save_model(Decoder(TINY, seed=1), tmp_path / "base")
    plain = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    settings = peft.LoraConfig(
        **{"r": 4, "lora_alpha": 6, "target_modules": "all-linear", **options},
        init_lora_weights=False,
    )
    theirs = peft.get_peft_model(plain, settings).eval()
    theirs.save_pretrained(tmp_path / "theirs")
    model = load_model(tmp_path / "base")
    load_adapter(model, tmp_path / "theirs")
    with torch.no_grad():
        assert float((theirs(TOKENS).logits - model(TOKENS)).abs().max()) <= 1e-4
        save_adapter(model, tmp_path / "ours", "../base")
        fresh = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
        again = peft.PeftModel.from_pretrained(fresh, tmp_path / "ours").eval()
        assert float((again(TOKENS).logits - model(TOKENS)).abs().max()) <= 1e-4
        before = model(TOKENS)
        save_merged(model, tmp_path / "merged", None)
        assert float((load_model(tmp_path / "merged")(TOKENS) - before).abs().max()) <= 1e-4


def test_gradients_of_dora_are_those_of_peft(tmp_path: Path):
    save_model(Decoder(TINY, seed=1), tmp_path / "base")
    plain = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    settings = peft.LoraConfig(
        r=4, lora_alpha=6, target_modules="all-linear", use_dora=True, init_lora_weights=False
    )
    theirs = peft.get_peft_model(plain, settings).eval()
    theirs.save_pretrained(tmp_path / "theirs")
    model = load_model(tmp_path / "base")
    load_adapter(model, tmp_path / "theirs")
    theirs(TOKENS).logits.square().mean().backward()
    model(TOKENS).square().mean().backward()
    ours = [p.grad for p in model.parameters() if p.requires_grad]
    there = [p.grad for p in theirs.parameters() if p.requires_grad]
    assert sorted(float(g.norm()) for g in ours) == pytest.approx(
        sorted(float(g.norm()) for g in there), rel=1e-3
    )
