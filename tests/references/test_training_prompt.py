"""Our prompt tuning against PEFT's: it loads ours, we load its, and the logits are equal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import GPT2, TINY

from goldsmith.errors import ModelError
from goldsmith.models import Decoder, load_model, save_model
from goldsmith.training import load_tuned
from goldsmith.training.adapter_files import load_adapter, save_adapter, save_merged
from goldsmith.training.adapters import PromptSpec, attach_prompt

peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

GEMMA = replace(
    TINY,
    family="gemma2",
    norm_offset=True,
    post_norms=True,
    activation="gelu_tanh",
    embedding_scale=32**0.5,
    query_scale=8,
    attention_cap=50.0,
    logit_cap=30.0,
)
TOKENS = torch.arange(40).view(2, 20)
SETTINGS = {"task_type": "CAUSAL_LM", "num_virtual_tokens": 5}


def auto(folder: Path):
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation="eager"
    ).eval()


def spoken(theirs, tokens):
    """What a PEFT model says of the tokens, the prompt's own logits left out."""
    with torch.no_grad():
        return theirs.eval()(tokens).logits[:, -tokens.shape[1] :]


@pytest.mark.parametrize("config", [TINY, GEMMA, GPT2], ids=lambda c: c.family)
def test_a_prompt_of_peft_gives_its_logits_and_ours_goes_back(tmp_path, config):
    save_model(Decoder(config, seed=1), tmp_path / "base")
    settings = peft.PromptTuningConfig(**SETTINGS)
    theirs = peft.get_peft_model(auto(tmp_path / "base"), settings)
    theirs.save_pretrained(tmp_path / "theirs")
    model = load_model(tmp_path / "base")
    plain = model(TOKENS)
    load_adapter(model, tmp_path / "theirs")
    with torch.no_grad():
        ours = model(TOKENS)
    assert float((spoken(theirs, TOKENS) - ours).abs().max()) <= 1e-4
    assert float((plain - ours).abs().max()) > 0.01

    save_adapter(model, tmp_path / "ours", "../base")
    again = peft.PeftModel.from_pretrained(auto(tmp_path / "base"), tmp_path / "ours")
    assert float((spoken(again, TOKENS) - ours).abs().max()) <= 1e-4
    save_merged(model, tmp_path / "merged", None)
    with torch.no_grad():
        assert torch.equal(load_tuned(tmp_path / "merged")(TOKENS), ours)
    beside = peft.PeftModel.from_pretrained(auto(tmp_path / "merged"), tmp_path / "merged/prompt")
    assert float((spoken(beside, TOKENS) - ours).abs().max()) <= 1e-4


def test_rows_of_the_vocabulary_are_those_that_peft_takes(tmp_path):
    save_model(Decoder(GEMMA, seed=1), tmp_path / "base")
    model, plain = load_model(tmp_path / "base"), auto(tmp_path / "base")
    attach_prompt(model, PromptSpec(5), seed=0, ids=[7, 3])
    table = plain.get_input_embeddings()
    torch.testing.assert_close(
        model.prompt.rows, table(torch.tensor([7, 3, 7, 3, 7])).detach(), atol=1e-6, rtol=1e-5
    )


def test_gradients_of_the_prompt_are_those_of_peft(tmp_path):
    save_model(Decoder(TINY, seed=1), tmp_path / "base")
    theirs = peft.get_peft_model(auto(tmp_path / "base"), peft.PromptTuningConfig(**SETTINGS))
    theirs.save_pretrained(tmp_path / "theirs")
    model = load_model(tmp_path / "base")
    load_adapter(model, tmp_path / "theirs")
    theirs(TOKENS).logits[:, 5:].square().mean().backward()
    model(TOKENS).square().mean().backward()
    learned = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learned == {"prompt.rows"}
    (slope,) = (p.grad for p in theirs.parameters() if p.requires_grad)
    torch.testing.assert_close(model.prompt.rows.grad, slope, atol=1e-6, rtol=1e-3)


def test_a_prompt_for_another_model_is_refused(tmp_path):
    save_model(Decoder(TINY, seed=1), tmp_path / "base")
    theirs = peft.get_peft_model(auto(tmp_path / "base"), peft.PromptTuningConfig(**SETTINGS))
    theirs.save_pretrained(tmp_path / "theirs")
    with pytest.raises(ModelError, match=r"another shape than \(5, 16\); the adapter belongs"):
        load_adapter(Decoder(replace(TINY, width=16)), tmp_path / "theirs")
    path = tmp_path / "theirs/adapter_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "num_virtual_tokens": 4}))
    with pytest.raises(ModelError, match="prompt_embeddings' is missing or has another shape"):
        load_adapter(Decoder(TINY), tmp_path / "theirs")
    path.write_text(json.dumps({**config, "peft_type": "P_TUNING"}))
    with pytest.raises(ModelError, match="prompt tuning are read, not P_TUNING"):
        load_adapter(Decoder(TINY), tmp_path / "theirs")
