"""What made papers are made of: labels and their inks, the paper in the making, words for it.

The words are those that no text gives: usual headings, journals, and names made of syllables.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

#: What a piece is; the place is its ink. FRONT is what stands about the authors: dates, keywords.
LABELS = (
    "CONTENT",
    "TITLE",
    "AUTHOR",
    "FRONT",
    "ABSTRACT",
    "HEADING",
    "LIST",
    "TABLE",
    "EQUATION",
    "CAPTION",
    "FOOTNOTE",
    "REFERENCE",
    "HEADER",
    "FOOTER",
    "PAGE_NUMBER",
    "ANNEX",
    "ANNEX HEADING",
)
STEP = 8  # between the reds of two inks


HEADINGS = (
    "Introduction", "Background", "Related Work", "Materials and Methods", "Method", "Data",
    "Experiments", "Results", "Discussion", "Conclusion", "Limitations", "Theory", "Notation",
    "Model", "Analysis", "Case Study", "Patients", "Statistical Analysis", "Future Work",
)  # fmt: skip
FIELDS = (
    "Physics", "Medicine", "Computer Science", "Biology", "Economics", "Chemistry", "Linguistics",
    "Public Health", "Mathematics", "Civil Engineering", "History", "Psychology", "Geology",
)  # fmt: skip
PLACES = (
    "University of {}", "{} University", "{} Institute of Technology", "Technical University of {}",
    "{} General Hospital", "Royal College of {}", "Universität {}", "Université de {}",
)  # fmt: skip
PARTS = ("Department of {}", "School of {}", "Faculty of {}", "Laboratory of {}", "Institute of {}")
COUNTRIES = ("Germany", "USA", "France", "Japan", "Sweden", "Canada", "India", "Brazil", "UK")
JOURNALS = (
    "Journal of {}", "Annals of {}", "{} Letters", "International Journal of {}", "{} Reviews",
    "Proceedings of the Conference on {}", "Advances in {}", "Transactions on {}",
)  # fmt: skip
MONTHS = ("January", "March", "April", "June", "August", "October", "November")
FORMULAS = (
    "E = m c^2", "x_(i+1) = x_i + alpha nabla f(x_i)", "sum_(k=1)^n k = (n(n+1))/2",
    "p(y | x) = (exp(w dot x))/(1 + exp(w dot x))", "L = -sum_i y_i log hat(y)_i",
    "a <= b + c", "integral_0^1 f(t) dif t = F(1) - F(0)",
)  # fmt: skip


def quote(text: str) -> str:
    """A typst string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@dataclass
class Paper:
    """A paper in the making. ``pieces`` are what was typeset, by label, in order."""

    texts: Sequence[str]
    source: random.Random
    pieces: list[tuple[str, str]] = field(default_factory=list)
    out: list[str] = field(default_factory=list)
    at: int = 0
    annex: bool = False

    def ink(self, label: str, text: str) -> str:
        """Typst code (behind a sign #) of a text with its ink."""
        self.pieces.append((label, text))
        return f"t({LABELS.index(label)}, {quote(text)})"

    def paragraph(self) -> str:
        """The next paragraph; from the first again where they end."""
        text = self.texts[self.at % len(self.texts)]
        self.at += 1
        return text

    def words(self, least: int, most: int) -> str:
        """A few words from somewhere in the text."""
        words = self.source.choice(self.texts).split()
        count = self.source.randint(least, most)
        start = self.source.randrange(max(1, len(words) - count))
        return " ".join(words[start : start + count]).strip(" .,;:()[]\"'").capitalize() or "Notes"

    def chance(self, share: float) -> bool:
        return self.source.random() < share


def beginning(text: str, most: int) -> str:
    """The beginning of a text, whole words."""
    return text if len(text) <= most else text[:most].rsplit(" ", 1)[0].rstrip(" ,;:")


def given_name(source: random.Random) -> str:
    return (_syllables(source, 2) + source.choice(("n", "a", "s", "el", "ra"))).capitalize()


def family_name(source: random.Random) -> str:
    ends = ("son", "berg", "er", "man", "ski", "ez", "ov", "ini", "ley", "mura", "sen")
    return (_syllables(source, source.randint(1, 2)) + source.choice(ends)).capitalize()


def town(source: random.Random) -> str:
    return (_syllables(source, 2) + source.choice(("burg", "ton", "ville", "stad"))).capitalize()


def _syllables(source: random.Random, count: int) -> str:
    starts = ("b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "br", "st")
    return "".join(source.choice(starts) + source.choice("aeiou") for _ in range(count))
