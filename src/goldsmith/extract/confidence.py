"""How often a deciphered character is right: what the solver says, made into a frequency.

The solver's own probability knows one symbol and takes the others as given. A logistic model over
it, the look of the glyph and the number of times it occurs says how often such characters were
right in damaged documents of other texts (`benchmarks/fit_confidence.py`; `confidence.json` has its
four numbers). A code that stands for several glyphs is right for one of them at the most. Which
fonts are touched is decided on the solver's own numbers, not on these.
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
    "occurrences",  # natural log of the symbol's, in the text that was solved
)
_UNSEEN = -3.0  # the look of a glyph without a picture; too rare to be fitted


def probabilities(evidence: Floats, share: Floats) -> Floats:
    """The probability of each character, from its evidence (k, len(FEATURES)).

    ``share`` (k,) of a code's marks are the glyph it stands for most often.
    """
    odds = np.clip(evidence @ _weights(), -30.0, 30.0)
    return np.asarray(share / (1.0 + np.exp(-odds)), np.float32)


def evidence(cipher: Cipher, solution: Solution, mine: NDArray[np.int64]) -> Floats:
    """The features (k, len(FEATURES)) of open symbols ``mine``."""
    looks = np.maximum(cipher.looks[mine], -6.0)
    look = looks[np.arange(len(mine)), solution.character[mine]]
    sure = np.clip(solution.confidence[mine].astype(np.float64), 1e-9, 1 - 1e-9)
    occurs = np.bincount(cipher.text, minlength=len(cipher.known))[mine]
    columns = [
        np.ones(len(mine)),
        np.clip(np.log(sure / (1 - sure)), -6.0, 8.0),
        np.where(cipher.looks[mine].any(axis=1), look, _UNSEEN),
        np.log(np.maximum(occurs, 1)),
    ]
    return np.column_stack(columns).astype(np.float32)


@cache
def _weights() -> Floats:
    stored = json.loads(files("goldsmith.extract").joinpath("confidence.json").read_text("utf-8"))
    return np.array([stored[name] for name in FEATURES], np.float32)
