"""Make src/goldsmith/extract/language.npz: counts of letters in a row.

    python benchmarks/fit_language.py --data ../shared/data [--locale /usr/share/locale]

Reads, of the data folder, every other document (by a hash of its name or text) of the manuals, the
wiki and C4 articles and the German paragraphs, and Shakespeare; and gettext catalogues for the
other languages. Each language has a fixed weight. What is stored is counts of four folded letters,
in steps of a logarithm, and nothing of the texts. The other half is left for `garbled.py`.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from garbled_texts import corpus
from letter_pairs import text_of
from numpy.typing import NDArray

from goldsmith.extract.language import LETTERS, ORDER, case, folded

WEIGHTS = {"en": 4.0, "de": 2.0, "fr": 2.0, "es": 2.0, "it": 1.0, "pt": 0.7, "nl": 0.7, "sv": 0.4}
LONGEST = 2_500_000  # characters a language
TOTAL = 6_000_000.0  # counts in the table
STEP = 0.05
OUTPUT = Path(__file__).parent.parent / "src/goldsmith/extract/language.npz"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--locale", type=Path, default=Path("/usr/share/locale"))
    arguments = parser.parse_args()
    texts: dict[str, list[str]] = {language: [] for language in WEIGHTS}
    for text in corpus(arguments.data, half=0):
        texts[text.language].append(text.text)
    for language in WEIGHTS:
        if language != "en":
            texts[language].append(without_marks(text_of(arguments.locale / language)))
    size = len(LETTERS)
    table = np.zeros(size**ORDER)
    cases = np.zeros((3, 3, 3))
    for language, pieces in texts.items():
        text = " ".join(piece[: LONGEST // 4] for piece in pieces)
        text = " ".join(text.split())[:LONGEST]
        found, kinds = counts(text)
        table += found * (WEIGHTS[language] / sum(WEIGHTS.values()) / max(found.sum(), 1) * TOTAL)
        cases += kinds / kinds.sum() * WEIGHTS[language]
        print(language, len(text), file=sys.stderr)
    table[table < 0.8] = 0
    keys = np.flatnonzero(table)
    steps = np.diff(keys, prepend=0).astype(np.uint32)
    stored = np.round(np.log1p(table[keys]) / STEP).astype(np.uint16)
    cases = (cases + 1e-4) / (cases + 1e-4).sum(axis=2, keepdims=True)
    np.savez_compressed(
        OUTPUT,
        steps=steps,
        counts=stored,
        step=np.float32(STEP),
        cases=np.log(cases).astype(np.float16),
    )
    print(len(keys), "kept,", OUTPUT.stat().st_size, "bytes", file=sys.stderr)


def without_marks(text: str) -> str:
    """Catalogue texts without formats and keyboard marks."""
    words = Counter(text.split())
    return " ".join(
        word.replace("_", "").replace("&", "")
        for word in text.split()
        if not set(word) & set("%<>{}\\|=/@#$~^") and words[word] < 20_000
    )


def counts(text: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = {character: (folded(character), case(character)) for character in set(text)}
    pairs = np.array([known[character] for character in text], np.int64)
    letters, kind = pairs.T
    size = len(LETTERS)
    key = letters[:-3]
    for offset in range(1, ORDER):
        key = key * size + letters[offset : len(letters) - ORDER + 1 + offset]
    three = kind[:-2] * 9 + kind[1:-1] * 3 + kind[2:]
    return (
        np.bincount(key, minlength=size**ORDER).astype(np.float64),
        np.bincount(three, minlength=27).astype(np.float64).reshape(3, 3, 3),
    )


if __name__ == "__main__":
    main()
