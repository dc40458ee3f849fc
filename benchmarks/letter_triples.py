"""Make src/goldsmith/refine/triples.json: letter-triple tables that tell language from noise.

    python benchmarks/letter_triples.py en=FOLDER_OR_FILE de=FOLDER_OR_FILE > triples.json

Texts are plain or gzipped; every third of a megabyte more changes the tables little. Accents are
taken off, words of three letters and more count, and the edge of a word is a letter of its own. The
last line on stderr is one line of JSON with the separation reached on held-out text.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from pathlib import Path

import numpy as np

from goldsmith.refine.gibberish import letter_codes

STEP = 0.1  # natural logarithms in one unit of the stored tables
PRIOR = 20.0  # weight of the pair probabilities in a triple's, in occurrences


def read(path: Path) -> str:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    texts = []
    for file in files:
        if file.is_file():
            data = file.read_bytes()
            texts.append((gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8"))
    return "\n".join(texts)


def table(text: str) -> np.ndarray:
    """Natural log-probabilities (27, 27, 27) of a letter after two others."""
    codes = letter_codes(text)
    pairs = np.bincount(codes[:-1] * 27 + codes[1:], minlength=27**2).reshape(27, 27) + 0.0
    pairs += 0.0005 * pairs.sum() / 27**2
    pairs /= pairs.sum(1, keepdims=True)
    triples = np.bincount(codes[:-2] * 729 + codes[1:-1] * 27 + codes[2:], minlength=27**3)
    smooth = triples.reshape(27, 27, 27) + PRIOR * pairs[None]
    return np.log(smooth / smooth.sum(2, keepdims=True))


def main(arguments: list[str]) -> None:
    texts = dict(argument.split("=", 1) for argument in arguments)
    tables, worst = {}, 0.0
    held: list[str] = []
    for language, place in texts.items():
        text = read(Path(place))
        cut = len(text) * 19 // 20
        held += [text[at : at + 80] for at in range(cut, len(text) - 80, 800)]
        units = np.clip(np.round(-table(text[:cut]) / STEP), 0, 90).astype(int).ravel()
        tables[language] = "".join(chr(35 + unit) for unit in units)
    json.dump({"step": STEP, "tables": tables}, sys.stdout, indent=0)
    logs = np.array([[ord(c) - 35 for c in row] for row in tables.values()]) * -STEP
    noise = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    random_texts = [
        " ".join("".join(noise.choices(letters, k=noise.randint(3, 9))) for _ in range(8))
        for _ in range(1000)
    ]

    def mean(text: str) -> float:
        codes = letter_codes(text)
        return float(logs[:, codes[:-2] * 729 + codes[1:-1] * 27 + codes[2:]].mean(1).max())

    real = sorted(mean(text) for text in held if len(letter_codes(text)) > 40)
    worst = sorted(map(mean, random_texts))[-10]
    figures = {"real_lowest_permille": real[len(real) // 1000], "random_highest_percent": worst}
    print(json.dumps({key: round(value, 3) for key, value in figures.items()}), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
