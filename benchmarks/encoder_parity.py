"""One encoder against transformers: logits of its head, gradients, decisions, bytes and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from model_families import VOCABULARY
from safetensors.torch import load_file

from goldsmith.models import TextEncoder, load_text_encoder, save_text_encoder
from goldsmith.models.encoder_folders import public_name

LENGTH = 40


def compare_encoder(theirs: Any, folder: Path) -> dict[str, Any]:
    """Compare one transformers encoder with ours, made from the folder it writes.

    The second row is padded, and the types differ within a row, so that both matter.
    """
    theirs.save_pretrained(folder / "theirs")
    ours = load_text_encoder(folder / "theirs")
    generator = torch.Generator().manual_seed(7)
    tokens = torch.randint(3, VOCABULARY, (2, LENGTH), generator=generator)
    mask = torch.ones_like(tokens)
    tokens[1, 30:], mask[1, 30:] = ours.config.pad, 0
    types = (torch.arange(LENGTH) > 15).long().expand(2, -1) * (ours.config.token_types - 1)
    batch = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": types}
    wanted = outputs(theirs, batch)
    got = our_outputs(ours, tokens, mask, types)
    row: dict[str, Any] = {
        "logits": max((w - g).abs().max().item() for w, g in zip(wanted, got, strict=True)),
        "largest_logit": max(w.abs().max().item() for w in wanted),
        "greedy": all(
            torch.equal(w.argmax(-1), g.argmax(-1)) for w, g in zip(wanted, got, strict=True)
        ),
    }
    ours.requires_grad_(True)
    sum(w.pow(2).mean() for w in wanted).backward()
    sum(g.pow(2).mean() for g in our_outputs(ours, tokens, mask, types)).backward()
    reference = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    row["gradients"] = max(
        float((p.grad - reference[public_name(name, ours.config, ours.task)]).abs().max())
        for name, p in ours.named_parameters()
        if p.grad is not None
    )
    save_text_encoder(ours, folder / "ours")
    one = load_file(folder / "theirs/model.safetensors")
    two = load_file(folder / "ours/model.safetensors")
    again = outputs(type(theirs).from_pretrained(folder / "ours").eval(), batch)
    row["round_trip"] = all(torch.equal(one[name], two[name]) for name in two) and all(
        torch.equal(a, w) for a, w in zip(again, wanted, strict=True)
    )
    return row


def outputs(theirs: Any, batch: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """Return the reference's logits, or its last hidden states where it has no head."""
    result = theirs(**batch)
    names = ("prediction_logits", "seq_relationship_logits", "logits", "start_logits", "end_logits")
    found = [result[name] for name in names if name in result] or [result.last_hidden_state]
    return [_visible(each, batch["attention_mask"]) for each in found]


def our_outputs(
    ours: TextEncoder, tokens: torch.Tensor, mask: torch.Tensor, types: torch.Tensor
) -> list[torch.Tensor]:
    """Return ours in the same order."""
    if ours.task == "embedding":
        return [_visible(ours.encoder.encode(tokens, mask, types), mask)]
    found = ours(tokens, mask, types)
    if ours.task == "span":
        return [_visible(each, mask) for each in found["span"].unbind(-1)]
    names = ("masked", "next sentence", "class", "tags")
    return [_visible(found[name], mask) for name in names if name in found]


def _visible(output: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Zeros at padding, whose embedding the reference never moves and ours never uses."""
    if output.shape[:2] != mask.shape:
        return output
    return output * (mask if output.ndim == 2 else mask[..., None])
