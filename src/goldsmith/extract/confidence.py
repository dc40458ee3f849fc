"""How often a deciphered character is right: what the solver says, made into a frequency.

The solver's own probability knows one symbol and takes the others as given, so it is too sure where
a font is short, unlike language, or unlike the typefaces the glyph network has seen. A logistic
model over it and over seven facts about symbol and font says how often such characters were right
in damaged documents of other texts (`benchmarks/fit_confidence.py`; `confidence.json` has its nine
numbers). Which fonts are touched is decided on the solver's own numbers, not on these.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from goldsmith.extract.decipher import Cipher, Solution
from goldsmith.extract.marks import Floats

FEATURES = (
    "constant",
    "solver",  # log-odds of the solver's probability, from -6 to 8
    "look",  # log-probability of the character by its picture, from -6
    "lead",  # by how much it leads the most likely other character, from -6 to 6
    "no picture",
    "occurrences",  # natural log of the symbol's, in the text that was solved
    "length",  # natural log of the font's characters there
    "language",  # mean log-probability of the font's characters as solved
    "named",  # 1 where a borne-out name says the same
)


def probabilities(evidence: Floats) -> Floats:
    """The probability of each character, from its evidence (k, len(FEATURES))."""
    odds = np.clip(evidence @ _weights(), -30.0, 30.0)
    return np.asarray(1.0 / (1.0 + np.exp(-odds)), np.float32)


def evidence(cipher: Cipher, solution: Solution, mine: NDArray[np.int64], font: int) -> Floats:
    """The features (k, len(FEATURES)) of open symbols ``mine`` of a font."""
    character = solution.character[mine]
    rows = np.arange(len(mine))
    looks = np.maximum(cipher.looks[mine], -6.0)
    look = looks[rows, character] if len(mine) else np.zeros(0, np.float32)
    others = looks.copy()
    others[rows, character] = -6.0
    lead = look - others.max(axis=1, initial=-6.0)
    seen = cipher.looks[mine].any(axis=1)
    sure = np.clip(solution.confidence[mine].astype(np.float64), 1e-9, 1 - 1e-9)
    occurs = np.bincount(cipher.text, minlength=len(cipher.known))
    length = max(int(occurs[cipher.font == font].sum()), 1)
    named = {symbol: letter for symbol, letter, _ in cipher.names}
    borne = [named.get(s) == c for s, c in zip(mine.tolist(), character.tolist(), strict=True)]
    _, fluency = solution.fluency.get(font, (0.0, 0.0))
    columns = [
        np.ones(len(mine)),
        np.clip(np.log(sure / (1 - sure)), -6.0, 8.0),
        np.where(seen, look, 0.0),
        np.where(seen, np.clip(lead, -6.0, 6.0), 0.0),
        ~seen,
        np.log(np.maximum(occurs[mine], 1)),
        np.full(len(mine), np.log(length)),
        np.full(len(mine), fluency),
        np.array(borne, bool) & seen,
    ]
    return np.column_stack(columns).astype(np.float32)


@cache
def _weights() -> Floats:
    stored = json.loads(files("goldsmith.extract").joinpath("confidence.json").read_text("utf-8"))
    return np.array([stored[name] for name in FEATURES], np.float32)
