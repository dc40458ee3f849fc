"""The stage that stores the classifier's scores where it is in force, and nothing elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal

import pyarrow as pa

from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline.stage import Tables
from goldsmith.review.classifier import Classifier, read_classifier
from goldsmith.review.pool import judged, passage_scores_of


@dataclass(frozen=True)
class Judge:
    """``passages`` and stored scores of one document to the score "garbage" (0..1).

    ``classifier`` is the digest of the weights in force, which lie at ``path``; with both empty,
    the heuristic decides and no row is written.
    """

    classifier: str = ""
    path: str = field(default="", metadata={"place": True})
    name: ClassVar[str] = "review"
    version: ClassVar[int] = 1
    unit: ClassVar[Literal["document", "all"]] = "document"
    reads: ClassVar[tuple[str, ...]] = ("passages", "scores:screen")
    writes: ClassVar[tuple[str, ...]] = ("scores",)

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        rows = [row for row in tables["passages"].to_pylist() if judged(row)]
        if not self.classifier or not rows:
            return {"scores": SCHEMAS["scores"].empty_table()}
        subjects = [row["id"] for row in rows]
        known = passage_scores_of(subjects, tables["scores:screen"])
        found = _read(self.path, self.classifier).garbage([row["text"] for row in rows], known)
        scores = [
            {
                "subject": row["id"],
                "document": row["document"],
                "name": "garbage",
                "value": float(value),
                "stage": self.name,
                "scorer": f"review-{self.classifier[:12]}",
            }
            for row, value in zip(rows, found, strict=True)
        ]
        return {"scores": pa.Table.from_pylist(scores, SCHEMAS["scores"])}


@lru_cache(maxsize=1)
def _read(path: str, digest: str) -> Classifier:
    """Read the weights once a worker; ``digest`` tells one version at a path from the next."""
    return read_classifier(Path(path))
