"""A prompt that is learned: virtual tokens before every sequence (Lester et al. 2021).

They are numbered behind the vocabulary, so that a cache or a packed row holds them as it holds any
token; only their rows lie elsewhere, and no logit is theirs. A model with a prompt puts it before
each sequence by itself; with a cache the caller does, once, since it counts the positions.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from goldsmith.kernels import segment_starts


class Prompted(NamedTuple):
    """A call with the prompt in it, each (batch, longer), and where its own tokens went."""

    tokens: Tensor
    positions: Tensor
    segments: Tensor | None
    places: Tensor
    """(batch, sequence) int64."""


class Prompt(nn.Module):
    """The embeddings of the virtual tokens: (virtual, width)."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.rows = nn.Parameter(rows)

    def fill(self, hidden: Tensor, numbers: Tensor) -> Tensor:
        """Put row n where ``numbers`` (batch, sequence) says n; below 0 ``hidden`` stays.

        hidden: (batch, sequence, width), the embeddings as the first layer takes them.
        """
        rows = functional.embedding(numbers.clamp(min=0), self.rows).to(hidden.dtype)
        return torch.where((numbers >= 0)[..., None], rows, hidden)

    def before(
        self, tokens: Tensor, positions: Tensor, segments: Tensor | None, words: int
    ) -> Prompted:
        """Put the virtual tokens, ids from ``words`` on, before every segment of every row.

        All are (batch, sequence); positions count on behind the prompt. Rows that become shorter
        than others are filled at their end, as one more segment.
        """
        count, sequence = len(self.rows), tokens.shape[1]
        starts = segment_starts(torch.zeros_like(tokens) if segments is None else segments)
        place = torch.arange(sequence, device=tokens.device) + count * starts.cumsum(1)
        length = int(place.max()) + 1
        row, column = starts.nonzero(as_tuple=True)
        number = torch.arange(count, device=tokens.device)
        ahead = (place[row, column] - count)[:, None] + number

        def spread(values: Tensor, filler: int, virtual: Tensor) -> Tensor:
            wide = values.new_full((len(values), length), filler).scatter_(1, place, values)
            wide[row[:, None], ahead] = virtual
            return wide

        return Prompted(
            spread(tokens, 0, words + number),
            spread(positions + count, 0, number),
            None
            if segments is None
            else spread(segments, int(segments.max()) + 1, segments[row, column, None]),
            place,
        )
