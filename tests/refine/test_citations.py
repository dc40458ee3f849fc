"""Citations go, mathematics and years stay: the hand-made truth in ``citations.txt``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from goldsmith.project import RefineSettings
from goldsmith.refine import Clean, check_cover

from .made import line, lines_table, tags_table

NUMBERED = [f"[{n}] A. Author{n}. On roads. Press, Rome, 20{n:02d}." for n in range(1, 15)]
LISTS = {
    "numbers": NUMBERED,
    "names": [
        "Garcia-Lopez, M. (2017). On rivers. Journal of Water 3.",
        "Lee, A. (2019). The bridge. Springer, Berlin, 1989.",
        "Müller, K. und Schmidt, B. (2015). Die Straße. Stockholm: Norstedt.",
        "O'Neil, C. (2016). On weights. Rome: Laterza, 1957.",
        "Smith, B., Lee, A., & Wu, C. (2020). The road. London: Penguin, 1999.",
        "van der Berg, J. (2018). On dikes. Paramount Press, 2010.",
        "WHO (2020). Report on roads.",
        "Wu, C. & Lee, A. (2021). The ferry. Navy Press, 1990.",
    ],
    "keys": [
        "[Lee19] A. Lee. The bridge. 2019.",
        "[SW+20] B. Smith et al. The road. 2020.",
        "[Wu21] C. Wu. The ferry. 2021.",
    ],
    "none": [],
    "marks": NUMBERED,
}


def cases() -> list[tuple[str, str, str]]:
    """(name of a list, text, what must be left of it)."""
    found, name = [], ""
    for row in Path(__file__).with_name("citations.txt").read_text("utf-8").splitlines():
        if row.startswith("== "):
            name = row[3:]
        elif row and not row.startswith("#"):
            marked, _, expected = row.partition("|")
            text = re.sub("[«»]", "", marked)
            found.append((name, text, expected or re.sub("«[^»]*»", "", marked)))
    return found


CASES = cases()


def test_there_are_enough_of_both_kinds() -> None:
    assert len(CASES) >= 150
    assert sum(text == expected for _, text, expected in CASES) >= 60
    assert sum(text != expected for _, text, expected in CASES) >= 50


@pytest.mark.parametrize(("name", "text", "expected"), CASES, ids=[case[1][:60] for case in CASES])
def test_citation(name: str, text: str, expected: str) -> None:
    entries = LISTS[name]
    rows = [line(text, 0)] + [line(entry, 1 + n, block=9) for n, entry in enumerate(entries)]
    tags = tags_table(rows, ["CONTENT"] + ["REFERENCE"] * len(entries))
    lines = lines_table(rows)
    made = Clean(RefineSettings()).run({"lines": lines, "tags": tags})
    assert check_cover(lines, made["passages"], made["rejects"]) == []
    assert made["passages"].to_pylist()[0]["text"] == expected
