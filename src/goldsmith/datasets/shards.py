"""Packed token shards: every token of gold once, in a seeded order, each chunk's place on record.

A section is one segment: BOS, its chunks with a blank line between them, EOS. Text that a chunk
shares with the one before (its overlap) is not repeated. Sections are shuffled, joined into one
stream and cut into rows of ``sequence`` tokens; a row's targets are the tokens one further on, none
across sections. The stream lies in raw little-endian files that are mapped, not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from goldsmith.datasets.batch import IGNORED, Array, Batch, positions_of, rows_of_step
from goldsmith.datasets.split import held_out
from goldsmith.errors import UserError
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline import building, read_manifest
from goldsmith.project import DatasetSettings
from goldsmith.tokenizers import Tokenizer

SHARD_TOKENS = 2**24
_BETWEEN = "\n\n"
_SEGMENT = np.dtype("<u4")


@dataclass(frozen=True)
class _Piece:
    """A run of tokens; ``chunk`` is None for BOS, EOS and blank lines."""

    tokens: npt.NDArray[Any]
    section: int
    chunk: Mapping[str, Any] | None


def write_shards(
    chunks: pa.Table,
    tokenizer: Tokenizer,
    settings: DatasetSettings,
    folder: Path,
    key: str,
    seed: int,
) -> pa.Table:
    """Write the shards as one artifact and return the rows of the ``tokens`` table.

    Raises UserError when the tokenizer has no BOS or EOS, or there is nothing to write.
    """
    if tokenizer.bos is None or tokenizer.eos is None:
        raise UserError(
            "the tokenizer has no BOS or EOS token; train one with `goldsmith tokenizer`"
        )
    rows = chunks.to_pylist()
    if not rows:
        raise UserError("there are no gold chunks to make shards from; run `goldsmith refine`")
    sections = [list(group) for _, group in groupby(rows, key=lambda row: row["parent"])]
    reserved = held_out((section[0]["parent"] for section in sections), settings.validation, seed)
    order = np.random.Generator(np.random.Philox(seed)).permutation(len(sections))
    shuffled = [sections[number] for number in order]
    kind = np.dtype("<u2" if tokenizer.size <= 2**16 else "<u4")
    splits: dict[str, dict[str, int]] = {}
    places: list[dict[str, Any]] = []
    # The manifest is written last, so it takes the counts that are known by then.
    with building(folder, key, sequence=settings.sequence, dtype=kind.str, splits=splits) as new:
        for split, wanted in (("train", False), ("validation", True)):
            chosen = [part for part in shuffled if (part[0]["parent"] in reserved) == wanted]
            places += _write(new, split, _pieces(chosen, tokenizer, kind))
            size = sum(path.stat().st_size for path in new.glob(f"{split}-*.tokens"))
            splits[split] = {"tokens": size // kind.itemsize}
    return pa.Table.from_pylist(places, schema=SCHEMAS["tokens"])


def _pieces(
    sections: Sequence[list[dict[str, Any]]], tokenizer: Tokenizer, kind: np.dtype[Any]
) -> Iterator[_Piece]:
    between = np.array(tokenizer.encode(_BETWEEN), kind)
    first, last = np.array([tokenizer.bos], kind), np.array([tokenizer.eos], kind)
    for number, section in enumerate(sections):
        yield _Piece(first, number, None)
        texts = [row["text"][row["overlap"] :].strip() for row in section]
        for place, (row, ids) in enumerate(zip(section, tokenizer.encode_many(texts), strict=True)):
            if place:
                yield _Piece(between, number, None)
            yield _Piece(np.array(ids, kind), number, row)
        yield _Piece(last, number, None)


def _write(folder: Path, split: str, pieces: Iterable[_Piece]) -> Iterator[dict[str, Any]]:
    """Append piece after piece, opening the next shard where one is full; yield chunks' places."""
    offset = 0
    with ExitStack() as files:
        for piece in pieces:
            done = 0
            while done < len(piece.tokens):  # more than once over a shard's border
                shard, start = divmod(offset, SHARD_TOKENS)
                name = f"{split}-{shard:05}"
                if start == 0:
                    files.close()
                    tokens, segments = (
                        files.enter_context((folder / f"{name}.{ending}").open("wb"))
                        for ending in ("tokens", "segments")
                    )
                part = piece.tokens[done : done + SHARD_TOKENS - start]
                tokens.write(part.tobytes())
                segments.write(np.full(len(part), piece.section, _SEGMENT).tobytes())
                done, offset = done + len(part), offset + len(part)
                if piece.chunk is not None:
                    yield {
                        "shard": name,
                        "start": start,
                        "end": start + len(part),
                        "chunk": piece.chunk["id"],
                        "document": piece.chunk["document"],
                        "split": split,
                    }


class Shards:
    """Batches from a shards folder; the batch of a step is always the same."""

    def __init__(self, folder: Path, size: int, seed: int, pad: int = 0) -> None:
        """Map the shards. ``size`` rows a batch. Raises UserError when they cannot be used."""
        manifest = read_manifest(folder)
        if manifest is None:
            raise UserError(f"{folder}: there are no shards; run `goldsmith dataset` first")
        self.sequence = int(manifest["sequence"])
        self._size, self._seed, self._pad = size, seed, pad
        kind = np.dtype(manifest["dtype"])
        self._tokens = {s: _mapped(folder, s, "tokens", kind) for s in ("train", "validation")}
        self._segments = {
            s: _mapped(folder, s, "segments", _SEGMENT) for s in ("train", "validation")
        }

    def tokens(self, split: str) -> int:
        """How many tokens a split has."""
        return sum(len(part) for part in self._tokens[split])

    def rows(self, split: str) -> int:
        return -(-self.tokens(split) // self.sequence)

    def read(self, shard: str, start: int, end: int) -> list[int]:
        """Return the tokens of a place in the ``tokens`` table."""
        split, _, number = shard.rpartition("-")
        return [int(token) for token in self._tokens[split][int(number)][start:end]]

    def batch(self, step: int) -> Batch:
        """Return the training batch of a step (from 0)."""
        rows = rows_of_step(self.rows("train"), self._size, step, self._seed)
        return self._batch("train", rows)

    def validation(self) -> Iterator[Batch]:
        """Yield the held-out rows in order."""
        count = self.rows("validation")
        for start in range(0, count, self._size):
            yield self._batch("validation", range(start, min(start + self._size, count)))

    def _batch(self, split: str, rows: Sequence[int]) -> Batch:
        tokens = np.full((len(rows), self.sequence + 1), self._pad, np.int64)
        segments = np.full_like(tokens, -1)
        for place, row in enumerate(rows):
            stretch = (row * self.sequence, (row + 1) * self.sequence + 1)
            here = _slice(self._tokens[split], *stretch)
            tokens[place, : len(here)] = here
            segments[place, : len(here)] = _slice(self._segments[split], *stretch)
        inside = (segments[:, 1:] == segments[:, :-1]) & (segments[:, 1:] >= 0)
        targets = np.where(inside, tokens[:, 1:], IGNORED)
        return Batch(tokens[:, :-1], targets, segments[:, :-1], positions_of(segments[:, :-1]))


def _mapped(folder: Path, split: str, ending: str, kind: np.dtype[Any]) -> list[Any]:
    paths = sorted(folder.glob(f"{split}-*.{ending}"))
    return [np.memmap(path, kind, "r") for path in paths if path.stat().st_size]


def _slice(parts: Sequence[Any], start: int, end: int) -> Array:
    """Return stream[start:end] where the stream is the parts end to end, each but the last full."""
    pieces, size = [], SHARD_TOKENS
    for number in range(start // size, min((end - 1) // size + 1, len(parts))):
        base = number * size
        pieces.append(parts[number][max(start - base, 0) : end - base].astype(np.int64))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int64)
