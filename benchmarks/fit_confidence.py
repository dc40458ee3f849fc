"""Make src/goldsmith/extract/confidence.json: how often deciphered characters are right.

    python benchmarks/fit_confidence.py --data ../shared/data [--networks DIR] [--documents N]

Damages documents as `garbled.py` does, with other seeds and of other texts: abstracts (English),
news (German), and gettext catalogues (French, Spanish). A third is deciphered as shipped, a third
without names of glyphs, and a third without names and with a glyph network that never saw the
typeface (``--networks``: files of `fit_glyphs.py --without NAME --output DIR/NAME.npz`). Fits a
logistic model, a symbol counting by the root of its characters, on three quarters of the documents
and prints the errors on the others; then on all. Deterministic.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pypdfium2
import typst
from garbled import FONTS, alike, cases, font_runs, glyphs
from garbled_confidence import Told, error, table
from garbled_damage import damaged
from garbled_texts import Text
from letter_pairs import text_of
from numpy.typing import NDArray
from scipy.optimize import minimize

from goldsmith.extract import confidence, hints, repair
from goldsmith.extract import glyphs as network
from goldsmith.extract.confidence import FEATURES
from goldsmith.extract.opened import OpenPages
from goldsmith.extract.repair import WRONG, examined

OUTPUT = Path(confidence.__file__).with_suffix(".json")
PENALTY = 1.0  # of the squared weights, against one character
Symbol = tuple[NDArray[np.float32], float, float]  # features, share right, characters
Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--locale", type=Path, default=Path("/usr/share/locale"))
    parser.add_argument("--networks", type=Path)
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--keep", type=Path, help="a file for the symbols, read if it is there")
    arguments = parser.parse_args()
    rows = kept(arguments)
    held = rows[:, 0] // 3 % 4 == 0
    x, y, n = rows[:, 4:], rows[:, 2], rows[:, 3]
    weights = fitted(x[~held], y[~held], np.sqrt(n[~held]))
    stated = 1 / (1 + np.exp(-x @ weights))
    solver = 1 / (1 + np.exp(-x[:, 1]))
    for name, one in (("solver", solver), ("fitted", stated)):
        told = list(zip(one[held].tolist(), y[held].tolist(), n[held].tolist(), strict=True))
        by_run = runs(rows[held], one[held])
        print(name, "characters", round(error(told), 4), table(told), file=sys.stderr)
        print(name, "runs", round(error(by_run), 4), table(by_run), file=sys.stderr)
    final = fitted(x, y, np.sqrt(n))
    named = {name: round(value, 4) for name, value in zip(FEATURES, final.tolist(), strict=True)}
    OUTPUT.write_text(json.dumps(named, indent=1) + "\n", "utf-8")
    print(json.dumps(named), len(rows), "symbols", file=sys.stderr)


def kept(arguments: argparse.Namespace) -> Floats:
    """By symbol: document, run, share right, number of characters, features."""
    if arguments.keep and arguments.keep.exists():
        return np.load(arguments.keep, allow_pickle=False)
    found = np.array(list(collected(arguments)), np.float64)
    if arguments.keep:
        np.save(arguments.keep, found)
    return found


def texts(data: Path, locale: Path) -> list[Text]:
    """Texts that `garbled.py` never typesets."""
    with gzip.open(data / "retrieval/scifact/corpus.jsonl.gz", "rt", encoding="utf-8") as file:
        abstracts = [" ".join(json.loads(line)["abstract"]) for line in file]
    with gzip.open(data / "translation/wmt17_en_de.jsonl.gz", "rt", encoding="utf-8") as file:
        news = [json.loads(line)["reference"] for line in file]
    found = [("en", abstracts[k : k + 8]) for k in range(0, 800, 8)]
    found += [("de", news[k : k + 60]) for k in range(0, len(news), 60)]
    for language in ("fr", "es"):
        said = [one for one in text_of(locale / language).split("\n") if len(one) > 80]
        found += [(language, said[k : k + 40]) for k in range(0, 2_000, 40)]
    return [
        Text(language, f"{language} {number}", "\n\n".join(pieces))
        for number, (language, pieces) in enumerate(found)
        if pieces
    ]


def collected(arguments: argparse.Namespace) -> Iterator[list[float]]:
    """The symbols of damaged documents that were deciphered, as rows of `kept`."""
    unseen = {}
    for path in sorted(arguments.networks.glob("*.npz")) if arguments.networks else ():
        with np.load(path, allow_pickle=False) as stored:
            weights = tuple(stored[name].astype(np.float32) for name in ("w1", "b1", "w2", "b2"))
            unseen[path.stem] = weights
    shipped = network._weights()
    every = texts(arguments.data, arguments.locale)
    run = 0
    for number, case in enumerate(cases(every, arguments.documents, "confidence")):
        if case.damage == "none":
            continue
        typeface = next(font for font in FONTS if f'font: "{font}"' in case.source)
        way = random.Random(f"way {number}").randrange(3)
        seen = [weights for name, weights in unseen.items() if name in typeface]
        with (
            patch.object(network, "_weights", lambda w=seen if way == 2 else []: (*w, shipped)[0]),
            patch.object(hints, "_KINDS", 5 if way == 0 else 1_000),
        ):
            for found in deciphered(typst.compile(case.source.encode("utf-8")), case):
                for features, right, count in found:
                    yield [number, run, right, count, *features.tolist()]
                run += 1


def deciphered(
    sound: bytes, case: object
) -> Iterator[list[tuple[NDArray[np.float32], float, float]]]:
    """By run: features, share right, and number of its visible characters, by symbol."""
    content, _ = damaged(sound, case.damage, case.seed)
    kept: list[NDArray[np.float32]] = []

    def numbered(features: NDArray[np.float32], _: object) -> NDArray[np.float32]:
        kept.extend(features)
        return np.arange(len(kept) - len(features), len(kept))  # instead of probabilities

    opened = OpenPages(pypdfium2.PdfDocument(content))
    with patch.object(repair, "probabilities", numbered):
        verdicts = examined(opened, font_runs(opened))
    opened.close()
    truth, shown = glyphs(sound), glyphs(content)
    marks: dict[str, dict[int, list[float]]] = {}
    for place, (font, text) in truth.items():
        name, codes = shown.get(place, (font, ""))
        verdict = verdicts.get(name)
        if verdict and verdict.wrong >= WRONG and len(codes) == 1 and text.strip():
            read, number = verdict.mapping.get(ord(codes), ("", -1))
            if number >= 0 and number == int(number) and read.strip():
                right = float(alike(text, read))
                marks.setdefault(name, {}).setdefault(int(number), []).append(right)
    for found in marks.values():
        yield [(kept[k], float(np.mean(r)), float(len(r))) for k, r in sorted(found.items())]


def fitted(x: Floats, y: Floats, n: Floats) -> Floats:
    def loss(weights: Floats) -> tuple[float, Floats]:
        z = x @ weights
        value = n @ (np.logaddexp(0, z) - y * z) + PENALTY * weights @ weights
        slope = x.T @ (n * (1 / (1 + np.exp(-z)) - y)) + 2 * PENALTY * weights
        return float(value), slope

    return minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x


def runs(rows: Floats, stated: Floats) -> Told:
    """The mean stated and the share right of each run, every run counting once."""
    told = []
    for run in sorted(set(rows[:, 1].tolist())):
        mine = rows[:, 1] == run
        n = rows[mine, 3]
        told.append((float(stated[mine] @ n / n.sum()), float(rows[mine, 2] @ n / n.sum()), 1.0))
    return told


if __name__ == "__main__":
    main()
