"""Make src/goldsmith/extract/letters.json: letter-pair tables of European languages.

    python benchmarks/letter_pairs.py LANGUAGE=SOURCE ... > src/goldsmith/extract/letters.json

A source is a text file, or a folder of gettext catalogues (``.mo``), whose translations are read.
What is stored is one number a pair: the negative natural logarithm of the probability of a letter
after another, in steps of 0.1, as one printable character. Nothing of the texts remains.
"""

from __future__ import annotations

import gettext
import json
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np

STEP = 0.1
SMOOTHING = 0.0005  # share of the mass spread over all letters


def main() -> None:
    tables = {}
    for argument in sys.argv[1:]:
        language, _, source = argument.partition("=")
        tables[language] = encode(text_of(Path(source)))
    json.dump({"step": STEP, "tables": tables}, sys.stdout, indent=0)


def text_of(source: Path) -> str:
    if source.is_file():
        return source.read_text("utf-8", "replace")
    pieces = []
    for path in sorted(source.rglob("*.mo")):
        if path.name.startswith("iso_"):
            continue  # names of places
        with path.open("rb") as file:
            try:
                catalogue = gettext.GNUTranslations(file)._catalog
            except (OSError, UnicodeDecodeError, ValueError):
                continue
        pieces += [value for key, value in catalogue.items() if key and value != key]
    return "\n".join(pieces)


def encode(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss").replace("ø", "o"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = [w for w in re.findall(r"[^\W\d_]{4,}", plain) if re.fullmatch("[a-z]+", w)]
    codes = np.frombuffer(f" {' '.join(words)} ".encode(), np.uint8).astype(int) - 96
    codes[codes < 0] = 0
    counts = np.zeros((27, 27))
    np.add.at(counts, (codes[:-1], codes[1:]), 1)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    share = (1 - SMOOTHING * 27) * share + SMOOTHING
    steps = np.clip(np.round(-np.log(share) / STEP), 0, 80).astype(int)
    return "".join(chr(40 + step) for step in steps.ravel())


if __name__ == "__main__":
    main()
