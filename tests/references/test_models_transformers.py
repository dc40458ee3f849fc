"""Our decoder against transformers: equal logits for all four families, read and written."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from goldsmith.models import Decoder, ModelConfig, RopeScaling, load_model, save_model

transformers = pytest.importorskip("transformers")

SCALINGS = [None, RopeScaling("linear", 2.0), RopeScaling("llama3", 8.0, 1.0, 4.0, 32)]


def trained(config: ModelConfig) -> Decoder:
    """A model whose norms and biases are not at their start values, so that each one matters."""
    model = Decoder(config, seed=3)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model.requires_grad_(False)


@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "qwen3"])
@pytest.mark.parametrize("scaling", SCALINGS, ids=["plain", "linear", "llama3"])
@pytest.mark.parametrize("tied", [True, False])
def test_logits_are_equal_both_ways(tmp_path: Path, family, scaling, tied):
    config = ModelConfig(
        vocabulary=97,
        width=48,
        layers=2,
        heads=4,
        key_value_heads=2,
        head_dim=16,
        hidden=64,
        context=128,
        tied=tied,
        qkv_bias=family == "qwen2",
        qk_norm=family == "qwen3",
        family=family,
        rope_scaling=scaling,
        bos=1,
        eos=(2,),
        pad=0,
    )
    model = trained(config)
    tokens = torch.randint(0, 97, (3, 100), generator=torch.Generator().manual_seed(4))
    ours = model(tokens)

    save_model(model, tmp_path / "ours")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "ours").eval()
    with torch.no_grad():
        logits = theirs(tokens).logits
    assert float((logits - ours).abs().max()) <= 1e-4
    assert float(ours.abs().max()) > 1.0

    theirs.save_pretrained(tmp_path / "theirs")
    back = load_model(tmp_path / "theirs")
    assert back.config == config
    assert float((back(tokens) - ours).abs().max()) <= 1e-4


def test_packed_loss_equals_transformers_on_each_piece(tmp_path: Path):
    config = ModelConfig(
        vocabulary=97,
        width=32,
        layers=2,
        heads=4,
        key_value_heads=1,
        head_dim=8,
        hidden=40,
        context=64,
    )
    model = trained(config)
    save_model(model, tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    lengths = (12, 30, 6)
    tokens = torch.randint(0, 97, (1, sum(lengths)), generator=torch.Generator().manual_seed(4))
    segments = torch.repeat_interleave(torch.arange(3), torch.tensor(lengths))[None]
    targets = tokens.roll(-1, 1)
    targets[0, [11, 41, 47]] = -100
    total, count = model.loss(tokens, targets, segments=segments)
    expected = 0.0
    for piece in tokens.split(lengths, dim=1):
        with torch.no_grad():
            expected += float(theirs(piece, labels=piece).loss) * (piece.shape[1] - 1)
    assert count == sum(lengths) - 3
    assert float(total) == pytest.approx(expected, rel=1e-5)
