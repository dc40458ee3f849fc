"""Scores that a function from texts to numbers gives: the hook for classifiers and models.

This room knows no model. A later one brings a function (the probability of toxicity, a language
model's perplexity) and stores what comes out, under a name that ``refine.cuts`` may use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from goldsmith.errors import UserError
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.refine.limits import SCORES
from goldsmith.refine.screen import UNJUDGED, score_rows
from goldsmith.refine.segments import Row

Classifier = Callable[[Sequence[str]], Sequence[float]]


def classifier_scores(
    passages: pa.Table, name: str, scorer: str, classifier: Classifier
) -> pa.Table:
    """Return rows of ``scores`` called ``name`` for all passages with sentences, stage ``name``.

    ``scorer`` names the classifier and its version. The classifier sees every text once, in the
    order of passages, and gives a finite number for each; nan where it cannot tell, which stores
    nothing. Raises UserError for a name that no cut could use.
    """
    if name not in SCORES:
        raise UserError(
            f"no cut can use a score called '{name}'; use one of: {', '.join(sorted(SCORES))}"
        )
    members = [
        row
        for row in passages.select(["id", "document", "kind", "text"]).to_pylist()
        if row["kind"] not in UNJUDGED
    ]
    values = classifier([row["text"] for row in members])
    rows: list[Row] = []
    for member, value in zip(members, values, strict=True):
        if value == value:
            own = {name: float(value)}
            rows += score_rows(member["id"], member["document"], own, name, scorer)
    return pa.Table.from_pylist(rows, SCHEMAS["scores"])
