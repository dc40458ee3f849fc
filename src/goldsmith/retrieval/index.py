"""The index of a corpus: everything that answering needs in one folder, built whole or not at all.

In the folder: the chunks with their headings and spans, the documents' names, the sentences and
their vectors, the postings of BM25, and the embedder. Searching is exact: every chunk has both
scores, and `fusion` mixes them. Words in double quotes must stand in a chunk as they are quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from goldsmith.errors import LakeError, UserError
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline.artifact import building, write_atomically
from goldsmith.pipeline.progress import Progress, Silent
from goldsmith.project import IndexSettings
from goldsmith.retrieval.bm25 import Postings, build_postings, load_postings
from goldsmith.retrieval.embed import Embedder, choose_embedder, fit_embedder, open_embedder
from goldsmith.retrieval.fusion import fuse
from goldsmith.retrieval.sentences import sentence_ranges
from goldsmith.retrieval.words import content_terms

#: Raised when the same chunks would give other files, so that old indexes are built again.
INDEX_VERSION = 2
QUOTED = re.compile(r'"([^"]{2,})"|“([^”]{2,})”')
DOCUMENT_COLUMNS = ("id", "uri", "title", "pages")


@dataclass(frozen=True)
class Hit:
    """A chunk that was found. ``score`` is the fused one, 0..1 over the query's candidates;
    ``bm25`` counts from 0 up; ``vector`` is a cosine, -1..1; ``row`` is the chunk's."""

    chunk: str
    score: float
    bm25: float
    vector: float
    row: int


@dataclass(frozen=True)
class Index:
    """An open index. Shapes: vectors (chunks, d), sentence_vectors (sentences, d), window_vectors
    (sentences, d): each sentence read with the one before and after it; all of unit length;
    sentence s is characters ``sentences[s, 1]:sentences[s, 2]`` of the chunk in row
    ``sentences[s, 0]``; sentences of row r are ``first_sentence[r]:first_sentence[r + 1]``."""

    folder: Path
    alpha: float
    chunks: list[dict[str, Any]]
    documents: dict[str, dict[str, Any]]
    postings: Postings
    embedder: Embedder
    vectors: npt.NDArray[np.float32]
    sentences: npt.NDArray[np.int32]
    sentence_vectors: npt.NDArray[np.float32]
    window_vectors: npt.NDArray[np.float32]
    first_sentence: npt.NDArray[np.int64]
    rows: dict[str, int] = field(repr=False)

    @classmethod
    def open(cls, folder: Path) -> Index:
        """Open an index. Raises UserError where there is none, LakeError when it is damaged."""
        if not (folder / "index.json").is_file():
            raise UserError(f"{folder}: there is no index; make one with goldsmith index")
        try:
            about = json.loads((folder / "index.json").read_text("utf-8"))
            if about["version"] != INDEX_VERSION:
                raise ValueError(f"it has version {about['version']}, not {INDEX_VERSION}")
            chunks = pq.read_table(folder / "chunks.parquet").to_pylist()
            documents = pq.read_table(folder / "documents.parquet").to_pylist()
            postings = load_postings(folder, len(chunks))
            vectors, sentences, sentence_vectors, window_vectors = (
                np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
                for name in ("vectors", "sentences", "sentence-vectors", "window-vectors")
            )
            if len(vectors) != len(chunks) or not (
                len(sentences) == len(sentence_vectors) == len(window_vectors)
            ):
                raise ValueError("its vectors do not fit its chunks")
        except (OSError, ValueError, KeyError, TypeError, EOFError, pa.ArrowException) as error:
            raise LakeError(
                f"{folder}: the index cannot be read ({error}); "
                "delete the folder and run goldsmith index again"
            ) from error
        return cls(
            folder,
            float(about["alpha"]),
            chunks,
            {document["id"]: document for document in documents},
            postings,
            open_embedder(folder / "embedder"),
            vectors,
            sentences,
            sentence_vectors,
            window_vectors,
            np.searchsorted(sentences[:, 0], np.arange(len(chunks) + 1)),
            {chunk["id"]: row for row, chunk in enumerate(chunks)},
        )

    def search(
        self,
        query: str,
        k: int,
        alpha: float | None = None,
        *,
        vector: npt.NDArray[np.float32] | None = None,
    ) -> list[Hit]:
        """Return the ``k`` best chunks, best first; equal scores go by document and order.

        ``alpha`` (0 words only, 1 vectors only) stands in for the index's own; ``vector`` is the
        query's, (d,), where the caller has it already. Chunks that lack a quoted part of the query
        are left out, and so are those to which no system that counts gives a score above zero.
        """
        if vector is None:
            vector = self.embedder.embed([query])[0]
        words = self.postings.score(content_terms(query))
        vectors = (self.vectors @ vector).astype(np.float64)
        weight = self.alpha if alpha is None else alpha
        allowed = np.flatnonzero(((words > 0) & (weight < 1)) | ((vectors > 0) & (weight > 0)))
        quotes = quoted(query)
        if quotes:
            holding = [row for row, chunk in enumerate(self.chunks) if _holds(chunk, quotes)]
            allowed = np.array(holding, dtype=np.int64)
        return [
            Hit(self.chunks[row]["id"], score, float(words[row]), float(vectors[row]), row)
            for place, score in fuse(words[allowed], vectors[allowed], weight, k)
            for row in (int(allowed[place]),)
        ]

    def chunk(self, identifier: str) -> dict[str, Any] | None:
        """Return a chunk's row (id, document, heading_path, text, spans...) or None."""
        row = self.rows.get(identifier)
        return None if row is None else self.chunks[row]


def build_index(
    chunks: pa.Table,
    documents: pa.Table,
    settings: IndexSettings,
    folder: Path,
    key: str,
    progress: Progress | None = None,
    *,
    seed: int = 0,
) -> None:
    """Build the index of these chunks at ``folder``, under the fingerprint ``key``.

    The same chunks, settings and embedder give the same bytes. To take a document out of an index,
    build it again without its chunks. Raises UserError when there are no chunks.
    """
    if not chunks.num_rows:
        raise UserError("there is no chunk to index: no text reached gold; see goldsmith report")
    listener = progress or Silent()
    chunks = chunks.select(SCHEMAS["chunks"].names).sort_by(
        [("document", "ascending"), ("order", "ascending")]
    )
    used = set(chunks["document"].to_pylist())
    rows = chunks.select(["text", "heading_path", "document"]).to_pylist()
    names = documents.select(DOCUMENT_COLUMNS).sort_by([("id", "ascending"), ("uri", "ascending")])
    first: dict[str, dict[str, Any]] = {}
    for document in names.to_pylist():
        if document["id"] in used:
            first.setdefault(document["id"], document)
    texts = [row["text"] for row in rows]
    headings = [heading_text(row, first.get(row["document"])) for row in rows]
    titled = [
        f"{head}\n{text}" if head else text for head, text in zip(headings, texts, strict=True)
    ]
    ranges = [
        (number, start, end)
        for number, text in enumerate(texts)
        for start, end in sentence_ranges(text)
    ]
    listener.start("embed", len(texts) + 2 * len(ranges), "texts")
    with building(folder, key) as place:
        name = choose_embedder(settings.embedder)
        embedder = fit_embedder(name, titled, place / "embedder", seed=seed)
        np.save(place / "vectors.npy", embedder.embed(titled, listener), allow_pickle=False)
        sentences = np.array(ranges, dtype=np.int32).reshape(-1, 3)
        np.save(place / "sentences.npy", sentences, allow_pickle=False)
        for kind, places in (("sentence", ranges), ("window", _windows(ranges))):
            pieces = [texts[row][start:end] for row, start, end in places]
            embedded = _embed_once(pieces, embedder, listener)
            np.save(place / f"{kind}-vectors.npy", embedded, allow_pickle=False)
        build_postings(texts, headings).save(place)
        pq.write_table(chunks, place / "chunks.parquet", compression="zstd")
        pq.write_table(
            pa.Table.from_pylist(list(first.values()), schema=names.schema),
            place / "documents.parquet",
            compression="zstd",
        )
        about = {"version": INDEX_VERSION, "alpha": settings.alpha, "embedder": name}
        write_atomically(place / "index.json", json.dumps(about, sort_keys=True))
    listener.finish(f"{len(texts)} chunks, {len(ranges)} sentences, {name}")


def heading_text(chunk: dict[str, Any], document: dict[str, Any] | None) -> str:
    """Return a chunk's title and headings as one line, without repeats: what is indexed with it."""
    title = (document or {}).get("title")
    parts = dict.fromkeys(part.strip() for part in [title or "", *(chunk["heading_path"] or [])])
    return " > ".join(part for part in parts if part)


def quoted(query: str) -> list[str]:
    """Return what stands in double quotes in a query, white space collapsed."""
    return [
        part for pair in QUOTED.findall(query) if (part := " ".join((pair[0] or pair[1]).split()))
    ]


def _holds(chunk: dict[str, Any], quotes: Sequence[str]) -> bool:
    text = " ".join(chunk["text"].split())
    return all(quote in text for quote in quotes)


def _windows(ranges: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return each sentence's range widened to the sentences before and after it in its chunk."""
    found = []
    for place, (row, start, end) in enumerate(ranges):
        before, after = ranges[max(0, place - 1)], ranges[min(len(ranges), place + 2) - 1]
        first = before[1] if before[0] == row else start
        last = after[2] if after[0] == row else end
        found.append((row, first, last))
    return found


def _embed_once(
    texts: Sequence[str], embedder: Embedder, progress: Progress
) -> npt.NDArray[np.float32]:
    """Embed each different text once: overlapping chunks repeat sentences."""
    different = list(dict.fromkeys(texts))
    places = {text: number for number, text in enumerate(different)}
    vectors = embedder.embed(different, progress)
    progress.advance(len(texts) - len(different))
    return vectors[[places[text] for text in texts]] if texts else vectors
