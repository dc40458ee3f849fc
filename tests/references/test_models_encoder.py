"""Our encoder against transformers' BERT and sentence-transformers' pooling, on the real MiniLM."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from goldsmith.errors import MissingExtraError
from goldsmith.models.encoder import find_minilm, load_sentence_encoder

TEXTS = [
    "The pump must be primed before it is started.",
    "Prime the pump, then start it.",
    "",
    "Lighthouse keepers trimmed the wick at dusk. " * 60,
    "Größe 3 µm — naïve café, 漢字.",
]


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
