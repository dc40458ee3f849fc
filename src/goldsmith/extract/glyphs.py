"""Which character a glyph looks like: a small network over pictures of single marks.

Input is what `marks` cuts out of a page: 16 x 16 shades of the glyph stretched to a square, and its
width, height and place over the baseline. One hidden layer; the weights (`glyphs.npz`) come from
`benchmarks/fit_glyphs.py` and know text typefaces, not handwriting or ornaments. What it says is
evidence for `decipher`, which weighs it against the language: no character is read with it alone.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from goldsmith.extract.marks import SIDE, Floats

LIGATURES = ("fi", "fl", "ff", "ffi", "ffl")
CHARACTERS: tuple[str, ...] = (
    *map(chr, range(32, 127)),
    *"¡¢£§©«®°±²³·»¿ÀÁÂÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿŒœ",
    *"–—‘’‚“”„†•…€™−×÷≤≥≠≈∞√∑∏∫∂→←αβγδεζηθικλμνξπρστφχψωΓΔΘΛΞΠΣΦΨΩ",
    *LIGATURES,
)
NUMBER = {character: number for number, character in enumerate(CHARACTERS)}


def looks_like(pictures: Floats) -> Floats:
    """Return log-probabilities (n, len(CHARACTERS)) of pictures (n, 260); no ink is a space."""
    w1, b1, w2, b2 = _weights()
    logits = np.maximum(pictures @ w1 + b1, 0.0) @ w2 + b2
    logits -= logits.max(axis=1, keepdims=True)
    result = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    blank = ~pictures[:, : SIDE * SIDE].any(axis=1)
    result[blank] = -12.0
    result[blank, NUMBER[" "]] = 0.0
    return np.asarray(result, np.float32)


@cache
def _weights() -> tuple[NDArray[np.float32], ...]:
    with files("goldsmith.extract").joinpath("glyphs.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        return tuple(stored[name].astype(np.float32) for name in ("w1", "b1", "w2", "b2"))
