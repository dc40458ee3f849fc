"""What a decoder says of held-out texts: the sums that perplexity and bits per byte are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goldsmith.evaluation.language import Likelihood

if TYPE_CHECKING:
    from goldsmith.models import Decoder
    from goldsmith.tokenizers import Tokenizer

_TOKENS_AT_ONCE = 4096


def likelihoods(
    model: Decoder, tokenizer: Tokenizer, texts: Sequence[str], context: int
) -> list[Likelihood]:
    """Return one Likelihood a text, in nats.

    A text longer than ``context`` tokens is read in windows that share one token, so that every
    token but the first is predicted once, the first of a window's with no context but its
    predecessor. After BOS, where there is one, the first is predicted too.
    """
    import torch
    from torch.nn import functional

    windows: list[tuple[int, list[int]]] = []
    sums = []
    for number, text in enumerate(texts):
        ids = tokenizer.encode(text)
        if tokenizer.bos is not None:
            ids = [tokenizer.bos, *ids]
            size = len(text.encode("utf-8"))
        else:
            size = len(tokenizer.decode(ids[1:]).encode("utf-8"))
        sums.append([0.0, max(len(ids) - 1, 0), size])
        step = context - 1
        windows += [(number, ids[at : at + context]) for at in range(0, len(ids) - 1, step)]
    windows.sort(key=lambda pair: (len(pair[1]), pair))
    rows = max(_TOKENS_AT_ONCE // context, 1)
    with torch.inference_mode():
        for start in range(0, len(windows), rows):
            part = windows[start : start + rows]
            longest = max(len(ids) for _, ids in part)
            tokens = torch.zeros(len(part), longest, dtype=torch.int64)
            for row, (_, ids) in enumerate(part):
                tokens[row, : len(ids)] = torch.tensor(ids)
            logits = model(tokens).float()
            losses = functional.cross_entropy(
                logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none"
            )
            for row, (number, ids) in enumerate(part):
                sums[number][0] += float(losses[row, : len(ids) - 1].double().sum())
    return [Likelihood(nll, int(count), int(size)) for nll, count, size in sums]
