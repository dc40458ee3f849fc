"""Beam search over an encoder-decoder: the few best continuations at once, finished ones kept.

At each step every beam is followed by every token; the best of all go on, those that end are put
aside with their score, the sum of log-probabilities over length ** penalty. It stops when no beam
in hand can still beat the worst of the finished (early stopping off, as the usual default).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from goldsmith.models.seq2seq import DecodeState, EncoderDecoder


@dataclass(frozen=True)
class Beam:
    """One finished sequence: tokens with the start token first, and its score."""

    tokens: tuple[int, ...]
    score: float


def beam_search(
    model: EncoderDecoder,
    tokens: Tensor,
    mask: Tensor,
    *,
    beams: int,
    maximum: int,
    penalty: float = 1.0,
) -> list[Beam]:
    """Return the best target for each source row.

    tokens, mask: (batch, source). beams: 1 is greedy. maximum: tokens written at the most, the end
    token included. Ties go to the earlier beam, then to the smaller token.
    """
    return [
        _search(model, tokens[row : row + 1], mask[row : row + 1], beams, maximum, penalty)
        for row in range(tokens.shape[0])
    ]


@torch.no_grad()
def _search(
    model: EncoderDecoder, tokens: Tensor, mask: Tensor, beams: int, maximum: int, penalty: float
) -> Beam:
    config = model.config
    memory = model.encode(tokens, mask).expand(beams, -1, -1)
    mask = mask.expand(beams, -1)
    state = DecodeState()
    written = torch.full((beams, 1), config.start)
    # All beams begin equal: only the first may be followed at the first step.
    totals = torch.full((beams,), float("-inf"))
    totals[0] = 0.0
    finished: list[Beam] = []
    for length in range(1, maximum + 1):
        logits = model.decode(written[:, -1:], memory, mask, state)[:, -1]
        grown = totals[:, None] + logits.float().log_softmax(-1)
        best, places = grown.flatten().topk(2 * beams)
        parents, following = places // config.vocabulary, places % config.vocabulary
        ends = following == config.eos
        for rank in torch.nonzero(ends[:beams]).flatten().tolist():
            whole = (*written[parents[rank]].tolist(), config.eos)
            finished.append(Beam(whole, float(best[rank]) / length**penalty))
        finished = sorted(finished, key=lambda beam: -beam.score)[:beams]
        going = torch.nonzero(~ends).flatten()[:beams]
        totals = best[going]
        written = torch.cat((written[parents[going]], following[going, None]), 1)
        state.reorder(parents[going])
        reachable = float(totals[0]) / length**penalty
        if len(finished) == beams and finished[-1].score >= reachable:
            break
    else:
        finished += [
            Beam(tuple(row), float(total) / maximum**penalty)
            for row, total in zip(written.tolist(), totals, strict=True)
        ]
    return max(finished, key=lambda beam: beam.score)
