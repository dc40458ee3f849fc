"""Our encoder-decoders against transformers: logits, gradients, beams, bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.errors import ModelError
from goldsmith.models import EncoderDecoder, SequenceConfig, load_seq2seq, save_seq2seq
from goldsmith.models.seq2seq import bucket, sinusoids

transformers = pytest.importorskip("transformers")

from model_families import SEQ2SEQ, make_seq2seq  # noqa: E402
from seq2seq_parity import compare_seq2seq  # noqa: E402

MODELS = [
    pytest.param(family, number, id=f"{family}-{number}")
    for family, (_, configs) in SEQ2SEQ.items()
    for number in range(len(configs))
]


@pytest.mark.parametrize(("family", "number"), MODELS)
def test_every_encoder_decoder_is_the_reference(tmp_path: Path, family: str, number: int):
    row = compare_seq2seq(make_seq2seq(family, number), tmp_path)
    assert row["logits"] <= 1e-4
    assert row["gradients"] <= 1e-4
    assert row["greedy"]
    assert row["round_trip"]
    assert row["largest_logit"] > 1.0


@given(st.integers(2, 20), st.integers(30, 300), st.booleans())
def test_buckets_are_the_reference(half: int, farthest: int, both_ways: bool):
    distance = torch.arange(-400, 401)
    wanted = transformers.models.t5.modeling_t5.T5Attention._relative_position_bucket(
        distance, bidirectional=both_ways, num_buckets=4 * half, max_distance=farthest + 2 * half
    )
    assert torch.equal(bucket(distance, 4 * half, farthest + 2 * half, both_ways), wanted)


def test_sinusoids_are_the_reference():
    marian = transformers.models.marian.modeling_marian
    table = marian.MarianSinusoidalPositionalEmbedding(300, 32)
    weight = table.create_weight() if hasattr(table, "create_weight") else table.weight
    assert float((sinusoids(torch.arange(300), 32) - weight).abs().max()) <= 1e-5


def test_a_folder_that_does_not_fit_is_named(tmp_path: Path):
    config = SequenceConfig(30, 8, 1, 1, 2, 4, 16)
    save_seq2seq(EncoderDecoder(config, seed=1), tmp_path)
    assert load_seq2seq(tmp_path).config.output_scale == 1.0
    text = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(text.replace('"d_ff": 16', '"d_ff": 12'))
    with pytest.raises(ModelError, match=r"tensor '.*DenseReluDense\.wi\.weight' has shape"):
        load_seq2seq(tmp_path)
    (tmp_path / "config.json").write_text(text.replace('"t5"', '"led"'))
    with pytest.raises(ModelError, match="model_type 'led' is not an encoder-decoder"):
        load_seq2seq(tmp_path)
