"""Our decoder against transformers: every family read, run, differentiated, and written."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from goldsmith.models import Decoder, ModelConfig, load_model, save_model

transformers = pytest.importorskip("transformers")

from model_families import DECODERS, make_decoder  # noqa: E402
from model_parity import compare_decoder  # noqa: E402


def trained(config: ModelConfig) -> Decoder:
    """A model whose norms and biases are not at their start values, so that each one matters."""
    model = Decoder(config, seed=3)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model.requires_grad_(False)


MODELS = [
    pytest.param(family, number, id=f"{family}-{number}")
    for family, (_, configs) in DECODERS.items()
    for number in range(len(configs))
]


@pytest.mark.parametrize(("family", "number"), MODELS)
def test_every_family_is_the_reference(tmp_path: Path, family: str, number: int):
    row = compare_decoder(make_decoder(family, number), tmp_path)
    assert row["logits"] <= 1e-4
    assert row["gradients"] <= 1e-4
    assert row["greedy"]
    assert row["round_trip"]
    assert row["largest_logit"] > 1.0


@pytest.mark.parametrize("family", list(DECODERS))
def test_pieces_packed_in_a_row_are_computed_alone(tmp_path: Path, family: str):
    make_decoder(family, 0).save_pretrained(tmp_path)
    model = load_model(tmp_path)
    lengths = (12, 30, 6)
    tokens = torch.randint(3, 113, (1, sum(lengths)), generator=torch.Generator().manual_seed(4))
    segments = torch.repeat_interleave(torch.arange(3), torch.tensor(lengths))[None]
    packed = model(tokens, segments=segments)
    alone = torch.cat([model(piece) for piece in tokens.split(lengths, dim=1)], 1)
    assert float((packed - alone).abs().max()) <= 1e-5


def test_the_load_balancing_loss_is_the_reference(tmp_path: Path):
    theirs = make_decoder("mixtral", 0)
    tokens = torch.randint(3, 113, (2, 20), generator=torch.Generator().manual_seed(4))
    wanted = theirs(tokens, output_router_logits=True).aux_loss
    theirs.save_pretrained(tmp_path)
    ours = load_model(tmp_path).requires_grad_(True)
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = tokens[:, 1:]
    total, count = ours.loss(tokens, targets)
    with torch.no_grad():
        plain, _ = ours.loss(tokens, targets)
    added = (total.item() - plain.item()) / count
    assert added == pytest.approx(wanted.item() * ours.config.router_loss, rel=1e-3)


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
