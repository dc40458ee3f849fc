"""Personal data against labelled sentences, where the shared data lies beside the repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from goldsmith.refine.pii import pii_edits

SENTENCES = Path(__file__).parents[2].parent / "shared/data/pii/synth_dataset_v2.jsonl"
TYPES = {"EMAIL_ADDRESS": "e-mail", "PHONE_NUMBER": "phone", "CREDIT_CARD": "card"}
LEAST_RECALL = {"e-mail": 1.0, "phone": 0.85, "card": 1.0}


def test_precision_and_recall() -> None:
    if not SENTENCES.exists():
        pytest.skip("shared/data/pii is not beside the repository")
    hits = dict.fromkeys(TYPES.values(), 0)
    wanted, found, right = dict(hits), dict(hits), dict(hits)
    for row in map(json.loads, SENTENCES.read_text("utf-8").splitlines()):
        edits = pii_edits(row["full_text"], True)
        for kind, rule in TYPES.items():
            spans = [
                (span["start_position"], span["end_position"])
                for span in row["spans"]
                if span["entity_type"] == kind
            ]
            ours = [(edit.start, edit.end) for edit in edits if edit.rule == rule]
            wanted[rule] += len(spans)
            found[rule] += len(ours)
            hits[rule] += sum(any(a < d and c < b for c, d in ours) for a, b in spans)
            right[rule] += sum(any(a < d and c < b for a, b in spans) for c, d in ours)
    for rule in hits:
        assert hits[rule] >= LEAST_RECALL[rule] * wanted[rule], rule
        assert right[rule] == found[rule], rule
