"""Questions with known places in the documents, and the chunks that hold those places.

A question names a passage word for word; a chunk is relevant when it is of the same document and
holds at least half of the passage's runs of five words (all its words, when it has fewer). That is
strict about text and forgiving about line breaks, hyphens and what cleaning changed. A passage that
chunking cut into pieces of less than half makes the chunk with the largest piece relevant.

Documents may state a fact more than once. The other places a question lists make a citation right;
which chunks are relevant is decided by its own passage alone, so hit rates do not depend on them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from goldsmith.datasets import read_questions as rows_of
from goldsmith.errors import UserError
from goldsmith.retrieval import Index

RUN = 5
HALF = 0.5
#: Below this share no chunk can be said to hold the passage.
LEAST = 0.2
WORD = re.compile(r"\w+")
SENTENCE = re.compile(r"[A-Z][^.!?\n]{40,300}[.!?](?=\s|$)")


@dataclass(frozen=True)
class Question:
    """One row of a questions file. ``document`` is a uri or its last parts; ``page`` is the
    answer's, counted from 1, ``pages`` all that the passage touches. ``answer`` and ``passage`` are
    empty, and pages 0, when it is not answerable. ``also`` is every (document, page) of another
    passage that answers it as well."""

    id: str
    question: str
    answer: str = ""
    passage: str = ""
    document: str = ""
    page: int = 0
    pages: tuple[int, ...] = ()
    section: str = ""
    answerable: bool = True
    split: str = "evaluate"
    also: tuple[tuple[str, int], ...] = ()

    @property
    def own_places(self) -> frozenset[tuple[str, int]]:
        """Every (document, page) of the question's own passage."""
        return frozenset((self.document, page) for page in (*self.pages, self.page) if page > 0)

    @property
    def places(self) -> frozenset[tuple[str, int]]:
        """Every (document, page) that a right citation may name: its own and the other places."""
        return self.own_places.union(self.also)


def read_questions(path: Path, split: str | None = None) -> list[Question]:
    """Read a JSONL file of questions (`goldsmith.datasets.read_questions`), of one split or all."""
    rows = rows_of(path)
    return [as_question(row) for row in rows if split is None or row["split"] == split]


def as_question(row: Mapping[str, Any]) -> Question:
    """Return a checked row of a questions file as a Question; what it lacks stays empty."""
    given = {name: value for name, value in row.items() if value is not None}
    others = given.get("also", ())
    also = tuple((each["document"], page) for each in others for page in each["pages"])
    return Question(**{**given, "pages": tuple(given.get("pages", ())), "also": also})


def relevant_rows(index: Index, question: Question) -> list[int]:
    """Return the rows of the chunks that hold the question's own passage, lowest first.

    Other places that answer it do not count here: hit rates stay about one known passage.
    """
    wanted = runs(question.passage)
    if not wanted:
        return []
    shares = {
        row: len(wanted & runs(chunk["text"], len(next(iter(wanted))))) / len(wanted)
        for row, chunk in enumerate(index.chunks)
        if same_document(index.documents[chunk["document"]]["uri"], question.document)
    }
    most = max(shares.values(), default=0.0)
    bar = HALF if most >= HALF else max(most, LEAST)
    return [row for row, share in sorted(shares.items()) if share >= bar]


def same_document(uri: str, name: str) -> bool:
    """Whether two paths name one document: equal, or one ends with the other, folder by folder."""
    return uri == name or uri.endswith("/" + name) or name.endswith("/" + uri)


def runs(text: str, length: int | None = None) -> set[tuple[str, ...]]:
    """Return the runs of ``length`` words in a text (default: RUN, or all it has when fewer)."""
    words = WORD.findall(unicodedata.normalize("NFKC", text).lower())
    if length is None:
        length = min(RUN, len(words))
    if not length:
        return set()
    return {tuple(words[start : start + length]) for start in range(len(words) - length + 1)}


def known_item_questions(
    chunks: pa.Table, documents: pa.Table, *, count: int = 100, seed: int = 0
) -> list[Question]:
    """Make retrieval-only questions for a corpus that has none.

    Each is half of the words of a sentence, drawn at random, as a person half remembers what they
    read (Azzopardi et al., "Building Simulated Queries for Known-Item Topics", 2007). They measure
    finding again, not answering, and flatter word search: scores made from them say so.
    """
    generator = np.random.default_rng(seed)
    uris = dict(zip(documents["id"].to_pylist(), documents["uri"].to_pylist(), strict=True))
    rows = chunks.select(["id", "document", "order", "text", "spans"]).sort_by(
        [("document", "ascending"), ("order", "ascending")]
    )
    made: list[Question] = []
    for chosen in generator.permutation(rows.num_rows):
        if len(made) >= count:
            break
        row = rows.slice(int(chosen), 1).to_pylist()[0]
        sentences = SENTENCE.findall(row["text"])
        if not sentences:
            continue
        sentence = str(generator.choice(sentences))
        words = list(dict.fromkeys(word for word in WORD.findall(sentence) if len(word) > 3))
        kept = sorted(generator.permutation(len(words))[: max(3, len(words) // 2)].tolist())
        made.append(
            Question(
                id=row["id"],
                question=" ".join(words[place] for place in kept),
                passage=sentence,
                document=uris[row["document"]],
                page=_page(row, sentence),
                split="known item",
            )
        )
    return sorted(made, key=lambda each: each.id)


def _page(row: dict[str, Any], sentence: str) -> int:
    at = row["text"].index(sentence)
    spans = row["spans"] or []
    return next((int(s["page"]) for s in spans if s["at"] + s["length"] > at), 0)


def check_questions(questions: Sequence[Question]) -> None:
    """Raise UserError when there is no question or two have the same id."""
    if not questions:
        raise UserError("there are no questions to evaluate with; check the file and its split")
    seen: set[str] = set()
    for each in questions:
        if each.id in seen:
            raise UserError(f"two questions have the id '{each.id}'; give each its own")
        seen.add(each.id)
