"""Whether the hyphen at the end of a line belongs to the word or only to the line.

The document's own spelling decides, then the corpus', then the parts: two words that both stand
alone, or of which one makes compounds elsewhere, keep their hyphen. Corpus-wide counts come from
the stage `Divide`, which looks at all lines once and leaves one verdict for each divided word of
each document (table ``divisions``), so that cleaning still sees one document at a time, and a new
document costs others nothing but for verdicts that it turns.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import pyarrow as pa

from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline.stage import Tables
from goldsmith.project import RefineSettings
from goldsmith.refine.characters import SOFT_HYPHENS

#: The end of a line whose last word may go on in the next; what stands before another hyphen too.
DIVIDED = re.compile(rf"(?P<left>(?:[^\W\d_]+[-‐])*[^\W\d_]+)[-‐{SOFT_HYPHENS}]$")
STARTS_WORD = re.compile(r"[^\W\d_]+(?:[-‐][^\W\d_]+)*")

_WORD = re.compile(r"[^\W\d_]+(?:[-‐][^\W\d_]+)*")
_REACH = 4  # lines after one in which its last word may go on: furniture stands between
_SEEN = 2  # times that a part must stand in the corpus to be a word
_LETTERS = 4  # of either part; shorter ones are words by chance
_COMPOUNDING = 3  # letters of a part that makes compounds elsewhere
#: First parts that make compounds wherever the second part is a word.
# fmt: off
_FIRST = frozenset({
    "self", "well", "non", "all", "cross", "high", "low", "long", "short", "full", "half",
    "quasi", "semi", "ex", "mid", "single", "double", "one", "two", "three", "four", "five",
    "six", "seven", "eight", "nine", "ten", "first", "second", "third", "real", "large",
    "small", "multi", "fine", "deep", "open", "closed", "end", "state", "so", "user", "data",
    "time", "rule", "text", "web", "machine", "hand", "left", "right", "top", "bottom",
    "ground", "air", "year",
})
# fmt: on

Pair = tuple[str, str]  # the parts before and after the hyphen of a line's end, as written


@dataclass
class Words:
    """How often words stand in some texts; all in lower case but ``small``."""

    whole: Counter[str] = field(default_factory=Counter)  # compounds with their hyphens
    parts: Counter[str] = field(default_factory=Counter)  # of compounds too
    small: Counter[str] = field(default_factory=Counter)  # parts written without a capital
    first: Counter[str] = field(default_factory=Counter)  # first parts of compounds
    last: Counter[str] = field(default_factory=Counter)

    def add(self, texts: Iterable[str]) -> None:
        """Count the words of consecutive lines, but those that a line's end divides."""
        divided = False
        for text in texts:
            text = _plain(text)
            found = _WORD.findall(text)
            start = 1 if divided else 0
            divided = DIVIDED.search(text.rstrip()) is not None
            for word in found[start : -1 if divided else None]:
                self._add(word.replace("‐", "-"))

    def _add(self, word: str) -> None:
        low = word.lower()
        self.whole[low] += 1
        parts = word.split("-")
        for part in parts:
            self.parts[part.lower()] += 1
            if part[0].islower():
                self.small[part] += 1
        if len(parts) > 1:
            self.first[parts[0].lower()] += 1
            self.last[parts[-1].lower()] += 1


def _plain(text: str) -> str:
    """The text with its ligatures and accents as cleaning will leave them."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def divisions(texts: list[str]) -> Iterator[Pair]:
    """Yield what the ends of these consecutive lines may divide, likely or not."""
    texts = [_plain(text) for text in texts]
    for index, text in enumerate(texts):
        end = DIVIDED.search(text.rstrip())
        if end is None:
            continue
        for after in texts[index + 1 : index + 1 + _REACH]:
            start = STARTS_WORD.match(after.lstrip())
            if start is not None:
                yield end.group("left"), start.group()


def belongs(left: str, right: str, words: Words) -> bool | None:
    """Whether texts with these words write ``left-right`` with a hyphen; None: they do not say."""
    one, other = _near(left, right)
    joined, apart = words.whole[(one + other).lower()], words.whole[f"{one}-{other}".lower()]
    return joined < apart if joined or apart else None


def likely(left: str, right: str, words: Words) -> bool:
    """Whether the hyphen probably belongs to a word that these texts do not hold as a whole.

    It stays before a capital, after capitals and after a third part ("state-of-the-"). Measured
    by ``benchmarks/line_hyphens.py``.
    """
    one, other = _near(left, right)
    if not other[0].islower() or one.isupper():
        return True
    low = one.lower()
    before, after = words.parts[low], words.small[other]
    if "-" in left or "-" in right:
        return left.count("-") > 1 or bool(before and after)
    if low in _FIRST and after:
        return True
    both = before >= _SEEN and after >= _SEEN
    return both and (
        min(len(one), len(other)) >= _LETTERS
        or (words.first[low] > 0 and len(one) >= _COMPOUNDING)
        or (words.last[other] > 0 and len(other) >= _COMPOUNDING)
    )


def _near(left: str, right: str) -> Pair:
    """The parts next to the hyphen: "the" and "art" of "state-of-the" and "art"."""
    return re.split("[-‐]", left)[-1], re.split("[-‐]", right)[0]


@dataclass(frozen=True)
class Hyphens:
    """What decides in one document: its own words, then the verdicts over the whole corpus."""

    words: Words
    verdicts: Mapping[Pair, bool]

    def stays(self, left: str, right: str) -> bool:
        """Whether the hyphen between the end of one line and the start of another is the word's."""
        own = belongs(left, right, self.words)
        if own is not None:
            return own
        verdict = self.verdicts.get((left, right))
        return likely(left, right, self.words) if verdict is None else verdict

    def plausible(self, left: str, right: str) -> bool:
        """Whether the two are parts of a word: the document has it, or not the second by itself."""
        one, other = _near(left, right)
        return self.words.whole[(one + other).lower()] > 0 or self.words.small[other] == 0


@dataclass(frozen=True)
class Divide:
    """``lines`` of the whole corpus to ``divisions``: a verdict for each divided word.

    Readings that another one replaces are left out.
    """

    settings: RefineSettings
    name: ClassVar[str] = "divide"
    version: ClassVar[int] = 1
    unit: ClassVar[Literal["document", "all"]] = "all"
    reads: ClassVar[tuple[str, ...]] = ("lines",)
    writes: ClassVar[tuple[str, ...]] = ("divisions",)

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        table = tables["lines"]
        columns = (table.column(name).to_pylist() for name in ("document", "text", "replaced"))
        texts: dict[str, list[str]] = {}
        for document, text, replaced in zip(*columns, strict=True):
            if text and not replaced:
                texts.setdefault(document, []).append(text)
        words = Words()
        for document in sorted(texts):
            words.add(texts[document])
        rows = []
        for document in sorted(texts):
            for left, right in sorted(set(divisions(texts[document]))):
                verdict = belongs(left, right, words)
                if verdict is None:
                    verdict = likely(left, right, words)
                rows.append({"document": document, "left": left, "right": right, "stays": verdict})
        return {"divisions": pa.Table.from_pylist(rows, SCHEMAS["divisions"])}


def read_verdicts(table: pa.Table | None) -> dict[Pair, bool]:
    """Return the verdicts of one document's rows; none without a table."""
    rows = [] if table is None else table.to_pylist()
    return {(row["left"], row["right"]): row["stays"] for row in rows}
