"""Keys and values of tokens already seen, preallocated for a fixed number of sequences.

A slot holds one sequence. Which request owns which slot is the engine's business; here a slot is
only a row of memory. Nothing is cleared between owners: a query at position p reads positions
0..p of its slot, all of which its owner has written before.
"""

from __future__ import annotations

import torch
from torch import Tensor

from goldsmith.models.config import ModelConfig


class KeyValueCache:
    """``slots`` sequences of at most ``context`` tokens; one pair of tensors for each layer.

    ``keys[layer]`` and ``values[layer]`` are (slots, key_value_heads, context + 1, head_dim). The
    extra position takes what padding (position -1) writes and is never read.
    """

    def __init__(
        self,
        config: ModelConfig,
        slots: int,
        context: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        shape = (slots, config.key_value_heads, context + 1, config.head_dim)
        self.slots = slots
        self.context = context
        # Zeros, not empty: a masked key has weight 0, but 0 * NaN from old memory would be NaN.
        self.keys = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(config.layers)]
        self.values = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(config.layers)]

    def write(
        self, layer: int, slots: Tensor, positions: Tensor, keys: Tensor, values: Tensor
    ) -> None:
        """Store keys and values (batch, sequence, key_value_heads, head_dim).

        slots: (batch,); positions: (batch, sequence), -1 for padding.
        """
        index = (slots[:, None], slice(None), positions)
        self.keys[layer][index] = keys.to(self.keys[layer].dtype)
        self.values[layer][index] = values.to(self.values[layer].dtype)

    def read(self, layer: int, rows: slice | Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Return keys and values of the first ``length`` positions of some slots.

        Both are (batch, key_value_heads, length, head_dim). A slice of slots is a view; a tensor of
        slot numbers copies.
        """
        return self.keys[layer][:, :, :length][rows], self.values[layer][:, :, :length][rows]


def as_rows(slots: Tensor) -> slice | Tensor:
    """Return ``slots`` as a slice where they follow one another, so that reading copies nothing."""
    first, count = int(slots[0]), slots.shape[0]
    if torch.equal(slots, torch.arange(first, first + count, device=slots.device)):
        return slice(first, first + count)
    return slots
