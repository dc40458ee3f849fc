from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
import torch

from goldsmith.engine import Engine, EngineClosedError, Piece, QueueFullError, Request, RequestError
from goldsmith.errors import UserError
from goldsmith.project import ServeSettings
from goldsmith.training.adapters import PromptSpec, attach_prompt

from .parts import random_decoder

NO_END: frozenset[int] = frozenset()


def prompts(count: int, seed: int = 0) -> list[tuple[int, ...]]:
    random = np.random.default_rng(seed)
    return [
        tuple(int(t) for t in random.integers(4, 260, size=random.integers(1, 40)))
        for _ in range(count)
    ]


def greedy(decoder, prompt, count):
    """The plain loop without a cache: the whole prefix again for each token."""
    tokens = list(prompt)
    with torch.inference_mode():
        for _ in range(count):
            tokens.append(int(decoder(torch.tensor([tokens]))[0, -1].argmax()))
    return tuple(tokens[len(prompt) :])


def test_greedy_tokens_are_those_of_the_plain_loop(engine, decoder):
    requests = [
        Request(prompt, maximum_tokens=12, temperature=0.0, stop_ids=NO_END)
        for prompt in prompts(9)
    ]
    for request, completion in zip(requests, engine.generate(requests), strict=True):
        assert completion.tokens == greedy(decoder, request.prompt, 12)
        assert completion.finish == "length"


@pytest.mark.parametrize("options", [{}, {"top_p": 0.8}, {"top_k": 20}, {"min_p": 0.05}])
def test_seeded_tokens_are_the_same_alone_and_in_a_batch(engine, options):
    requests = [
        Request(prompt, maximum_tokens=16, seed=i, temperature=0.9, stop_ids=NO_END, **options)
        for i, prompt in enumerate(prompts(10, seed=1))
    ]
    together = engine.generate(requests)
    alone = [engine.generate([request])[0] for request in requests]
    assert together == alone
    assert len({completion.tokens for completion in together}) == len(requests)


def test_another_seed_draws_other_tokens(engine):
    prompt = prompts(1)[0]
    answers = engine.generate(
        [Request(prompt, maximum_tokens=16, seed=seed, stop_ids=NO_END) for seed in (1, 2, 1)]
    )
    assert answers[0] == answers[2] != answers[1]


def test_a_long_prompt_is_prefilled_in_chunks(decoder, vocabulary, monkeypatch):
    prompt = tuple(int(t) for t in np.random.default_rng(3).integers(4, 260, size=200))
    monkeypatch.setattr("goldsmith.engine.scheduler.PREFILL_CHUNK", 64)
    with Engine(decoder, vocabulary, ServeSettings(batch=2)) as engine:
        requests = [Request(prompt, 8, temperature=0.0, stop_ids=NO_END)] * 3
        for completion in engine.generate(requests):
            assert completion.tokens == greedy(decoder, prompt, 8)


def test_a_prompt_of_the_model_goes_before_every_request(vocabulary):
    model = random_decoder()
    plain = greedy(model, prompts(1)[0], 12)
    attach_prompt(model, PromptSpec(5), seed=1)
    with torch.no_grad():
        model.prompt.rows *= 30.0
    asked = prompts(5)
    with Engine(model, vocabulary, ServeSettings(batch=2, queue=8, context=64)) as engine:
        assert engine.context == 64 - 5
        answers = engine.generate(
            Request(prompt=p, maximum_tokens=12, temperature=0.0, stop_ids=NO_END) for p in asked
        )
    said = [answer.tokens for answer in answers]
    assert said == [greedy(model, prompt, 12) for prompt in asked]
    assert said[0] != plain
    with pytest.raises(UserError, match=r"5 virtual tokens fills its context of 5"):
        Engine(model, vocabulary, ServeSettings(context=5))


def test_end_token_ends_without_showing(engine, decoder):
    request = Request(prompts(1)[0], maximum_tokens=8, temperature=0.0, stop_ids=NO_END)
    tokens = engine.generate([request])[0].tokens
    end = tokens[3]
    ended = engine.generate(
        [Request(request.prompt, 8, temperature=0.0, stop_ids=frozenset({end}))]
    )[0]
    assert ended.finish == "stop"
    assert ended.tokens == tokens[: tokens.index(end) + 1]


def test_stop_string_over_token_borders_is_never_shown(engine):
    base = {"prompt": prompts(1, seed=5)[0], "temperature": 0.0, "stop_ids": NO_END}
    text = engine.generate([Request(**base, maximum_tokens=40)])[0].text
    stop = text[10:14]
    cut = engine.generate([Request(**base, maximum_tokens=40, stop=(stop, "never"))])[0]
    assert cut.finish == "stop"
    assert cut.text == text[: text.index(stop)]


def test_a_bad_request_fails_alone(engine, decoder):
    good = Request(prompts(1)[0], 6, temperature=0.0, stop_ids=NO_END)
    bad = [
        Request((), 6),
        Request((1000,), 6),
        Request((5,), 0),
        Request((5,), 1000),
        Request((5,), 6, temperature=float("nan")),
        Request((5,), 6, top_p=1.5),
        Request((5,), 6, logit_bias={-1: 1.0}),
        Request((5,), 6, stop=("",)),
    ]
    answers = engine.generate([good, *bad, good])
    assert answers[0].tokens == answers[-1].tokens == greedy(decoder, good.prompt, 6)
    for answer in answers[1:-1]:
        assert answer.finish == "error"
        assert answer.message


def test_a_failing_step_ends_only_its_own_sequence(decoder, vocabulary):
    with Engine(decoder, vocabulary, ServeSettings(batch=4)) as engine:
        decode = engine._runner.decode

        def failing(slots, tokens, positions):
            if 1 in slots:
                raise RuntimeError("out of memory for slot 1")
            return decode(slots, tokens, positions)

        engine._runner.decode = failing
        request = Request(prompts(1)[0], 6, temperature=0.0, stop_ids=NO_END)
        answers = engine.generate([request] * 3)
    assert sorted(answer.finish for answer in answers) == ["error", "length", "length"]
    assert "slot 1" in next(a.message for a in answers if a.finish == "error")
    assert {a.tokens for a in answers if a.finish == "length"} == {
        greedy(decoder, request.prompt, 6)
    }


def test_logits_that_are_not_numbers_end_one_sequence(decoder, vocabulary):
    with Engine(decoder, vocabulary, ServeSettings(batch=4)) as engine:
        prefill = engine._runner.prefill

        def spoiled(slot, tokens, start):
            row = prefill(slot, tokens, start).copy()
            if tokens[0] == 7:
                row[3] = np.nan
            return row

        engine._runner.prefill = spoiled
        answers = engine.generate([Request((7,), 3), Request((8,), 3, stop_ids=NO_END)])
    assert [answer.finish for answer in answers] == ["error", "length"]


def test_logprobs_are_those_of_the_model(engine, decoder):
    request = Request(prompts(1)[0], 4, temperature=0.0, logprobs=5, stop_ids=NO_END)
    answer = engine.generate([request])[0]
    tokens = [*request.prompt, *answer.tokens]
    with torch.inference_mode():
        expected = decoder(torch.tensor([tokens]))[0].double().log_softmax(-1)
    for step, about in enumerate(answer.logprobs):
        row = expected[len(request.prompt) - 1 + step]
        assert about.logprob == pytest.approx(float(row[about.token]), abs=1e-4)
        best = row.topk(5)
        assert [token for token, _ in about.top] == best.indices.tolist()
        assert [value for _, value in about.top] == pytest.approx(best.values.tolist(), abs=1e-4)


def test_bias_and_penalties_act(engine):
    prompt = prompts(1)[0]
    forced = engine.generate([Request(prompt, 5, temperature=0.0, logit_bias={42: 100.0})])[0]
    assert forced.tokens == (42,) * 5
    plain, varied = engine.generate(
        [
            Request(prompt, 30, temperature=0.0, repetition_penalty=p, stop_ids=NO_END)
            for p in (1, 99)
        ]
    )
    assert len(set(varied.tokens)) == 30 > len(set(plain.tokens))


def test_queue_is_bounded_and_slots_are_reused(decoder, vocabulary):
    with Engine(decoder, vocabulary, ServeSettings(batch=1, queue=2)) as engine:
        gate = threading.Event()
        held = threading.Event()

        def hold(piece: Piece) -> None:
            held.set()
            gate.wait()

        request = Request((5,), 3, stop_ids=NO_END)
        engine.start(request, hold)
        held.wait()
        done = [threading.Event() for _ in range(2)]
        for event in done:
            engine.start(request, lambda piece, event=event: piece.finish and event.set())
        with pytest.raises(QueueFullError):
            engine.start(request, lambda piece: None)
        assert (engine.figures.running, engine.figures.waiting) == (1, 2)
        gate.set()
        for event in done:
            assert event.wait(10)


def test_abort_frees_the_slot_in_every_phase(decoder, vocabulary):
    async def run() -> None:
        with Engine(decoder, vocabulary, ServeSettings(batch=1, queue=4)) as engine:
            long = Request((5, 6), 250, stop_ids=NO_END)
            running = engine.submit(long)
            waiting = engine.submit(long)
            pieces = aiter(running)
            await anext(pieces)
            waiting.abort()
            _, last = [piece async for piece in waiting][-1]
            assert last.finish == "abort"
            running.abort()
            after = [piece async for piece in engine.submit(Request((5,), 3, stop_ids=NO_END))]
            assert after[-1][1].finish == "length"
            assert engine._scheduler.free_slots == 1
            assert engine._scheduler.idle
            assert engine.figures.finished["abort"] == 2

    asyncio.run(run())


def test_closing_aborts_what_is_left(decoder, vocabulary):
    engine = Engine(decoder, vocabulary, ServeSettings(batch=1))
    finishes: list[str | None] = []
    for _ in range(3):
        engine.start(Request((5,), 255, stop_ids=NO_END), lambda p: finishes.append(p.finish))
    engine.close()
    assert [finish for finish in finishes if finish] == ["abort"] * 3
    with pytest.raises(EngineClosedError):
        engine.start(Request((5,), 3), lambda piece: None)


def test_figures_count_tokens(engine):
    engine.generate([Request((5, 6, 7), 4, stop_ids=NO_END)] * 3)
    figures = engine.figures
    assert (figures.tokens_in, figures.tokens_out) == (9, 12)
    assert sum(figures.first_token_seconds.counts) == 3
    assert sum(figures.token_seconds.counts) == 9
    assert figures.finished["length"] == 3


def test_a_refused_request_names_its_field(engine):
    with pytest.raises(RequestError) as caught:
        engine.check(Request((5,), 6, min_p=2.0))
    assert caught.value.field == "min_p"
