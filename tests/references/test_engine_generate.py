"""The engine's greedy tokens against transformers.generate on the same saved folder."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from goldsmith.engine import Engine, Request
from goldsmith.models import Decoder, ModelConfig, load_model, save_model
from goldsmith.project import ServeSettings

transformers = pytest.importorskip("transformers")


class Wordless:
    def decode(self, ids):
        return ""


@pytest.mark.parametrize("family", ["llama", "qwen3"])
@pytest.mark.parametrize("penalty", [1.0, 1.7])
def test_greedy_output_equals_generate(tmp_path, family, penalty):
    config = ModelConfig(
        vocabulary=300,
        width=32,
        layers=2,
        heads=4,
        key_value_heads=2,
        head_dim=8,
        hidden=64,
        context=128,
        eos=(1,),
        pad=0,
        family=family,
        qk_norm=family == "qwen3",
    )
    model = Decoder(config, seed=1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(8.0)
    save_model(model, tmp_path / "model")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    random = np.random.default_rng(0)
    prompts = [tuple(int(t) for t in random.integers(2, 300, size=size)) for size in (1, 7, 30, 64)]
    with Engine(load_model(tmp_path / "model"), Wordless(), ServeSettings(batch=3)) as engine:
        ours = engine.generate(
            [Request(p, 40, temperature=0.0, repetition_penalty=penalty) for p in prompts]
        )
    for prompt, completion in zip(prompts, ours, strict=True):
        with torch.inference_mode():
            tokens = theirs.generate(
                torch.tensor([prompt]),
                attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
                max_new_tokens=40,
                do_sample=False,
                repetition_penalty=penalty,
                pad_token_id=0,
                eos_token_id=1,
            )
        assert list(completion.tokens) == tokens[0, len(prompt) :].tolist()
