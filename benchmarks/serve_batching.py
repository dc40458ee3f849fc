"""Tokens a second of the engine at 1, 4 and 16 concurrent streams, and whether they are the same.

A random decoder of Goldsmith's default shape, greedy, every stream to its full length. The tokens
of each stream must be those it gets alone: speed that changes answers does not count.
"""

from __future__ import annotations

import time

import torch
from harness import print_result

from goldsmith.engine import Engine, Request
from goldsmith.models import Decoder, ModelConfig
from goldsmith.project import ModelSettings, ServeSettings

PROMPT, ANSWER, STREAMS, REPETITIONS = 64, 128, (1, 4, 16), 3


class Wordless:
    """Text is not what is measured."""

    def decode(self, ids: object) -> str:
        return ""


def main() -> None:
    shape = ModelSettings()
    config = ModelConfig(
        vocabulary=4096,
        width=shape.width,
        layers=shape.layers,
        heads=shape.heads,
        key_value_heads=shape.key_value_heads,
        head_dim=shape.width // shape.heads,
        hidden=shape.hidden,
        context=512,
    )
    generator = torch.Generator().manual_seed(0)
    prompts = torch.randint(4096, (max(STREAMS), PROMPT), generator=generator).tolist()
    requests = [Request(tuple(prompt), ANSWER, temperature=0.0) for prompt in prompts]
    figures: dict[str, float] = {}
    with Engine(Decoder(config, seed=0), Wordless(), ServeSettings(batch=max(STREAMS))) as engine:
        alone = [engine.generate([request])[0].tokens for request in requests]
        best = dict.fromkeys(STREAMS, 0.0)
        # Interleaved, so that a busy moment of the machine hits all of them.
        for _ in range(REPETITIONS):
            for streams in STREAMS:
                started = time.perf_counter()
                answers = engine.generate(requests[:streams])
                seconds = time.perf_counter() - started
                best[streams] = max(best[streams], streams * ANSWER / seconds)
                assert [answer.tokens for answer in answers] == alone[:streams]
    for streams in STREAMS:
        figures[f"tokens_per_second_{streams}"] = round(best[streams], 1)
    figures["speedup_16"] = round(best[16] / best[1], 2)
    print_result("serve_batching", figures)


if __name__ == "__main__":
    main()
