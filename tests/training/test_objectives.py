"""That every objective learns in the one loop, and that what is hidden can be put back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.models import EncoderConfig, EncoderDecoder, SequenceConfig, TextEncoder
from goldsmith.pipeline import Silent
from goldsmith.training import objectives
from goldsmith.training.loop import fit
from goldsmith.training.recipe import Plan

PLAN = Plan("toy", 40, 1e-2, 2, 0.0, 20, 40, 1, "float32")
ENCODER = EncoderConfig(24, 16, 1, 2, 32, 16, 2, 1e-6, 0)
TOKENS = np.random.default_rng(1).integers(4, 24, (8, 12))
MASK = np.ones_like(TOKENS)
BASIC = {"tokens": TOKENS, "mask": MASK}
BATCHES = {
    "masked": ("masked", BASIC | {"targets": np.where(TOKENS % 3 == 0, TOKENS, -100)}),
    "pretraining": (
        "masked_and_next",
        BASIC
        | {"targets": np.where(TOKENS % 3 == 0, TOKENS, -100)}
        | {"types": MASK - 1, "follows": TOKENS[:, 0] % 2},
    ),
    "class": ("classes", BASIC | {"targets": TOKENS[:, 1] % 2}),
    "tags": ("tags", BASIC | {"targets": TOKENS % 2}),
    "embedding": ("contrastive", BASIC | {"other_tokens": TOKENS[:, ::-1].copy()}
    | {"other_mask": MASK}),
}  # fmt: skip


class Same:
    def __init__(self, arrays):
        self.arrays = SimpleNamespace(**arrays)

    def batch(self, step):
        return self.arrays

    def validation(self):
        yield self.arrays


@pytest.mark.parametrize("task", BATCHES)
def test_an_encoder_learns_it(tmp_path, task):
    name, arrays = BATCHES[task]
    model = TextEncoder(ENCODER, task, seed=1)
    objective = getattr(objectives, name)
    tensors = {key: torch.as_tensor(value) for key, value in arrays.items()}
    total, count = objective(model, tensors)
    mark = fit(model, Same(arrays), PLAN, tmp_path, "", Silent(), objective)
    assert mark.best_loss < 0.5 * float(total) / count


def test_an_encoder_decoder_learns_to_fill_spans(tmp_path):
    random = np.random.default_rng(2)
    pairs = [objectives.corrupt_spans(row, range(24, 30), 1, random) for row in TOKENS.tolist()]
    tokens, targets = np.zeros((8, 14), int), np.full((8, 9), -100)
    for row, (source, target) in enumerate(pairs):
        tokens[row, : len(source)], targets[row, : len(target)] = source, target
    arrays = {"tokens": tokens, "mask": (tokens > 0).astype(int), "targets": targets}
    model = EncoderDecoder(SequenceConfig(32, 16, 1, 1, 2, 8, 32), seed=1)
    mark = fit(model, Same(arrays), PLAN, tmp_path, "", Silent(), objectives.denoising)
    assert mark.best_loss < 0.7 * np.log(32)


@given(st.lists(st.integers(10, 99), min_size=2, max_size=80), st.integers(0, 99))
def test_cut_spans_put_back_give_the_text(tokens, seed):
    sentinels = list(range(200, 300))
    source, target = objectives.corrupt_spans(tokens, sentinels, 1, np.random.default_rng(seed))
    assert source[-1] == target[-1] == 1
    spans: dict[int, list[int]] = {}
    for token in target[:-1]:
        if token >= 200:
            spans[token] = []
        else:
            spans[max(spans)].append(token)
    told = [part for token in source[:-1] for part in spans.get(token, [token])]
    assert told == tokens
    assert all(spans.values())


@given(st.lists(st.integers(10, 99), max_size=40), st.integers(0, 99))
def test_a_middle_put_back_gives_the_text(tokens, seed):
    made = objectives.fill_in_the_middle(tokens, (1, 2, 3), np.random.default_rng(seed))
    after, middle = made.index(2), made.index(3)
    assert made[0] == 1
    assert made[1:after] + made[middle + 1 :] + made[after + 1 : middle] == tokens


def test_masks_hide_a_seventh_and_no_special_token():
    tokens = np.full((50, 100), 7)
    special = np.zeros_like(tokens)
    special[:, 0] = 1
    inputs, targets = objectives.mask_tokens(tokens, special, 3, 24, np.random.default_rng(1))
    chosen = targets != -100
    assert 0.13 < chosen.mean() < 0.17
    assert not chosen[:, 0].any()
    assert 0.75 < (inputs[chosen] == 3).mean() < 0.85
    assert (inputs[~chosen] == 7).all()
