"""Make src/goldsmith/refine/quality.npz: the regressions behind `goldsmith.refine.quality`.

    python benchmarks/fit_quality.py [--data DIR]

Damage: pages of texts that `fit_words.py` left out and the true pages of opendataloader-bench, with
damage at known rates (`noise.py`). Loss, disorder, distance: the outputs of seven engines on those
pages, against the true text and the published score. `text_quality.py` trains the same on a part of
the pages and measures on the others. Deterministic; needs lightgbm and scikit-learn.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fit_words import documents, held_out
from harness import DATA, ROOT, print_result
from noise import damaged

from goldsmith.refine.agreement import (
    AGREEMENT,
    coverage,
    features,
    flattened,
    in_order,
    page_features,
    pairs,
    words_in,
)
from goldsmith.refine.plausibility import evidence
from goldsmith.refine.quality import AGREEMENT_FLOOR, DAMAGE_FLOOR, damage_features
from goldsmith.refine.regression import Linear, Trees, as_arrays

OUT = ROOT / "src/goldsmith/refine/quality.npz"
RATES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)
FOLDS = 10
#: More of these, more damage: counts of odd words and letters (see `damage_features`).
RISING = [1] * 16 + [0] * 4


class Page(NamedTuple):
    """One page of opendataloader-bench with what its extractions have in common."""

    id: str
    truth: str
    engines: list[str]
    texts: list[str]
    nid: list[float]
    pairs: np.ndarray  # (engines, engines, PAIR)
    pages: np.ndarray  # (engines, 12)
    missing: list[float]  # share of the truth's words that an engine lacks
    disorder: list[float]


def read_pages(data: Path) -> list[Page]:
    path = data / "extraction/opendataloader-bench/pages.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [_page(row) for row in rows]


def _page(row: dict[str, Any]) -> Page:
    engines = sorted(e for e in row["predictions"] if row["scores"][e]["nid"] is not None)
    texts = [row["predictions"][engine] or "" for engine in engines]
    truth = words_in(flattened(row["truth_markdown"]))
    words = [words_in(flattened(text)) for text in texts]
    return Page(
        id=row["id"],
        truth=row["truth_markdown"],
        engines=engines,
        texts=texts,
        nid=[row["scores"][engine]["nid"] for engine in engines],
        pairs=pairs(texts),
        pages=np.array([page_features(text) for text in texts]),
        missing=[1.0 - coverage(truth, own)[0] for own in words],
        disorder=[1.0 - in_order(truth, own) for own in words],
    )


def fold_of(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % FOLDS


def other_pages(data: Path) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of page-sized pieces that the known words were not counted on."""
    for number, (_source, text) in enumerate(documents(data)):
        if not held_out(number):
            continue
        draw = random.Random(number)
        if len(text) < 3000 and draw.random() < 0.8:
            continue  # abstracts are many
        size = draw.randrange(300, 3800)
        for start in range(0, min(len(text) - 149, 4 * size), size):
            yield f"{number}:{start}", text[start : start + size]


def damage_rows(named: Sequence[tuple[str, str]]) -> tuple[np.ndarray, np.ndarray]:
    """Return features (texts, rates, n) and the rates, for each text at each rate."""
    rows = [
        [damage_features(evidence(damaged(text, rate, f"{name}:{rate}"))) for rate in RATES]
        for name, text in named
    ]
    return np.array(rows), np.tile(RATES, (len(named), 1))


def fit_damage(rows: np.ndarray, rates: np.ndarray, weights: np.ndarray) -> Trees:
    """Fit rows (n, features) to rates (n,)."""
    settings = {"num_leaves": 12, "min_child_samples": 20, "feature_fraction": 0.6}
    return _boost(
        rows,
        np.log(rates + DAMAGE_FLOOR),
        weights,
        settings | {"monotone_constraints": RISING},
        160,
    )


def agreement_rows(
    pages: Sequence[Page], engine: str | None, seed: int
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Return features, targets and weights for fitting, without an engine as text or evidence.

    Each text is seen with all its witnesses, and once with one to three of them at half weight, so
    that the regressions hold for few witnesses too.
    """
    draw = random.Random(seed)
    rows, weights = [], []
    targets: dict[str, list[float]] = {"loss": [], "disorder": [], "distance": []}
    for page in pages:
        usable = [k for k, name in enumerate(page.engines) if name != engine]
        for subject in usable:
            others = [k for k in usable if k != subject]
            few = sorted(draw.sample(others, draw.randint(1, 3)))
            for witnesses, weight in ((others, 1.0), (few, 0.5)):
                rows.append(features(page.pairs, page.pages, subject, witnesses))
                weights.append(weight)
                targets["loss"].append(page.missing[subject])
                targets["disorder"].append(page.disorder[subject])
                targets["distance"].append(1.0 - page.nid[subject])
    return np.array(rows), {k: np.array(v) for k, v in targets.items()}, np.array(weights)


def fit_agreement(
    rows: np.ndarray, target: np.ndarray, weights: np.ndarray, name: str
) -> dict[str, np.ndarray]:
    """Return the arrays of the two regressions of one target, see `quality.predict_share`."""
    from sklearn.linear_model import Ridge

    logs = np.log(np.clip(target, 0.0, 1.0) + AGREEMENT_FLOOR)
    used = rows[:, :AGREEMENT]
    center, scale = used.mean(axis=0), used.std(axis=0) + 1e-9
    ridge = Ridge(100.0).fit((used - center) / scale, logs, sample_weight=weights)
    linear = Linear(ridge.coef_, center, scale, np.float64(ridge.intercept_))
    settings = {
        "objective": "l1",
        "num_leaves": 6,
        "min_child_samples": 30,
        "feature_fraction": 0.4,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 3,
    }
    trees = _boost(rows, logs, weights, settings, 150)
    return as_arrays(f"{name}.linear", linear) | as_arrays(f"{name}.trees", trees)


def _boost(
    rows: np.ndarray, target: np.ndarray, weights: np.ndarray, settings: dict[str, Any], rounds: int
) -> Trees:
    import lightgbm

    fixed = {"learning_rate": 0.05, "seed": 1, "num_threads": 1, "deterministic": True}
    data = lightgbm.Dataset(rows, target, weight=weights)
    model = lightgbm.train({"verbose": -1} | fixed | settings, data, rounds)
    trees = as_trees([tree["tree_structure"] for tree in model.dump_model()["tree_info"]])
    assert np.allclose(trees.predict(rows[:200]), model.predict(rows[:200]), atol=1e-6)
    return trees


def as_trees(structures: Sequence[dict[str, Any]]) -> Trees:
    """Return trees as lightgbm dumps them as arrays."""
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    right: list[int] = []
    value: list[float] = []
    deepest = 0

    def add(node: dict[str, Any], depth: int) -> int:
        nonlocal deepest
        deepest = max(deepest, depth)
        here = len(feature)
        inner = "split_feature" in node
        feature.append(node["split_feature"] if inner else 0)
        threshold.append(node["threshold"] if inner else np.inf)
        value.append(0.0 if inner else node["leaf_value"])
        left.append(here)
        right.append(here)
        if inner:
            left[here] = add(node["left_child"], depth + 1)
            right[here] = add(node["right_child"], depth + 1)
        return here

    roots = [add(structure, 0) for structure in structures]
    whole = (np.array(part, np.int32) for part in (feature, left, right, roots, deepest))
    feature_, left_, right_, roots_, depth_ = whole
    return Trees(feature_, np.array(threshold), left_, right_, np.array(value), roots_, depth_)


def fit_all(data: Path, pages: Sequence[Page]) -> dict[str, np.ndarray]:
    """Return the arrays of quality.npz, fitted on these pages and the other texts."""
    own = [(page.id, page.truth) for page in pages]
    rest = list(other_pages(data))
    rows, rates = damage_rows([*own, *rest])
    weights = np.repeat([3.0] * len(own) + [1.0] * len(rest), len(RATES))
    trees = fit_damage(rows.reshape(-1, rows.shape[-1]), rates.ravel(), weights)
    arrays = as_arrays("damage", trees)
    table, targets, counts = agreement_rows(pages, None, 0)
    for name, target in targets.items():
        arrays |= fit_agreement(table, target, counts, name)
    return arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    pages = read_pages(data)
    arrays = fit_all(data, pages)
    small = {
        name: array.astype(np.float32) if array.dtype == np.float64 and array.ndim else array
        for name, array in arrays.items()
    }
    np.savez_compressed(OUT, **small)
    print_result("fit_quality", {"pages": len(pages), "bytes": OUT.stat().st_size})


if __name__ == "__main__":
    main()
