"""A prompt that is learned: virtual tokens before every sequence (Lester et al. 2021).

They are numbered behind the vocabulary, so that a cache or a packed row holds them as it holds any
token; only their rows lie elsewhere, and no logit is theirs. A model with a prompt puts it before
each sequence by itself; with a cache the caller does, once, since it counts the positions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from goldsmith.kernels import segment_starts


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
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
        """Put the virtual tokens, ids from ``words`` on, before every segment of every row.

        All are (batch, sequence). Return them longer, positions counting on behind the prompt, and
        where each token went. Rows that end before others are filled with one more segment.
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

        if segments is not None:
            segments = spread(segments, int(segments.max()) + 1, segments[row, column, None])
        tokens = spread(tokens, 0, words + number)
        return tokens, spread(positions + count, 0, number), segments, place
