"""What becomes of personal data in a text: a placeholder, a pseudonym, or nothing.

`refine.personal` finds it; this file turns findings into edits, so that every removal has its row
in the ledger, and reads back what was removed. Nothing is found in a text that was treated already:
edits are repeated until nothing is left to find.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from goldsmith.errors import UserError
from goldsmith.pipeline.artifact import write_atomically
from goldsmith.project import RefineSettings
from goldsmith.refine.characters import character_edits
from goldsmith.refine.personal.find import FORMED, TAGGED, found
from goldsmith.refine.personal.pseudonyms import (
    Key,
    is_pseudonym,
    key_from_environment,
    pseudonym,
    revealed,
    vault_of,
)
from goldsmith.refine.segments import Edit, Row

_LABELS = FORMED | TAGGED
_key = lru_cache(maxsize=1)(key_from_environment)
forget_key = _key.cache_clear


def pii_edits(text: str, prose: bool, settings: RefineSettings) -> list[Edit]:
    """Return the edits that take the kinds of ``settings.pii_types`` out of a text.

    Outside prose (tables, equations, code) a telephone number needs a word that says it is one,
    and names are not looked for. Raises `UserError` if pseudonyms are asked for and no key is set.
    """
    if settings.pii == "keep":
        return []
    kinds = [kind for kind in settings.pii_types if prose or kind in FORMED]
    if settings.pii == "redact":
        return edits_of(text, kinds, prose, lambda kind, value: f"[{_LABELS[kind]}]")
    key = _key()
    return edits_of(text, kinds, prose, lambda kind, value: pseudonym(key, kind, value))


def edits_of(
    text: str, kinds: Collection[str], prose: bool, name: Callable[[str, str], str]
) -> list[Edit]:
    """Return edits, in order and apart, after which `found` finds nothing more of the kinds."""
    edits: list[Edit] = []
    current = text
    while findings := found(current, kinds, prose):
        new = []
        shift, passed = 0, 0  # findings touch no edit, so all edits before one are passed whole
        for finding in findings:
            while passed < len(edits) and edits[passed].start + shift < finding.start:
                edit = edits[passed]
                shift += len(edit.replacement) - (edit.end - edit.start)
                passed += 1
            replacement = name(finding.kind, current[finding.start : finding.end])
            place = (finding.start - shift, finding.end - shift)
            new.append(Edit(*place, replacement, finding.kind, finding.score))
        edits = sorted([*edits, *new])
        current = applied(text, edits)
    return edits


def applied(text: str, edits: Iterable[Edit]) -> str:
    """Return the text after edits that are in order and apart."""
    parts, cursor = [], 0
    for edit in edits:
        parts += [text[cursor : edit.start], edit.replacement]
        cursor = edit.end
    return "".join([*parts, text[cursor:]])


def write_vault(rejects: pa.Table, path: Path) -> int:
    """Seal what the pseudonyms of a run stand for in a file, and return how many there are.

    ``rejects`` are the rows of the stage "clean", in their order. Raises `UserError` without a key.
    """
    key = _key()
    vault = vault_of(key, _pairs(rejects.to_pylist(), key))
    lines = (json.dumps({"pseudonym": label, "sealed": box}) for label, box in vault.items())
    write_atomically(path, "".join(f"{line}\n" for line in lines))
    return len(vault)


def reveal(text: str, vault: Path) -> str:
    """Return the text with its pseudonyms undone, by the vault and the key.

    Raises `UserError` without a key, with another, or for a vault that was changed.
    """
    boxes = {}
    for number, line in enumerate(vault.read_text("utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            boxes[row["pseudonym"]] = row["sealed"]
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{vault.name}, line {number}: not a line of a vault") from None
    return revealed(text, _key(), boxes)


def _pairs(rows: Sequence[Row], key: Key) -> list[tuple[str, str]]:
    """Return pseudonyms and their values; raises `UserError` if another key made them.

    A value that runs over lines has a row for each, of which the first holds the pseudonym; how
    the lines were joined is known when the hash of the value comes out right.
    """
    pairs = []
    proven = 0
    for index, row in enumerate(rows):
        label, kind = row["replacement"], row["rule"]
        if kind not in _LABELS or not is_pseudonym(label):
            continue
        parts = [row["text"]]
        candidates = [row["text"]]
        for other in rows[index + 1 : index + 9]:
            if other["document"] != row["document"] or other["replacement"]:
                break
            if other["rule"] == kind:
                parts.append(other["text"])
                candidates += [joint.join(parts) for joint in (" ", "", "\n", " | ")]
        mended = [applied(text, character_edits(text)) for text in candidates]
        right = [v for v in (*candidates, *mended) if pseudonym(key, kind, v) == label]
        proven += bool(right)
        pairs.append((label, right[0] if right else " ".join(parts)))
    if pairs and not proven:
        raise UserError("the pseudonyms were made with another key: set the one of that run")
    return pairs
