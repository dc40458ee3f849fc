"""The stage that decides from stored scores which passages go, and says why.

A passage is judged with its neighbours: a short one has no language of its own, so it goes with
those around it, its page, its document. A heading goes only when everything under it goes. Where a
passage has the score "garbage" (learned from labels, and stored only once a test found it better),
that decides in place of gibberish and grade. The languages to keep are those a good part of the
corpus is written in, unless settings name them. What settings cut beyond that (``filters``,
``cuts``) is read by `goldsmith.refine.limits`.

Only this stage reads CUT_SETTINGS, so a moved cut leaves all earlier stages as they were.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import pyarrow as pa

from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline.stage import Tables
from goldsmith.project import RefineSettings
from goldsmith.refine.language import letters_in
from goldsmith.refine.limits import Limit, first_broken, limits_of
from goldsmith.refine.screen import UNJUDGED
from goldsmith.refine.segments import Row, reject_passage

_OWN_LETTERS = 200  # from here a passage's own scores count alone
_GOOD_SHARE = 0.1  # of the corpus, from which a further language is kept
_NEIGHBOURS = 2  # passages before and after that are asked for a shorter one
_JUDGED_LETTERS = 40  # below this a passage has no gibberish of its own

#: Settings that only decide: they move passages, never a score.
CUT_SETTINGS = (
    "languages",
    "language_confidence",
    "maximum_gibberish",
    "minimum_grade",
    "maximum_garbage",
    "filters",
    "cuts",
)
#: The rules that the score "garbage", where there is one, takes the place of.
HEURISTIC_RULES = frozenset({"gibberish", "low grade"})

Scores = Mapping[str, Mapping[str, float]]  # subject -> name -> value


class Decision(NamedTuple):
    rule: str  # of REJECT_RULES["cut"]
    score: float


@dataclass(frozen=True)
class Cut:
    """``passages`` and ``scores`` of the whole corpus to ``rejects``, one row a span."""

    settings: RefineSettings
    name: ClassVar[str] = "cut"
    version: ClassVar[int] = 5
    unit: ClassVar[Literal["document", "all"]] = "all"
    reads: ClassVar[tuple[str, ...]] = ("passages", "scores")
    writes: ClassVar[tuple[str, ...]] = ("rejects",)

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        rows: list[Row] = []
        for member, decision in decisions_for(tables["passages"], tables["scores"], self.settings):
            if decision is not None:
                rows += reject_passage(member, self.name, decision.rule, decision.score)
        return {"rejects": pa.Table.from_pylist(rows, SCHEMAS["rejects"])}


def without_cuts(settings: RefineSettings) -> RefineSettings:
    """Return settings with every cut at its default: what all other stages see."""
    fields = RefineSettings.model_fields
    return settings.model_copy(update={name: fields[name].get_default() for name in CUT_SETTINGS})


def decisions_for(
    passages: pa.Table, scores: pa.Table, settings: RefineSettings
) -> Iterator[tuple[Row, Decision | None]]:
    """Yield every passage of the corpus, in order, with why it goes, or None when it stays."""
    rows = sorted(passages.to_pylist(), key=lambda row: (row["document"], row["order"]))
    by_subject: dict[str, dict[str, float]] = defaultdict(dict)
    columns = (scores.column(name).to_pylist() for name in ("subject", "name", "value"))
    for subject, name, value in zip(*columns, strict=True):
        by_subject[subject][name] = value
    by_document: dict[str, list[Row]] = defaultdict(list)
    for passage in rows:
        by_document[passage["document"]].append(passage)
    wanted = frozenset(settings.languages) or main_languages(by_document, by_subject)
    limits = limits_of(settings)
    for document, members in by_document.items():
        decisions = decide(members, by_subject, document, wanted, settings, limits)
        yield from zip(members, decisions, strict=True)


def main_languages(by_document: Mapping[str, Sequence[Row]], scores: Scores) -> frozenset[str]:
    """Return the language most letters of the corpus are written in, and any with a good share.

    Each document counts for its main language: a folder of documents in two languages keeps both,
    a stray page in another does not stay. Empty when no language shows.
    """
    letters: dict[str, float] = defaultdict(float)
    for document in sorted(by_document):
        spoken = _best(_languages(scores.get(document, {}), "language:"), 0.0)
        if spoken is not None:
            weight = sum(letters_in(member["text"]) for member in by_document[document])
            letters[spoken[0]] += weight
    total = sum(letters.values())
    best = min(letters, key=lambda code: (-letters[code], code), default=None)
    return frozenset(c for c in letters if c == best or letters[c] >= _GOOD_SHARE * total)


def decide(
    members: Sequence[Row],
    scores: Scores,
    document: str,
    wanted: frozenset[str],
    settings: RefineSettings,
    limits: Sequence[Limit] = (),
) -> list[Decision | None]:
    """Return for each passage of one document, in order, why it goes, or None when it stays."""
    weights = [
        0 if member["kind"] in UNJUDGED else letters_in(member["text"]) for member in members
    ]
    own = [scores.get(member["id"], {}) for member in members]
    whole = scores.get(document, {})
    decisions: list[Decision | None] = []
    for index, member in enumerate(members):
        page = member["spans"][0]["page"] or 0
        near = range(max(0, index - _NEIGHBOURS), min(len(members), index + _NEIGHBOURS + 1))
        spoken = _spoken(index, near, weights, own, whole, page, settings.language_confidence)
        noise = _noise(index, near, weights, own, whole, page)
        mark = own[index].get("grade", 1.0)
        learned = own[index].get("garbage") if settings.garbage == "auto" else None
        visible = sum(not character.isspace() for character in member["text"])
        if wanted and spoken is not None and spoken[0] not in wanted:
            decisions.append(Decision("language", spoken[1]))
        elif learned is not None and learned > settings.maximum_garbage:
            decisions.append(Decision("garbage", learned))
        elif learned is None and noise > settings.maximum_gibberish:
            decisions.append(Decision("gibberish", noise))
        elif (
            learned is None
            and member["kind"] == "paragraph"
            and mark < settings.minimum_grade
            and visible >= 20
        ):
            decisions.append(Decision("low grade", mark))
        elif member["kind"] == "paragraph" and weights[index] < 2 and visible < 3:
            decisions.append(Decision("too short", float(visible)))
        else:
            broken = first_broken(limits, own[index], whole, page)
            decisions.append(None if broken is None else Decision(*broken))
    return _with_headings(members, decisions)


def _spoken(
    index: int,
    near: range,
    weights: Sequence[int],
    own: Sequence[Mapping[str, float]],
    whole: Mapping[str, float],
    page: int,
    confidence: float,
) -> tuple[str, float] | None:
    """The language a passage counts as: its own, its neighbours', its page's, its document's."""
    if weights[index] >= _OWN_LETTERS:
        found = _best(_languages(own[index], "language:"), confidence)
        if found is not None:
            return found
    shares: dict[str, float] = defaultdict(float)
    asked = [one for one in near if any(name.startswith("language:") for name in own[one])]
    for one in asked:
        for code, value in _languages(own[one], "language:").items():
            shares[code] += weights[one] * value
    total = sum(weights[one] for one in asked)
    if total >= _OWN_LETTERS:
        found = _best({code: value / total for code, value in shares.items()}, confidence)
        if found is not None:
            return found
    for prefix in (f"page:{page}:language:", "language:"):
        found = _best(_languages(whole, prefix), confidence)
        if found is not None:
            return found
    return None


def _noise(
    index: int,
    near: range,
    weights: Sequence[int],
    own: Sequence[Mapping[str, float]],
    whole: Mapping[str, float],
    page: int,
) -> float:
    """The gibberish a passage counts as: the shorter it is, the more its surroundings say.

    Its own score has the weight of its letters; what stands around it, or its page where that is
    short too, has the weight of ``_OWN_LETTERS`` less those.
    """
    total = sum(weights[one] for one in near if one != index)
    around = sum(weights[one] * own[one].get("gibberish", 0.0) for one in near if one != index)
    other = whole.get(f"page:{page}:gibberish", 0.0)
    if total >= _OWN_LETTERS:
        other = around / total
    if weights[index] < _JUDGED_LETTERS:
        return other
    share = min(weights[index] / _OWN_LETTERS, 1.0)
    return share * own[index].get("gibberish", 0.0) + (1.0 - share) * other


def _languages(scores: Mapping[str, float], prefix: str) -> dict[str, float]:
    return {name[len(prefix) :]: value for name, value in scores.items() if name.startswith(prefix)}


def _best(shares: Mapping[str, float], confidence: float) -> tuple[str, float] | None:
    code = min(shares, key=lambda code: (-shares[code], code), default=None)
    return None if code is None or shares[code] < confidence else (code, shares[code])


def _with_headings(
    members: Sequence[Row], decisions: list[Decision | None]
) -> list[Decision | None]:
    """Keep a heading with content under it that stays; drop it when all of its content goes."""
    result = list(decisions)
    for index, member in enumerate(members):
        if member["kind"] != "heading":
            continue
        under = []
        for after in range(index + 1, len(members)):
            if members[after]["kind"] == "heading" and members[after]["level"] <= member["level"]:
                break
            if members[after]["kind"] != "heading":
                under.append(decisions[after])
        if under:
            stays = any(found is None or found.rule == "too short" for found in under)
            result[index] = None if stays else under[0]
    return result
