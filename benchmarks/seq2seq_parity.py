"""One encoder-decoder against transformers: logits, gradients, beams, bytes and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from model_families import VOCABULARY
from safetensors.torch import load_file

from goldsmith.models import beam_search, load_seq2seq, save_seq2seq
from goldsmith.models.seq2seq_folders import sequence_name

LENGTH = 40
WRITTEN = 24
BEAMS = (1, 3)


def compare_seq2seq(theirs: Any, folder: Path) -> dict[str, Any]:
    """Compare one transformers encoder-decoder with ours, made from the folder it writes."""
    theirs.save_pretrained(folder / "theirs")
    ours = load_seq2seq(folder / "theirs")
    config = ours.config
    generator = torch.Generator().manual_seed(7)
    tokens = torch.randint(3, VOCABULARY - 1, (2, LENGTH), generator=generator)
    mask = torch.ones_like(tokens)
    tokens[1, 29:], mask[1, 29:] = config.pad, 0
    targets = torch.randint(3, VOCABULARY - 1, (2, 31), generator=generator)
    targets[1, 20:] = -100
    batch = {"input_ids": tokens, "attention_mask": mask}
    result = theirs(**batch, labels=targets)
    result.loss.backward()
    wanted = result.logits.detach()
    ours.requires_grad_(True)
    total, count = ours.loss(tokens, mask, targets)
    (total / count).backward()
    shifted = targets.roll(1, 1).masked_fill(targets.roll(1, 1) == -100, config.pad)
    shifted[:, 0] = config.start
    got = ours(tokens, mask, shifted).detach()
    reference = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    mine = {
        sequence_name(name, config): p.grad
        for name, p in ours.named_parameters()
        if p.grad is not None and name != "logit_bias"
    }
    assert set(mine) == set(reference), sorted(set(mine) ^ set(reference))[:3]
    # The reference never moves the row of padding.
    real = torch.arange(VOCABULARY) != config.pad
    row: dict[str, Any] = {
        "logits": (wanted - got).abs().max().item(),
        "largest_logit": wanted.abs().max().item(),
        "gradients": max(
            (grad - reference[name])[real if len(grad) == VOCABULARY else slice(None)]
            .abs()
            .max()
            .item()
            for name, grad in mine.items()
        ),
        "greedy": all(same_beams(theirs, ours, batch, beams) for beams in BEAMS),
    }
    ours.requires_grad_(False)
    save_seq2seq(ours, folder / "ours")
    one = load_file(folder / "theirs/model.safetensors")
    two = load_file(folder / "ours/model.safetensors")
    again = type(theirs).from_pretrained(folder / "ours").eval()
    # With gradients, as above: without them another attention kernel runs.
    logits = again(**batch, labels=targets).logits.detach()
    row["round_trip"] = (
        one.keys() == two.keys()
        and all(torch.equal(one[name], two[name]) for name in one)
        and torch.equal(logits, wanted)
    )
    return row


def same_beams(theirs: Any, ours: Any, batch: dict[str, torch.Tensor], beams: int) -> bool:
    """Whether beam search gives the same tokens, the padding behind the end left out."""
    for penalty in (1.0, 0.4):
        wanted = theirs.generate(
            **batch,
            num_beams=beams,
            max_new_tokens=WRITTEN,
            length_penalty=penalty,
            do_sample=False,
        )
        got = beam_search(
            ours,
            batch["input_ids"],
            batch["attention_mask"],
            beams=beams,
            maximum=WRITTEN,
            penalty=penalty,
        )
        for row, beam in zip(wanted.tolist(), got, strict=True):
            if row[: len(beam.tokens)] != list(beam.tokens):
                return False
            if any(token != ours.config.pad for token in row[len(beam.tokens) :]):
                return False
    return True
