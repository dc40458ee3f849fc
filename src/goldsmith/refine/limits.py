"""Cuts as settings: what ``refine.cuts`` may say, and which limits a subject's scores break.

A cut is ``[document|page|passage] SCORE < NUMBER`` or ``... > NUMBER``; without a scope it looks at
the passage. What has no such score is not judged by it. ``refine.filters`` puts the published
limits of whole filters (`rules.RULES`) on documents.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from goldsmith.errors import ConfigError
from goldsmith.lake.schemas import REJECT_RULES
from goldsmith.project import RefineSettings
from goldsmith.refine.rules import RULES

_CUT = re.compile(r"(?:(document|page|passage)\s+)?([a-z][a-z0-9_:]*)\s*([<>])\s*(-?\d+(?:\.\d+)?)")
HEURISTIC = "heuristic:"  # before a score of `heuristics` in the table of scores


class Limit(NamedTuple):
    """Beyond ``limit`` a subject goes; ``rule`` is the word for it in ``rejects``."""

    scope: str  # "document", "page" or "passage"
    score: str
    beyond: str  # "<" or ">"
    limit: float
    rule: str


class Broken(NamedTuple):
    """A limit that a subject broke, with its score."""

    rule: str
    value: float


def limits_of(settings: RefineSettings) -> tuple[Limit, ...]:
    """Return the limits that settings name. Raises ConfigError for a cut that cannot be read."""
    found = [
        Limit("document", HEURISTIC + rule.score, rule.beyond, rule.limit, rule.filter)
        for rule in RULES
        if rule.filter in settings.filters
    ]
    return (*found, *map(parse, settings.cuts))


def parse(cut: str) -> Limit:
    """Read one cut. Raises ConfigError that says what is wrong with it."""
    parts = _CUT.fullmatch(cut.strip())
    if parts is None:
        raise ConfigError(
            f"refine.cuts: cannot read '{cut}'; write [document|page|passage] SCORE > NUMBER, "
            "as in 'page damage > 0.1'"
        )
    scope, score, beyond, number = parts.groups()
    known = {rule.score for rule in RULES}
    base = score.removeprefix(HEURISTIC)
    if score.startswith(HEURISTIC) and base in known:
        rule = next(rule.filter for rule in RULES if rule.score == base)
    elif score in REJECT_RULES["cut"] or score.startswith("language:"):
        rule = score.partition(":")[0]
    else:
        names = sorted({*REJECT_RULES["cut"]} & SCORES) + sorted(HEURISTIC + name for name in known)
        raise ConfigError(
            f"refine.cuts: no score is called '{score}'; use one of: {', '.join(names)}"
        )
    return Limit(scope or "passage", score, beyond, float(number), rule)


#: Scores a cut may name, beside ``language:xx`` and the heuristics.
SCORES = frozenset(REJECT_RULES["cut"]) - {
    "language",
    "low grade",
    "too short",
    "gopher repetition",
    "gopher quality",
    "c4",
    "c4 paragraphs",
}


def first_broken(
    limits: Sequence[Limit],
    own: Mapping[str, float],
    whole: Mapping[str, float],
    page: int,
) -> Broken | None:
    """Return the first limit that a passage, its page or its document breaks, or None."""
    for limit in limits:
        if limit.scope == "passage":
            value = own.get(limit.score)
        elif limit.scope == "page":
            value = whole.get(f"page:{page}:{limit.score}")
        else:
            value = whole.get(limit.score)
        if value is not None and (
            value < limit.limit if limit.beyond == "<" else value > limit.limit
        ):
            return Broken(limit.rule, value)
    return None
