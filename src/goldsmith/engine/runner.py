"""The model and its cache: token ids in, logits out. The only file of the engine that has tensors.

A prompt's chunk is computed alone; decoding takes one token of each of many sequences in one call.
Which slot belongs to whom is the scheduler's business.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from goldsmith.models import Decoder, KeyValueCache

Logits = npt.NDArray[np.float32]


class Runner:
    """Runs a decoder over ``slots`` sequences of at most ``context`` tokens."""

    def __init__(self, model: Decoder, slots: int, context: int) -> None:
        self._model = model.eval()
        weight = model.output_weight
        self._device = weight.device
        self._cache = KeyValueCache(
            model.config, slots, context, dtype=weight.dtype, device=weight.device
        )

    def prefill(self, slot: int, tokens: Sequence[int], start: int) -> Logits:
        """Compute prompt tokens at positions start, start + 1, ...; return (vocabulary,) logits.

        The logits are those after the last of the tokens.
        """
        positions = list(range(start, start + len(tokens)))
        logits: Logits = self._run([list(tokens)], [positions], [slot])[0]
        return logits

    def decode(
        self, slots: Sequence[int], tokens: Sequence[int], positions: Sequence[int]
    ) -> Logits:
        """Compute one token for each slot; return logits (sequences, vocabulary)."""
        return self._run(
            [[token] for token in tokens], [[position] for position in positions], list(slots)
        )

    @torch.inference_mode()
    def _run(self, tokens: list[list[int]], positions: list[list[int]], slots: list[int]) -> Logits:
        device = self._device
        hidden = self._model.hidden_states(
            torch.tensor(tokens, device=device),
            positions=torch.tensor(positions, device=device),
            cache=self._cache,
            slots=torch.tensor(slots, device=device),
        )
        array: Logits = self._model.logits(hidden[:, -1]).float().cpu().numpy()
        return array
