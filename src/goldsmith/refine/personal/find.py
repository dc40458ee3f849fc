"""Every kind of personal data that this room knows, and where a text has it.

Patterns come first and what they find is settled; the tagger reads the rest. Placeholders and
pseudonyms that stand in the text already are never found again, nor is anything that touches one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from goldsmith.refine.personal.patterns import Finding, apart, patterned

if TYPE_CHECKING:
    from goldsmith.refine.personal.tagger import Weights
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
#: The tagger's types, named as presidio-research names them.
OF_TYPE = {
    "PERSON": "person", "STREET_ADDRESS": "address", "GPE": "place",
    "ORGANIZATION": "organisation", "DATE_TIME": "date", "TITLE": "title", "AGE": "age",
    "NRP": "nationality", "ZIP_CODE": "post code",
}  # fmt: skip
_LABELS = "|".join((*FORMED.values(), *TAGGED.values()))
_SETTLED = "settled"
#: What stands for personal data: [EMAIL], or a pseudonym such as [PERSON:k3v9...].
PLACEHOLDER = re.compile(rf"\[(?:{_LABELS})(?::[a-z2-7]{{20}})?\]")


def found(
    text: str,
    kinds: Collection[str],
    prose: bool = True,
    *,
    weights: Weights | None = None,
    lexicon: Lexicon | None = None,
) -> list[Finding]:
    """Return what a text has of the kinds, in order and apart.

    Outside prose a telephone number needs a word that says it is one. ``weights`` and ``lexicon``
    take the place of those that ship (for measuring).
    """
    settled = [Finding(*m.span(), _SETTLED) for m in PLACEHOLDER.finditer(text)]
    findings = patterned(text, prose)
    if settled:
        findings = apart([*settled, *findings])
    if any(kind in TAGGED for kind in kinds):
        from goldsmith.refine.personal.tagger import tagged

        # A date of birth is a date to the tagger too; where both are asked for, the pattern's goes.
        taken = [f for f in findings if f.kind != "date of birth"]
        spans = tagged(text, [f[:3] for f in taken], weights, lexicon)
        births = [f for f in findings if f.kind == "date of birth" and f.kind in kinds]
        parts = (Finding(s.start, s.end, OF_TYPE[s.kind], 0.9) for s in spans)
        findings = apart([*taken, *births, *parts])
    return [finding for finding in findings if finding.kind in kinds]
