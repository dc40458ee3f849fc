"""Examples packed into rows: best fit by falling length, batches by step, nothing crosses a border.

Rows are made when they are asked for; what is held is one flat array of ids and one of what is
learned, five bytes a token. A row's segments keep attention inside each example and its positions
count from 0 in each, which is the model's business (`models.Decoder`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from goldsmith.datasets.batch import IGNORED, Batch, positions_of, rows_of_step
from goldsmith.datasets.encoding import Encoded, encode_example, prove_stop
from goldsmith.errors import UserError
from goldsmith.tokenizers import Tokenizer

Row = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]


def best_fit(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Return rows of numbers of ``lengths``, none longer than ``capacity`` together.

    By falling length, each goes into the fullest row that still has room (best-fit decreasing,
    Johnson 1973: at most 11/9 of the least number of rows, and 6/9 of one). Ties: the lower number
    first, and the row opened last. Raises ValueError for a length above the capacity.
    """
    rows: list[list[int]] = []
    rooms: list[int] = []  # the different sizes of free room, rising
    by_room: dict[int, list[int]] = {}
    for number in sorted(range(len(lengths)), key=lambda each: (-lengths[each], each)):
        length = lengths[number]
        if length > capacity:
            raise ValueError(f"a length of {length} does not fit into {capacity}")
        place = bisect_left(rooms, length)
        if place == len(rooms):
            room, row = capacity, len(rows)
            rows.append([])
        else:
            room = rooms[place]
            row = by_room[room].pop()
            if not by_room[room]:
                del by_room[room], rooms[place]
        rows[row].append(number)
        if room - length not in by_room:
            by_room[room - length] = []
            insort(rooms, room - length)
        by_room[room - length].append(row)
    return rows


class PackedRows:
    """Examples of one split in rows of ``sequence`` tokens; the same rows in whatever order."""

    def __init__(self, examples: Sequence[Encoded], sequence: int, pad: int) -> None:
        ordered = sorted(examples, key=lambda each: (-len(each.ids), each.ids, each.learned))
        lengths = [len(each.ids) for each in ordered]
        self._ids = np.fromiter((i for each in ordered for i in each.ids), np.uint32)
        self._learned = np.fromiter((on for each in ordered for on in each.learned), np.bool_)
        self._starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        self._rows = best_fit(lengths, sequence)
        self._sequence, self._pad = sequence, pad

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def fill(self) -> float:
        """The share of all places that hold a token and no padding; 1 where there are none."""
        return len(self._ids) / (len(self._rows) * self._sequence) if self._rows else 1.0

    def row(self, number: int) -> Row:
        """Return tokens, targets and segments of a row, (sequence,) each."""
        tokens = np.full(self._sequence, self._pad, np.int64)
        targets = np.full(self._sequence, IGNORED, np.int64)
        segments = np.full(self._sequence, -1, np.int64)
        start = 0
        for segment, example in enumerate(self._rows[number]):
            here = slice(self._starts[example], self._starts[example + 1])
            ids, learned = self._ids[here].astype(np.int64), self._learned[here]
            end = start + len(ids)
            tokens[start:end] = ids
            segments[start:end] = segment
            targets[start : end - 1] = np.where(learned, ids, IGNORED)[1:]
            start = end
        return tokens, targets, segments

    def batch(self, numbers: Sequence[int]) -> Batch:
        """Return these rows as one batch."""
        columns = zip(*(self.row(number) for number in numbers), strict=True)
        tokens, targets, segments = (np.stack(column) for column in columns)
        return Batch(tokens, targets, segments, positions_of(segments))


class InstructionBatches:
    """Packed batches of examples; the batch of a step is always the same.

    ``left_out`` counts the examples that `prove_stop` refused, by reason; ``examples`` those that
    are kept, by split. Every row has something to learn, since every example has.
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
        pad = tokenizer.pad if tokenizer.pad is not None else (tokenizer.eos or 0)
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
        self._packed = {split: PackedRows(rows, sequence, pad) for split, rows in kept.items()}

    def rows(self, split: str) -> int:
        return len(self._packed[split])

    def fill(self, split: str) -> float:
        """The share of a split's places that hold a token and no padding."""
        return self._packed[split].fill

    def batch(self, step: int) -> Batch:
        """Return the training batch of a step (from 0)."""
        rows = self._packed["train"]
        return rows.batch(rows_of_step(len(rows), self._size, step, self._seed))

    def validation(self) -> Iterator[Batch]:
        """Yield the held-out rows in order."""
        rows = self._packed["validation"]
        for start in range(0, len(rows), self._size):
            yield rows.batch(range(start, min(start + self._size, len(rows))))
