"""Examples as tokens: loss on answers only, an EOS that is trained, packing that does not leak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goldsmith.datasets.batch import IGNORED, Batch, positions_of, rows_of_step
from goldsmith.errors import UserError
from goldsmith.tokenizers import Tokenizer

Messages = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Encoded:
    """Ids of a conversation, and which of them are answers (to be learned)."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]


def encode_example(messages: Messages, tokenizer: Tokenizer) -> Encoded:
    """Return a conversation's ids with its answers, their EOS included, marked to be learned.

    Raises UserError when the chat template rewrites earlier turns, so that what the model is
    trained on would not be what it sees when asked.
    """
    ids = tokenizer.chat(messages, answer=False)
    learned = [False] * len(ids)
    for number, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = tokenizer.chat(messages[:number], answer=True)
        after = tokenizer.chat(messages[: number + 1], answer=False)
        if after[: len(before)] != before or ids[: len(after)] != after:
            raise UserError(
                "the chat template writes an answered turn otherwise than the prompt for it; "
                "use a model whose template only appends"
            )
        end = len(after)
        if tokenizer.eos in after[len(before) :]:  # what a template writes after it is never said
            end -= after[::-1].index(tokenizer.eos)
        learned[len(before) : end] = [True] * (end - len(before))
    return Encoded(tuple(ids), tuple(learned))


def prove_stop(encoded: Encoded, tokenizer: Tokenizer, sequence: int) -> str | None:
    """Return why an example must not be trained on, or None when it is proven sound.

    Sound is: every answer ends in EOS with loss on it, something is learned at all, and the whole
    example fits into ``sequence`` tokens, so that no answer loses its end.
    """
    if len(encoded.ids) > sequence:
        return f"longer than {sequence} tokens"
    if not any(encoded.learned):
        return "nothing to learn: no answer"
    ends = [
        place
        for place, on in enumerate(encoded.learned)
        if on and (place + 1 == len(encoded.learned) or not encoded.learned[place + 1])
    ]
    if any(encoded.ids[place] != tokenizer.eos for place in ends):
        return "an answer does not end in EOS"
    return None


class InstructionBatches:
    """Packed batches of examples; the batch of a step is always the same.

    ``left_out`` counts the examples that `prove_stop` refused, by reason. Rows are packed best-fit
    by falling length; attention must stay inside each segment.
    """

    def __init__(
        self,
        examples: Sequence[Mapping[str, Any]],
        tokenizer: Tokenizer,
        *,
        sequence: int,
        size: int,
        seed: int,
    ) -> None:
        """Encode and pack. Raises UserError when no training example is left."""
        self._size, self._seed = size, seed
        self._pad = tokenizer.pad if tokenizer.pad is not None else (tokenizer.eos or 0)
        self.left_out: dict[str, int] = {}
        kept: dict[str, list[Encoded]] = {"train": [], "validation": []}
        for example in examples:
            encoded = encode_example(example["messages"], tokenizer)
            reason = prove_stop(encoded, tokenizer, sequence)
            if reason is None:
                kept[example["split"]].append(encoded)
            else:
                self.left_out[reason] = self.left_out.get(reason, 0) + 1
        if not kept["train"]:
            why = "; ".join(f"{count} {reason}" for reason, count in self.left_out.items())
            raise UserError(f"there is no example to tune on ({why or 'none was made'})")
        self.examples = {split: len(rows) for split, rows in kept.items()}
        self._rows = {
            split: [_row(bin_, sequence, self._pad) for bin_ in _pack(rows, sequence)]
            for split, rows in kept.items()
        }

    def rows(self, split: str) -> int:
        return len(self._rows[split])

    def batch(self, step: int) -> Batch:
        """Return the training batch of a step (from 0)."""
        rows = self._rows["train"]
        numbers = rows_of_step(len(rows), self._size, step, self._seed)
        return _stack([rows[number] for number in numbers])

    def validation(self) -> Iterator[Batch]:
        """Yield the held-out rows in order."""
        rows = self._rows["validation"]
        for start in range(0, len(rows), self._size):
            yield _stack(rows[start : start + self._size])


_Row = tuple[np.ndarray, np.ndarray, np.ndarray]


def _pack(examples: Sequence[Encoded], sequence: int) -> list[list[Encoded]]:
    """Put examples into few rows: by falling length, each into the fullest row that has room.

    Rows are kept by their free room, so that the time is examples times ``sequence`` at the most.
    """
    bins: list[list[Encoded]] = []
    by_room: list[list[int]] = [[] for _ in range(sequence + 1)]
    for example in sorted(examples, key=lambda each: (-len(each.ids), each.ids)):
        length = len(example.ids)
        room = next((free for free in range(length, sequence + 1) if by_room[free]), None)
        if room is None:
            room, place = sequence, len(bins)
            bins.append([])
        else:
            place = by_room[room].pop()
        bins[place].append(example)
        by_room[room - length].append(place)
    return bins


def _row(examples: Sequence[Encoded], sequence: int, pad: int) -> _Row:
    tokens = np.full(sequence, pad, np.int64)
    targets = np.full(sequence, IGNORED, np.int64)
    segments = np.full(sequence, -1, np.int64)
    start = 0
    for number, example in enumerate(examples):
        end = start + len(example.ids)
        tokens[start:end] = example.ids
        segments[start:end] = number
        wanted = np.where(example.learned, example.ids, IGNORED)
        targets[start : end - 1] = wanted[1:]
        start = end
    return tokens, targets, segments


def _stack(rows: Sequence[_Row]) -> Batch:
    tokens, targets, segments = (np.stack(columns) for columns in zip(*rows, strict=True))
    return Batch(tokens, targets, segments, positions_of(segments))
