"""The decoder's invariants: causality, packing, cached decoding, loss, initialisation."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import TINY

from goldsmith.errors import ModelError
from goldsmith.models import Decoder, KeyValueCache, loss
from goldsmith.models.decoder import segment_positions
from goldsmith.models.loss import linear_cross_entropy


def decoder(**changes) -> Decoder:
    """A tiny decoder with weights large enough for attention to matter."""
    model = Decoder(dataclasses.replace(TINY, **changes), seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.15)
    return model.requires_grad_(False)


def some_tokens(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(
        0, TINY.vocabulary, (rows, columns), generator=torch.Generator().manual_seed(seed)
    )


def test_a_later_token_changes_no_earlier_logit():
    model, tokens = decoder(), some_tokens(1, 20)
    changed = tokens.clone()
    changed[0, 12] = (tokens[0, 12] + 1) % TINY.vocabulary
    before, after = model(tokens), model(changed)
    assert torch.equal(before[0, :12], after[0, :12])
    assert not torch.allclose(before[0, 12:], after[0, 12:], atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6), family=st.integers(0, 2))
def test_packed_segments_equal_each_sequence_alone(lengths, family):
    changes = [{}, {"qkv_bias": True, "family": "qwen2"}, {"qk_norm": True, "family": "qwen3"}]
    model = decoder(**changes[family])
    pieces = [some_tokens(1, n, seed) for seed, n in enumerate(lengths)]
    segments = torch.cat([torch.full((1, n), i) for i, n in enumerate(lengths)], dim=1)
    packed = model(torch.cat(pieces, dim=1), segments=segments)
    alone = torch.cat([model(piece) for piece in pieces], dim=1)
    torch.testing.assert_close(packed, alone, atol=1e-4, rtol=1e-4)


def test_segment_positions_restart():
    segments = torch.tensor([[3, 3, 3, 1, 1, -1], [0, 1, 1, 1, 2, 2]])
    expected = torch.tensor([[0, 1, 2, 0, 1, 0], [0, 0, 1, 2, 0, 1]])
    assert torch.equal(segment_positions(segments), expected)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_batched_decoding_equals_each_sequence_alone(data):
    """Padded prompts of different lengths, then one token a row, in any slots of a used cache."""
    model = decoder()
    lengths = data.draw(st.lists(st.integers(1, 10), min_size=1, max_size=4))
    extra = data.draw(st.integers(1, 4))
    slots = torch.tensor(data.draw(st.permutations(range(6))))[: len(lengths)]
    texts = [some_tokens(1, n + extra, seed) for seed, n in enumerate(lengths)]
    cache = KeyValueCache(model.config, slots=6, context=20)
    for tensor in (*cache.keys, *cache.values):
        tensor.fill_(7.0)  # what an earlier owner of the slots left behind
    longest = max(lengths)
    prompt = torch.zeros(len(lengths), longest, dtype=torch.int64)
    positions = torch.full_like(prompt, -1)
    for row, (text, n) in enumerate(zip(texts, lengths, strict=True)):
        prompt[row, :n] = text[0, :n]
        positions[row, :n] = torch.arange(n)
    first = model(prompt, positions=positions, cache=cache, slots=slots)
    got = [[first[row, : lengths[row]]] for row in range(len(lengths))]
    for step in range(extra):
        column = torch.tensor([[n + step] for n in lengths])
        following = torch.stack(
            [t[0, n + step : n + step + 1] for t, n in zip(texts, lengths, strict=True)]
        )
        logits = model(following, positions=column, cache=cache, slots=slots)
        for row in range(len(lengths)):
            got[row].append(logits[row])
    for row, text in enumerate(texts):
        torch.testing.assert_close(torch.cat(got[row]), model(text)[0], atol=1e-4, rtol=1e-4)


def test_rows_finish_at_different_times():
    """A subset of the slots may go on alone."""
    model = decoder()
    cache = KeyValueCache(model.config, slots=3, context=16)
    tokens = some_tokens(3, 6)
    positions = torch.arange(6).expand(3, 6)
    model(tokens, positions=positions, cache=cache, slots=torch.tensor([2, 0, 1]))
    more = some_tokens(1, 1, seed=9)
    got = model(more, positions=torch.tensor([[6]]), cache=cache, slots=torch.tensor([0]))
    expected = model(torch.cat((tokens[1:2], more), dim=1))[:, -1:]
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


def test_cache_refuses_what_does_not_fit():
    model = decoder()
    cache = KeyValueCache(model.config, slots=1, context=4)
    with pytest.raises(ValueError, match="beyond the cache's 4"):
        model(some_tokens(1, 5), cache=cache)
    with pytest.raises(ValueError, match="exclude each other"):
        model(some_tokens(1, 2), cache=cache, segments=torch.zeros(1, 2, dtype=torch.int64))


@pytest.mark.parametrize("tied", [True, False])
def test_loss_and_gradients_equal_plain_cross_entropy(tied):
    model = decoder(tied=tied).requires_grad_(True)
    tokens = some_tokens(3, 16)
    targets = tokens.roll(-1, 1)
    targets[:, ::3] = -100
    segments = (torch.arange(16) // 6).expand(3, 16)
    total, count = model.loss(tokens, targets, segments=segments)
    (total / count).backward()
    ours = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    logits = model(tokens, segments=segments)
    plain = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    plain.backward()
    assert count == int((targets != -100).sum())
    torch.testing.assert_close(total / count, plain)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("cap", [None, 2.0])
def test_blocks_of_rows_make_no_difference(monkeypatch, cap):
    monkeypatch.setattr(loss, "BLOCK_BYTES", 16 * 4 * 7)
    monkeypatch.setattr(loss, "NEAR", 3 * 7)
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(2 * 16 + 5, 4, generator=generator, requires_grad=True)
    weight = torch.randn(7, 4, generator=generator, requires_grad=True)
    targets = torch.randint(0, 7, (len(hidden),), generator=generator)
    ours = linear_cross_entropy(hidden, weight, targets, cap)
    logits = hidden @ weight.T if cap is None else cap * torch.tanh(hidden @ weight.T / cap)
    plain = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
    torch.testing.assert_close(ours, plain)
    wanted = torch.autograd.grad(plain, (hidden, weight))
    for mine, other in zip(torch.autograd.grad(ours, (hidden, weight)), wanted, strict=True):
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-4)


def test_losses_that_share_a_block_keep_their_own_gradients():
    """Two of one graph, one scored in between: nothing holds what the next one overwrites."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(7, 4, generator=generator, requires_grad=True)
    first, second = (torch.randn(9, 4, generator=generator, requires_grad=True) for _ in range(2))
    targets = torch.randint(0, 7, (9,), generator=generator)
    one = linear_cross_entropy(first, weight, targets)
    with torch.inference_mode():
        linear_cross_entropy(second.detach() * 3, weight.detach(), targets)
    two = linear_cross_entropy(second, weight, targets)
    plain = torch.nn.functional.cross_entropy
    rows = [plain(hidden @ weight.T, targets, reduction="sum") for hidden in (first, second)]
    inputs = (first, second, weight)
    ours = torch.autograd.grad(one + 2 * two, inputs)
    for mine, other in zip(ours, torch.autograd.grad(rows[0] + 2 * rows[1], inputs), strict=True):
        torch.testing.assert_close(mine, other)


def test_losses_beyond_the_smallest_probability_are_exact():
    hidden = torch.tensor([[400.0], [1.0]], requires_grad=True)
    weight = torch.tensor([[1.0], [0.0], [-1.0]])
    targets = torch.tensor([2, 0])
    ours = linear_cross_entropy(hidden, weight, targets)
    plain = torch.nn.functional.cross_entropy(hidden @ weight.T, targets, reduction="sum")
    assert plain.item() > 800
    torch.testing.assert_close(ours, plain)
    (mine,) = torch.autograd.grad(ours, hidden)
    torch.testing.assert_close(mine, torch.autograd.grad(plain, hidden)[0])


def test_no_target_no_loss():
    model = decoder()
    tokens = some_tokens(2, 5)
    total, count = model.loss(tokens, torch.full_like(tokens, -100))
    assert (float(total), count) == (0.0, 0)


def test_weights_depend_on_the_seed_and_on_nothing_else():
    before = torch.random.get_rng_state()
    first, again, other = Decoder(TINY, 5), Decoder(TINY, 5), Decoder(TINY, 6)
    assert torch.equal(torch.random.get_rng_state(), before)
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.embedding.weight, other.embedding.weight)
    torch.manual_seed(0)
    assert torch.equal(Decoder(TINY, 5).embedding.weight, first.embedding.weight)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key_value_heads": 3}, "cannot share 3"),
        ({"head_dim": 7}, "even number"),
        ({"layers": 0}, "'layers' must be at least 1"),
        ({"windows": (4,)}, "windows must hold 2"),
        ({"experts": 2, "experts_per_token": 3}, "3 of 2 experts"),
    ],
)
def test_impossible_configs_are_refused_by_name(changes, words):
    with pytest.raises(ModelError, match=words):
        dataclasses.replace(TINY, **changes)


def test_recomputing_activations_changes_no_gradient():
    model = Decoder(TINY, seed=1)
    tokens = torch.arange(12).view(2, 6)
    found = []
    for again in (False, True):
        model.recompute = again
        model.zero_grad()
        total, _ = model.loss(tokens, tokens.roll(-1, 1))
        total.backward()
        found.append([p.grad.clone() for p in model.parameters()])
    assert all(torch.equal(one, two) for one, two in zip(*found, strict=True))
