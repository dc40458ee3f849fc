"""Prompt tuning: packed rows, what learns, where it begins, and that it is served as trained."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import torch
import toy
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.errors import ModelError
from goldsmith.models import Decoder, KeyValueCache, ModelConfig, load_model
from goldsmith.training import load_tuned
from goldsmith.training.adapters import AdapterSpec, PromptSpec, attach, attach_prompt
from goldsmith.training.batches import tensors_of
from goldsmith.training.cost import estimate
from goldsmith.training.loop import validation_loss
from goldsmith.training.recipe import adapter_of, plan_of

CONFIG = ModelConfig(24, 16, 2, 2, 1, 8, 24, 64)
TUNE = toy.TRAIN.model_copy(
    update={"adapter": "prompt", "prompt_tokens": 3, "tune_steps": 40, "tune_learning_rate": 0.3}
)


def prompted(config=CONFIG, tokens=3, **how):
    model = Decoder(config, seed=1)
    attach_prompt(model, PromptSpec(tokens), seed=2, **how)
    return model


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=5), min_size=1, max_size=3),
    st.integers(1, 4),
)
def test_a_packed_text_says_what_it_says_alone(rows, virtual):
    model = prompted(tokens=virtual)
    length = max(map(sum, rows))
    segments = torch.full((len(rows), length), -1)
    for row, pieces in enumerate(rows):
        numbers = [n for n, size in enumerate(pieces) for _ in range(size)]
        segments[row, : len(numbers)] = torch.tensor(numbers)
    generator = torch.Generator().manual_seed(len(rows))
    tokens = torch.randint(0, 24, segments.shape, generator=generator)
    with torch.no_grad():
        packed = model(tokens, segments=segments)
        for row, pieces in enumerate(rows):
            start = 0
            for size in pieces:
                here = slice(start, start + size)
                alone = model(tokens[row : row + 1, here])[0]
                torch.testing.assert_close(packed[row, here], alone, atol=1e-5, rtol=1e-4)
                start += size


def test_with_a_cache_the_virtual_tokens_are_given_once():
    model = prompted()
    tokens = torch.arange(7)[None]
    cache = KeyValueCache(CONFIG, 1, 32)
    whole = torch.cat((torch.tensor([model.virtual_tokens]), tokens), 1)
    with torch.no_grad():
        first = model(whole[:, :6], positions=torch.arange(6)[None], cache=cache)
        second = model(whole[:, 6:], positions=torch.arange(6, 10)[None], cache=cache)
        said = torch.cat((first, second), 1)[:, 3:]
        torch.testing.assert_close(said, model(tokens), atol=1e-5, rtol=1e-4)
    assert model.virtual_tokens == (24, 25, 26)
    assert Decoder(CONFIG, seed=None).virtual_tokens == ()


def test_it_begins_as_rows_of_the_vocabulary_the_same_each_time():
    one, other = prompted(tokens=40).prompt.rows, prompted(tokens=40).prompt.rows
    table = Decoder(CONFIG, seed=1).embedding.weight
    assert torch.equal(one, other)
    assert all(any(torch.equal(row, word) for word in table) for row in one)
    assert len({tuple(row.tolist()) for row in one}) > 10
    assert torch.equal(prompted(ids=[5, 9]).prompt.rows, table[[5, 9, 5]])


def test_tuning_learns_the_prompt_alone_and_serves_it(tmp_path):
    outcome = toy.run_tune(tmp_path, toy.ToyBatches(), TUNE)
    base, tuned = load_model(tmp_path / "start"), load_tuned(tmp_path / "merged")
    assert outcome.validation_loss < 0.97 * validation_loss(base, toy.ToyBatches())
    assert validation_loss(tuned, toy.ToyBatches()) == pytest.approx(outcome.validation_loss)
    after = tuned.state_dict()
    assert tuple(after.pop("prompt.rows").shape) == (3, 16)
    assert all(torch.equal(after[name], weight) for name, weight in base.state_dict().items())
    assert (tmp_path / "merged/tokenizer.json").is_file()
    assert (tmp_path / "adapter/adapter_model.safetensors").read_bytes() == (
        tmp_path / "merged/prompt/adapter_model.safetensors"
    ).read_bytes()


def test_a_base_in_four_bits_is_served_as_it_was_tuned(tmp_path):
    tune = TUNE.model_copy(update={"quantize": "nf4", "precision": "bfloat16", "micro_batch": 1})
    outcome = toy.run_tune(tmp_path, toy.ToyBatches(), tune)
    tuned = load_tuned(tmp_path / "merged")
    assert validation_loss(tuned, toy.ToyBatches()) == pytest.approx(
        outcome.validation_loss, abs=1e-5
    )


def test_the_text_of_a_prompt_is_what_it_begins_as(tmp_path):
    tune = TUNE.model_copy(update={"prompt_text": "w4", "tune_steps": 1, "warmup": 100})
    tune = tune.model_copy(update={"tune_learning_rate": 1e-12})
    toy.run_tune(tmp_path, toy.ToyBatches(), tune)
    tuned = load_tuned(tmp_path / "merged")
    expected = tuned.embedding.weight[7].expand(3, -1)  # w4 is the eighth word
    torch.testing.assert_close(tuned.prompt.rows, expected, atol=1e-9, rtol=1e-6)


def test_no_room_and_no_second_prompt():
    with pytest.raises(ModelError, match=r"leave nothing of a context of 64.*prompt_tokens"):
        prompted(tokens=64)
    with pytest.raises(ModelError, match="has a prompt or an adapter already"):
        attach_prompt(prompted(), PromptSpec(2), seed=1)
    with pytest.raises(ModelError, match="has a prompt; it takes no adapter"):
        attach(prompted(), AdapterSpec(2, 4.0), seed=1)
    adapted = Decoder(CONFIG)
    attach(adapted, AdapterSpec(2, 4.0), seed=1)
    with pytest.raises(ModelError, match="has a prompt or an adapter already"):
        attach_prompt(adapted, PromptSpec(2), seed=1)


def test_a_base_with_a_prompt_is_not_tuned_as_if_it_had_none(tmp_path):
    toy.run_tune(tmp_path, toy.ToyBatches(), TUNE)
    shutil.copytree(tmp_path / "merged/prompt", tmp_path / "start/prompt")
    with pytest.raises(ModelError, match="has a prompt, which would be lost"):
        toy.run_tune(tmp_path, toy.ToyBatches())


def test_learned_positions_must_hold_prompt_and_rows(tmp_path, monkeypatch):
    toy.run_tune(tmp_path, toy.ToyBatches(), TUNE)
    monkeypatch.setattr("goldsmith.training.tuning.load_model", lambda _: Decoder(learned))
    learned = replace(CONFIG, positions="learned", context=18)
    with pytest.raises(ModelError, match=r"3 virtual tokens and rows of 16 .* 18 positions"):
        toy.run_tune(tmp_path, toy.ToyBatches(), TUNE)


def test_settings_choose_it_and_the_plan_counts_it():
    assert adapter_of(TUNE) == PromptSpec(3)
    assert adapter_of(toy.TRAIN) == AdapterSpec(2, 16.0)
    plan = plan_of("tune", TUNE, 10, 1e-3, 0.0)
    need = estimate(CONFIG, plan, 4, dtype=torch.float32, rate=1e9, adapter=PromptSpec(3))
    assert need.trained == 3 * 16
    assert need.memory["gradients"] == 4 * 3 * 16


def test_packed_batches_go_through_whatever_their_segments():
    model = prompted()
    arrays = tensors_of(toy.ToyBatches().batch(0))
    segments = arrays["segments"].clone()
    segments[1:] = 0  # rows with fewer texts are filled at their end
    loss, count = model.loss(arrays["tokens"], arrays["targets"], segments=segments)
    parts = [
        model.loss(arrays["tokens"][[row]], arrays["targets"][[row]], segments=segments[[row]])
        for row in range(4)
    ]
    assert count == sum(number for _, number in parts)
    torch.testing.assert_close(loss, sum(part for part, _ in parts))
