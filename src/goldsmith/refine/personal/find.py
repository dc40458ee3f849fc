"""Every kind of personal data that this room knows, and where a text has it.

Patterns come first and what they find is settled; the tagger reads the rest. Placeholders and
pseudonyms that stand in the text already are never found again, nor is anything that touches one.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from goldsmith.refine.personal.patterns import Finding, patterned
from goldsmith.refine.personal.words import Lexicon

#: Kind to placeholder. The first group has a form, the second needs the tagger.
FORMED = {
    "e-mail": "EMAIL", "phone": "PHONE", "card": "CARD", "iban": "IBAN",
    "national id": "NATIONAL_ID", "driver licence": "DRIVER_LICENCE", "passport": "PASSPORT",
    "credentials": "CREDENTIALS", "ip": "IP", "mac": "MAC", "url": "URL",
    "date of birth": "DATE_OF_BIRTH",
}  # fmt: skip
TAGGED = {
    "person": "PERSON", "address": "ADDRESS", "place": "PLACE", "organisation": "ORGANISATION",
    "date": "DATE", "title": "TITLE", "age": "AGE", "nationality": "NATIONALITY",
    "post code": "POST_CODE",
}  # fmt: skip
KINDS = (*FORMED, *TAGGED)
_OF_TYPE = {
    "PERSON": "person", "STREET_ADDRESS": "address", "GPE": "place",
    "ORGANIZATION": "organisation", "DATE_TIME": "date", "TITLE": "title", "AGE": "age",
    "NRP": "nationality", "ZIP_CODE": "post code",
}  # fmt: skip
_LABELS = "|".join((*FORMED.values(), *TAGGED.values()))
#: What stands for personal data: [EMAIL], or a pseudonym such as [PERSON:k3v9...].
PLACEHOLDER = re.compile(rf"\[(?:{_LABELS})(?::[a-z2-7]{{20}})?\]")


def found(
    text: str,
    kinds: Collection[str],
    prose: bool = True,
    *,
    weights: object = None,
    lexicon: Lexicon | None = None,
) -> list[Finding]:
    """Return what a text has of the kinds, in order and apart.

    ``weights`` and ``lexicon`` take the place of those that ship (for measuring).
    """
    from goldsmith.refine.personal.tagger import Weights, tagged

    settled = [(m.start(), m.end(), "placeholder") for m in PLACEHOLDER.finditer(text)]
    findings = patterned(text, prose)
    if settled:
        findings = [f for f in findings if not _touches(f, settled)]
    if not any(kind in TAGGED for kind in kinds):
        return [f for f in findings if f.kind in kinds]
    taken = sorted(
        [*settled, *((f.start, f.end, f.kind) for f in findings if f.kind != "date of birth")]
    )
    assert weights is None or isinstance(weights, Weights)
    spans = [
        Finding(t.start, t.end, _OF_TYPE[t.kind], 0.9)
        for t in tagged(text, taken, weights, lexicon)
    ]
    births = [f for f in findings if f.kind == "date of birth" and "date of birth" in kinds]
    rest = [f for f in findings if f.kind != "date of birth"]
    spans = [s for s in spans if not _touches(s, [(b.start, b.end, b.kind) for b in births])]
    return [f for f in sorted([*births, *rest, *spans]) if f.kind in kinds]


def _touches(finding: Finding, taken: list[tuple[int, int, str]]) -> bool:
    return any(finding.start < end and start < finding.end for start, end, _ in taken)
