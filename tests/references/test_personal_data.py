"""Personal data against labelled sentences, where the shared data lies beside the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from goldsmith.project import RefineSettings
from goldsmith.refine.personal.patterns import patterned
from goldsmith.refine.pii import applied, pii_edits

SENTENCES = Path(__file__).parents[2].parent / "shared/data/pii/synth_dataset_v2.jsonl"
TYPES = {
    "EMAIL_ADDRESS": "e-mail", "PHONE_NUMBER": "phone", "CREDIT_CARD": "card", "IBAN_CODE": "iban",
    "US_SSN": "national id", "IP_ADDRESS": "ip", "US_DRIVER_LICENSE": "driver licence",
    "DOMAIN_NAME": "url",
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    if not SENTENCES.exists():
        pytest.skip("shared/data/pii is not beside the repository")
    return [json.loads(line) for line in SENTENCES.read_text("utf-8").splitlines()]


def truth(row: dict[str, Any]) -> set[tuple[int, int, str]]:
    return {
        (span["start_position"], span["end_position"], TYPES[span["entity_type"]])
        for span in row["spans"]
        if span["entity_type"] in TYPES
    }


def test_what_has_a_form_is_found_to_the_character(rows: list[dict[str, Any]]) -> None:
    wanted = found = right = 0
    for row in rows:
        ours = {f[:3] for f in patterned(row["full_text"]) if f.kind in TYPES.values()}
        gold = truth(row)
        wanted, found, right = wanted + len(gold), found + len(ours), right + len(gold & ours)
    assert wanted > 200
    assert right >= 0.98 * wanted
    assert right >= 0.98 * found


def test_names_and_places_stay_by_default(rows: list[dict[str, Any]]) -> None:
    chosen = RefineSettings()
    for row in rows:
        text = row["full_text"]
        treated = applied(text, pii_edits(text, True, chosen))
        for span in row["spans"]:
            kind, value = span["entity_type"], span["entity_value"]
            if kind in ("PERSON", "GPE", "ORGANIZATION", "NRP"):
                assert value in treated
            elif kind in ("EMAIL_ADDRESS", "CREDIT_CARD", "US_SSN", "IBAN_CODE"):
                assert value not in treated


def test_presidio_finds_no_more_numbers_with_checks(rows: list[dict[str, Any]]) -> None:
    """Cards, accounts and addresses of mail, for which both have the same definition."""
    analyzer = pytest.importorskip("presidio_analyzer.predefined_recognizers")
    peers = {
        "card": analyzer.CreditCardRecognizer(),
        "iban": analyzer.IbanRecognizer(),
        "e-mail": analyzer.EmailRecognizer(),
    }
    compared = 0
    for row in rows:
        text = row["full_text"]
        ours = {f[:3] for f in patterned(text)}
        for kind, peer in peers.items():
            for result in peer.analyze(text, peer.supported_entities, None):
                compared += 1
                assert (result.start, result.end, kind) in ours, text
    assert compared > 100
