"""The promise of this room, as a function: every character of every raw line is accounted for.

A character is covered by a span of a passage that survives, or by a reject; never by both, by
neither, or twice. `check_cover` says where that fails; how passages are made is no matter here.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import pyarrow as pa

from goldsmith.refine.segments import Row, remaining

_AFTER = ("cut", "deduplicate", "forget")


class Problem(NamedTuple):
    """Characters ``start``..``end`` of a raw line, and what is wrong with their account."""

    line: str
    start: int
    end: int
    what: str


def check_cover(lines: pa.Table, passages: pa.Table, rejects: pa.Table) -> list[Problem]:
    """Return every place where kept + removed + merged is not exactly the input.

    ``rejects`` holds the rows of all stages up to the point that is checked; of a passage that a
    later stage than "clean" took something from, the rest counts. The answer is in order of
    line id and place, and empty when all is well.
    """
    raw: dict[str, str] = dict(
        zip(lines.column("id").to_pylist(), lines.column("text").to_pylist(), strict=True)
    )
    ranges: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    problems: list[Problem] = []
    fallen: dict[str, list[Row]] = defaultdict(list)
    for row in rejects.to_pylist():
        if row["stage"] in _AFTER:
            fallen[row["subject"]].append(row)
        place = (row["line"], row["start"], row["end"])
        ranges[row["line"]].append((row["start"], row["end"], f"reject {row['id']}"))
        if raw.get(row["line"], "")[row["start"] : row["end"]] != row["text"]:
            problems.append(Problem(*place, f"reject {row['id']} holds another text"))
    for passage in passages.to_pylist():
        reach = 0
        for span in passage["spans"]:
            place = (span["line"], span["start"], span["end"])
            text = passage["text"][span["at"] : span["at"] + span["length"]]
            if raw.get(span["line"], "")[span["start"] : span["end"]] != text:
                problems.append(Problem(*place, f"passage {passage['id']} holds another text"))
            if span["at"] < reach:
                problems.append(Problem(*place, f"spans of {passage['id']} overlap in its text"))
            reach = span["at"] + span["length"]
        left = remaining(passage, fallen.get(passage["id"], ()))
        for span in left["spans"] if left else ():
            ranges[span["line"]].append((span["start"], span["end"], passage["id"]))
    for line in sorted(ranges.keys() - raw.keys()):
        problems.extend(Problem(line, s, e, f"{who}: no such line") for s, e, who in ranges[line])
    for line, text in raw.items():
        problems.extend(_holes(line, len(text or ""), sorted(ranges.get(line, ()))))
    return sorted(problems)


def _holes(line: str, length: int, ranges: list[tuple[int, int, str]]) -> list[Problem]:
    problems = []
    reach = 0
    for start, end, who in ranges:
        if not 0 <= start < end <= length:
            problems.append(Problem(line, start, end, f"{who}: range outside the line"))
            continue
        if start > reach:
            problems.append(Problem(line, reach, start, "covered by nothing"))
        elif start < reach:
            problems.append(Problem(line, start, min(end, reach), f"{who}: covered twice"))
        reach = max(reach, end)
    if reach < length:
        problems.append(Problem(line, reach, length, "covered by nothing"))
    return problems
