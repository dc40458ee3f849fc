"""The passages that can be asked about, with everything needed to choose among them.

A pool is read from the lake once for a session: passages in the order of the table, their features,
what the heuristic says of each, and the group (document) that must not be on both sides of a test.
Chance is an order, not a draw: passages are sorted by a hash of the seed and their id, and the
random arm asks about the first in that order that nobody was asked about. What it has reached is a
uniform sample of all passages, whichever of them the active arm took in between, and stays one when
documents are added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from goldsmith.lake import Lake
from goldsmith.project import RefineSettings
from goldsmith.refine import HEURISTIC_RULES, UNJUDGED, Cut
from goldsmith.review.features import Features, counts, fit_features, with_shape

_LARGEST = 20_000  # passages in a pool: a large corpus is represented by the first by chance
_FEW_DOCUMENTS = 10  # below this, pages instead of documents are kept together


@dataclass(frozen=True)
class Pool:
    """Passages that have letters to be judged by; all sequences are parallel."""

    passages: Sequence[Mapping[str, Any]]
    features: Features
    rows: Any  # CSR
    heuristic: npt.NDArray[np.bool_]  # what Cut would call garbage by its own rules
    groups: npt.NDArray[np.int64]
    chance: npt.NDArray[np.uint64]  # the place of each in the order of chance

    def __len__(self) -> int:
        return len(self.passages)


def open_pool(
    lake: Lake, settings: RefineSettings, *, seed: int, labelled: Collection[str] = ()
) -> Pool:
    """Read passages and scores from the lake; what is ``labelled`` is in the pool in any case."""
    table = lake.read("passages")
    scores = lake.read("scores")
    own = scores.filter(pc.not_equal(scores["stage"], "review"))
    rejects = Cut(settings).run({"passages": table, "scores": own})["rejects"]
    taken = pc.is_in(rejects["rule"], value_set=pa.array(sorted(HEURISTIC_RULES)))
    heuristic = set(rejects.filter(taken)["subject"].to_pylist())
    passages = [row for row in table.to_pylist() if judged(row)]
    places = chance_order([row["id"] for row in passages], seed)
    if len(passages) > _LARGEST:
        last = np.partition(places, _LARGEST)[_LARGEST]
        taken_in = [p < last or r["id"] in labelled for p, r in zip(places, passages, strict=True)]
        passages = [row for row, take in zip(passages, taken_in, strict=True) if take]
        places = places[taken_in]
    screened = scores.filter(pc.equal(scores["stage"], "screen"))
    texts = [row["text"] for row in passages]
    known = with_shape(texts, passage_scores_of([row["id"] for row in passages], screened))
    found = counts(texts)
    features = fit_features(found, known)
    return Pool(
        passages,
        features,
        features.of_counts(found, known),
        np.array([row["id"] in heuristic for row in passages], bool),
        _groups(passages),
        places,
    )


def chance_order(subjects: Sequence[str], seed: int) -> npt.NDArray[np.uint64]:
    """Return a number for each id: sorted by it, ids are in an order of chance."""
    return np.array(
        [
            int.from_bytes(hashlib.sha256(f"{seed} {subject}".encode()).digest()[:8], "little")
            for subject in subjects
        ],
        np.uint64,
    )


def judged(passage: Mapping[str, Any]) -> bool:
    """Whether a passage is one to be judged: not a heading, and with letters that are sentences."""
    return passage["kind"] != "heading" and passage["kind"] not in UNJUDGED


def passage_scores_of(subjects: Sequence[str], scores: pa.Table) -> list[dict[str, float]]:
    """Return the stored scores of each subject by name."""
    wanted: dict[str, dict[str, float]] = {subject: {} for subject in subjects}
    columns = (scores.column(name).to_pylist() for name in ("subject", "name", "value"))
    for subject, name, value in zip(*columns, strict=True):
        if subject in wanted:
            wanted[subject][name] = value
    return list(wanted.values())


def _groups(passages: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.int64]:
    documents = {row["document"] for row in passages}
    by_page = len(documents) < _FEW_DOCUMENTS
    names = [
        (row["document"], (row["spans"][0]["page"] or 0) if by_page else 0) for row in passages
    ]
    number = {name: index for index, name in enumerate(sorted(set(names)))}
    return np.array([number[name] for name in names], np.int64)
