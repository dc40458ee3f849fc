"""Our models against transformers: tiny random models of every family, several configs each.

For each: transformers writes a folder, ours reads it. Then logits, gradients of every public
tensor under the same loss, greedy continuations (ours through the cache), and the bytes of every
tensor and the logits after ours wrote the folder and transformers read it back.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from encoder_parity import compare_encoder
from harness import print_result
from model_families import ENCODERS, SEQ2SEQ, VOCABULARY, decoders, make_encoder, make_seq2seq
from safetensors.torch import load_file
from seq2seq_parity import compare_seq2seq

from goldsmith.models import Decoder, KeyValueCache, load_model, save_model
from goldsmith.models.families import places

LENGTH = 60
GREEDY = 24


def main() -> None:
    torch.set_num_threads(1)
    rows = []
    for family, number, theirs in decoders():
        with tempfile.TemporaryDirectory() as folder:
            row = compare_decoder(theirs, Path(folder))
        print(family, number, row, flush=True)
        rows.append({"family": family, **row})
    for family, tasks in ENCODERS.items():
        for task in tasks:
            with tempfile.TemporaryDirectory() as folder:
                row = compare_encoder(make_encoder(family, task), Path(folder))
            print(family, task, row, flush=True)
            rows.append({"family": family, **row})
    for family, (_, configs) in SEQ2SEQ.items():
        for number in range(len(configs)):
            with tempfile.TemporaryDirectory() as folder:
                row = compare_seq2seq(make_seq2seq(family, number), Path(folder))
            print(family, number, row, flush=True)
            rows.append({"family": family, **row})
    print_result("model_parity", summary(rows))


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of the claim over all configs."""
    return {
        "families": len({row["family"] for row in rows}),
        "configs": len(rows),
        "max_logit_diff": max(row["logits"] for row in rows),
        "max_grad_diff": max(row["gradients"] for row in rows),
        "greedy_equal": all(row["greedy"] for row in rows),
        "round_trip_equal": all(row["round_trip"] for row in rows),
        "smallest_largest_logit": min(row["largest_logit"] for row in rows),
    }


def compare_decoder(theirs: Any, folder: Path) -> dict[str, Any]:
    """Compare one transformers model with ours, made from the folder it writes."""
    theirs.save_pretrained(folder / "theirs")
    ours = load_model(folder / "theirs")
    tokens = torch.randint(3, VOCABULARY, (2, LENGTH), generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        wanted, got = theirs(tokens).logits, ours(tokens)
    row: dict[str, Any] = {
        "logits": float((wanted - got).abs().max()),
        "largest_logit": float(wanted.abs().max()),
        "gradients": gradient_difference(theirs, ours, tokens),
        "greedy": greedy_equal(theirs, ours, folder / "theirs", tokens),
    }
    save_model(ours, folder / "ours")
    row["round_trip"] = _same_bytes(folder / "theirs", folder / "ours") and torch.equal(
        logits_of(theirs, folder / "ours", tokens), wanted
    )
    return row


def gradient_difference(theirs: Any, ours: Decoder, tokens: torch.Tensor) -> float:
    """Return the largest difference of a gradient of the summed cross-entropy a token."""
    theirs.zero_grad()
    loss = torch.nn.functional.cross_entropy(
        theirs(tokens).logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()
    )
    loss.backward()
    ours.requires_grad_(True)
    ours.zero_grad()
    targets = torch.full_like(tokens, -100)
    targets[:, :-1] = tokens[:, 1:]
    config = ours.config
    total, count = plain_loss(ours, tokens, targets)
    (total / count).backward()
    # An expert that no token was sent to has no gradient.
    mine = {
        name: torch.zeros_like(p) if p.grad is None else p.grad
        for name, p in ours.named_parameters()
    }
    public = {
        place.public: torch.cat([mine[name] for name in place.ours])
        for place in places(config, frozenset(mine))
    }
    turned = {p.public for p in places(config, frozenset(mine)) if p.transposed}
    reference = public_gradients(theirs)
    assert set(public) <= set(reference), sorted(set(public) - set(reference))[:3]
    return max(
        float((reference[name] - (value.T if name in turned else value)).abs().max())
        for name, value in public.items()
    )


def plain_loss(
    model: Decoder, tokens: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, int]:
    """The loss without what a router adds in training, which transformers leaves out too."""
    object.__setattr__(model.config, "router_loss", 0.0)
    return model.loss(tokens, targets)


def public_gradients(theirs: Any) -> dict[str, torch.Tensor]:
    """Return transformers' gradients by its folders' names; fused experts are taken apart."""
    found: dict[str, torch.Tensor] = {}
    for name, parameter in theirs.named_parameters():
        gradient = parameter.grad
        if gradient is None:
            continue
        if name.endswith("mlp.experts.gate_up_proj"):
            stem = name.replace("mlp.experts.gate_up_proj", "block_sparse_moe.experts")
            for number, expert in enumerate(gradient):
                gate, up = expert.chunk(2, dim=0)
                found[f"{stem}.{number}.w1.weight"] = gate
                found[f"{stem}.{number}.w3.weight"] = up
        elif name.endswith("mlp.experts.down_proj"):
            stem = name.replace("mlp.experts.down_proj", "block_sparse_moe.experts")
            for number, expert in enumerate(gradient):
                found[f"{stem}.{number}.w2.weight"] = expert
        else:
            found[name.replace("mlp.gate.weight", "block_sparse_moe.gate.weight")] = gradient
    return found


def greedy_equal(theirs: Any, ours: Decoder, folder: Path, tokens: torch.Tensor) -> bool:
    """Whether both continue alike.

    Theirs computes the whole sequence anew for each token, so that there is no cache to trust. Only
    under dynamic rope scaling that is another function than decoding with a cache (earlier keys
    keep the rotation of a shorter sequence): there a fresh model of theirs decodes with its cache.
    """
    scaling = ours.config.rope_scaling
    if scaling is not None and scaling.kind == "dynamic":
        fresh = type(theirs).from_pretrained(folder).eval()
        wanted = fresh.generate(tokens, max_new_tokens=GREEDY, min_new_tokens=GREEDY)
        return torch.equal(wanted, our_greedy(ours, tokens, [LENGTH]))
    return torch.equal(their_greedy(theirs, tokens), our_greedy(ours, tokens, [LENGTH // 2, 30]))


def their_greedy(theirs: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Continue greedily without a cache."""
    with torch.no_grad():
        for _ in range(GREEDY):
            following = theirs(tokens, use_cache=False).logits[:, -1:].argmax(-1)
            tokens = torch.cat((tokens, following), 1)
    return tokens


def our_greedy(ours: Decoder, tokens: torch.Tensor, pieces: list[int]) -> torch.Tensor:
    """Continue greedily through the cache, the prompt in pieces of these lengths."""
    ours.requires_grad_(False)
    cache = KeyValueCache(ours.config, 2, tokens.shape[1] + GREEDY)
    waiting = list(tokens.split(pieces, 1))
    start = 0
    while tokens.shape[1] < LENGTH + GREEDY:
        piece = waiting.pop(0)
        positions = torch.arange(start, start + piece.shape[1]).expand(2, -1)
        logits = ours(piece, positions=positions, cache=cache)
        start += piece.shape[1]
        if not waiting:
            waiting = [logits[:, -1:].argmax(-1)]
            tokens = torch.cat((tokens, waiting[0]), 1)
    return tokens


def logits_of(theirs: Any, folder: Path, tokens: torch.Tensor) -> torch.Tensor:
    """Return what transformers computes from the folder that ours wrote."""
    with torch.no_grad():
        logits: torch.Tensor = type(theirs).from_pretrained(folder).eval()(tokens).logits
    return logits


def _same_bytes(first: Path, second: Path) -> bool:
    one, two = load_file(first / "model.safetensors"), load_file(second / "model.safetensors")
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


if __name__ == "__main__":
    main()
