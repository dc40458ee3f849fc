"""The stage that merges what the corpus says twice: whole documents, then single paragraphs.

Documents: the settings name the methods, tried in this order: "exact" (equal words), "minhash" and
"simhash" (candidates whose true Jaccard similarity over word 5-grams reaches the threshold, so an
estimate never merges anything), "noise" (the same text with OCR errors). How candidates are found
and who joins whom is in `duplicates_sketch` and `duplicates_cluster`.

The kept member is the one born digital; then the longest, in steps of a quarter; then the cleanest;
then the first by name, so that a copy or a draft does not take the place of what it was made from
for a few words more. ``clusters.reason`` says which of these decided. Paragraphs of at least 80
characters are merged only when their normalised text is equal; among equals the longest stays, then
the first by document id and order. Documents of folders that came before (`duplicates_known`) are
kept in any case: what is like one of them goes for the reason "known". "substring" takes whole
sentences out of a paragraph where a long string stands in another paragraph too, of a better
document or further ahead.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import pyarrow as pa

from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline.stage import Tables
from goldsmith.project import RefineSettings
from goldsmith.refine.duplicates_index import DuplicateIndex, Entry, Rank, clusters_of
from goldsmith.refine.duplicates_sketch import text_key
from goldsmith.refine.duplicates_substring import repeated
from goldsmith.refine.segments import Row, reject_passage, reject_range

MINIMUM_CHARACTERS = 80  # of a paragraph that may be merged
_STEP = 1.25  # lengths within such a factor count as equal
_SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*\s+")


@dataclass(frozen=True)
class Deduplicate:
    """``passages`` that the cut left, of the whole corpus, to ``clusters`` and ``rejects``."""

    settings: RefineSettings
    before: str = ""  # digest of the documents of folders that came before
    known: tuple[Path, ...] = field(default=(), metadata={"place": True})  # where they are
    name: ClassVar[str] = "deduplicate"
    version: ClassVar[int] = 3
    unit: ClassVar[Literal["document", "all"]] = "all"
    reads: ClassVar[tuple[str, ...]] = ("passages", "rejects:cut", "documents", "pages", "scores")
    writes: ClassVar[tuple[str, ...]] = ("clusters", "rejects")

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        passages = left_by_cut(tables)
        entries = entries_of(passages, tables)
        before = [DuplicateIndex(folder) for folder in self.known]
        methods = self.settings.duplicates
        found = clusters_of(entries, self.settings.near_duplicate, methods, before)
        clusters = [row._asdict() for row in found]
        rejects: list[Row] = []
        merged = {row["member"]: row for row in clusters}
        left: list[Row] = []
        for passage in passages:
            cluster = merged.get(passage["document"])
            if cluster is None:
                left.append(passage)
            else:
                rejects += self._rejects(passage, cluster)
        paragraphs = {row["id"]: row for row in left if row["kind"] == "paragraph"}
        for cluster in merge_paragraphs(list(paragraphs.values())):
            clusters.append(cluster)
            rejects += self._rejects(paragraphs.pop(cluster["member"]), cluster)
        if "substring" in self.settings.duplicates:
            order = sorted(entry.rank for entry in entries)
            rejects += self._substrings(order, list(paragraphs.values()))
        return {
            "clusters": pa.Table.from_pylist(clusters, SCHEMAS["clusters"]),
            "rejects": pa.Table.from_pylist(rejects, SCHEMAS["rejects"]),
        }

    def _rejects(self, passage: Row, cluster: Row) -> list[Row]:
        method, similarity = cluster["method"], cluster["similarity"]
        return reject_passage(passage, self.name, method, similarity, cluster["kept"])

    def _substrings(self, order: Sequence[Rank], paragraphs: Sequence[Row]) -> list[Row]:
        """The rejects of strings that a better document, or the same one earlier, says already."""
        place = {rank.document: number for number, rank in enumerate(order)}
        ranked = sorted(paragraphs, key=lambda row: (place[row["document"]], row["order"]))
        found = repeated([row["text"] for row in ranked], self.settings.substring_characters)
        rows: list[Row] = []
        for number, start, end, first in found:
            # Only whole sentences go, so that what stays can still be read.
            text = ranked[number]["text"]
            edges = [0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
            start = next(edge for edge in edges if edge >= start)
            end = next(edge for edge in reversed(edges) if edge <= end)
            if end - start >= self.settings.substring_characters:
                kept = ranked[first]["id"]
                rows += reject_range(ranked[number], start, end, self.name, "substring", 1.0, kept)
        return rows


def left_by_cut(tables: Tables) -> list[Row]:
    """Return the passages that the cut left, by document and order."""
    fallen = set(tables["rejects:cut"].column("subject").to_pylist())
    passages = [row for row in tables["passages"].to_pylist() if row["id"] not in fallen]
    return sorted(passages, key=lambda row: (row["document"], row["order"]))


def entries_of(passages: Sequence[Row], tables: Tables) -> list[Entry]:
    """Return the documents that are compared, by id: the text of all passages left of each."""
    parts: dict[str, list[str]] = defaultdict(list)
    for passage in passages:
        parts[passage["document"]].append(passage["text"])
    texts = {document: "\n".join(found) for document, found in parts.items()}
    return [Entry(rank, texts[rank.document]) for rank in ranks(texts, tables)]


def ranks(texts: Mapping[str, str], tables: Tables) -> list[Rank]:
    """Return the rank of each document (id -> text), by id."""
    files = tables["documents"].select(["id", "uri"]).to_pylist()
    names = {row["id"]: row["uri"] for row in reversed(files)}  # the first of several copies
    pages: dict[str, list[bool]] = defaultdict(list)
    for row in tables["pages"].select(["document", "route"]).to_pylist():
        pages[row["document"]].append(row["route"] in ("ocr", "nougat"))
    damage = {
        row["subject"]: row["value"]
        for row in tables["scores"].select(["subject", "document", "name", "value"]).to_pylist()
        if row["name"] == "gibberish" and row["subject"] == row["document"]
    }
    return [
        Rank(
            2 * sum(pages[document]) > len(pages[document]),
            -math.floor(math.log(max(len(text), 1), _STEP)),
            round(20 * damage.get(document, 0.0)),
            names[document],
            document,
        )
        for document, text in sorted(texts.items())
    ]


def merge_paragraphs(paragraphs: Sequence[Row]) -> list[Row]:
    """Return a ``clusters`` row for each paragraph whose normalised text another one has."""
    twins: dict[bytes, list[Row]] = defaultdict(list)
    for paragraph in paragraphs:
        if len(paragraph["text"]) >= MINIMUM_CHARACTERS:
            twins[text_key(paragraph["text"])].append(paragraph)
    clusters: list[Row] = []
    for members in twins.values():
        members.sort(key=lambda row: (-len(row["text"]), row["document"], row["order"]))
        kept = members[0]
        for row in members[1:]:
            longer = len(kept["text"]) > len(row["text"])
            clusters.append(
                {
                    "member": row["id"],
                    "kept": kept["id"],
                    "method": "exact",
                    "similarity": 1.0,
                    "reason": "longest" if longer else "first",
                }
            )
    return clusters
