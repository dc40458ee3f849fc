"""Our encoder against transformers' BERT and sentence-transformers' pooling, on the real MiniLM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from goldsmith.errors import MissingExtraError, ModelError
from goldsmith.models import (
    EncoderConfig,
    TextEncoder,
    find_minilm,
    load_sentence_encoder,
    load_text_encoder,
    save_text_encoder,
)

pytest.importorskip("transformers")

from encoder_parity import compare_encoder
from model_families import ENCODERS, make_encoder

TEXTS = [
    "The pump must be primed before it is started.",
    "Prime the pump, then start it.",
    "",
    "Lighthouse keepers trimmed the wick at dusk. " * 60,
    "Größe 3 µm — naïve café, 漢字.",
]


HEADS = [
    pytest.param(family, task, id=f"{family}-{task}")
    for family, tasks in ENCODERS.items()
    for task in tasks
]


@pytest.mark.parametrize(("family", "task"), HEADS)
def test_every_head_is_the_reference(tmp_path: Path, family: str, task: str):
    row = compare_encoder(make_encoder(family, task), tmp_path)
    assert row["logits"] <= 1e-4
    assert row["gradients"] <= 1e-4
    assert row["greedy"]
    assert row["round_trip"]
    assert row["largest_logit"] > 0.1


def test_a_head_that_is_not_there_is_named(tmp_path: Path):
    config = EncoderConfig(50, 8, 1, 2, 16, 20, 1, 1e-5, 1, family="roberta")
    with pytest.raises(ModelError, match="roberta has no head for 'next sentence'"):
        TextEncoder(config, "next sentence")
    save_text_encoder(TextEncoder(config, "masked", seed=1), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors.pop("roberta.embeddings.word_embeddings.weight")
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"'roberta\.embeddings\.word_embeddings\.weight' is miss"):
        load_text_encoder(tmp_path)


def minilm_folder():
    try:
        return find_minilm()
    except MissingExtraError as error:
        pytest.skip(str(error))


def test_vectors_equal_transformers_with_mean_pooling():
    transformers = pytest.importorskip("transformers")
    folder = minilm_folder()
    ours = load_sentence_encoder(folder).embed(TEXTS, batch=2)

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    theirs = transformers.AutoModel.from_pretrained(folder).eval()
    batch = tokenizer(TEXTS, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.no_grad():
        hidden = theirs(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None].float()
    mean = (hidden * mask).sum(1) / mask.sum(1)
    expected = torch.nn.functional.normalize(mean, dim=-1).numpy()

    assert ours.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    assert ours[0] @ ours[1] > 0.8 > 0.3 > ours[0] @ ours[3]


def test_bfloat16_stays_close():
    folder = minilm_folder()
    exact = load_sentence_encoder(folder).embed(TEXTS)
    rough = load_sentence_encoder(folder, torch.bfloat16).embed(TEXTS)
    assert float((1 - (exact * rough).sum(1)).max()) < 1e-2
