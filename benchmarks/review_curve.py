"""How many labels does choosing save? Labels that chance needs, for the F1 that choosing reaches.

A pool of passages with a known few of garbage stands in for a corpus, the truth for the person.
Both arms train the same classifier on the same features: one asks what `choose_active` chooses, the
other a random sample. ``active_over_random`` is the number of random labels that reach the F1 (of
garbage, on passages of documents that are not in the pool) that the active arm reaches with 200,
divided by 200; between measured sizes it is interpolated, and where chance does not get there with
as many labels as are tried the cap is counted. Each seed makes another pool, split and order; the
figure is the median over seeds.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from garbage import make_passages
from harness import DATA, print_result

from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import RefineSettings
from goldsmith.refine import Screen
from goldsmith.review.candidates import choose_active
from goldsmith.review.classifier import train
from goldsmith.review.features import counts, fit_features, with_shape
from goldsmith.review.pool import passage_scores_of

LABELS = 200
FIRST_SEED = 200  # settings were chosen on pools of seeds below
BATCH = 10
RANDOM_SIZES = (25, 50, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2000)
ORDERS = 3  # random orders averaged in each seed, so that its curve is smoother than one run


@dataclass(frozen=True)
class Part:
    rows: object  # CSR
    garbage: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--share", type=float, default=0.05, help="of passages that are garbage")
    parser.add_argument("--shipped", action="store_true", help="accepted; nothing is tuned here")
    options = parser.parse_args()
    ratios, capped, active_curves, random_curves = [], 0, [], []
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        pool, test = pool_and_test(options.data, options.share, seed)
        active = active_curve(pool, test, seed)
        chance = random_curve(pool, test, seed)
        needed, met = labels_needed(chance, active[LABELS])
        capped += not met
        ratios.append(needed / LABELS)
        active_curves.append(active)
        random_curves.append(chance)
        print(
            f"seed {seed}: pool {len(pool.garbage)} ({pool.garbage.sum()} garbage), "
            f"test {len(test.garbage)}: active {active[LABELS]:.3f}, random {chance[LABELS]:.3f}, "
            f"ratio {'' if met else '>= '}{ratios[-1]:.2f}",
            flush=True,
        )
    low, high = np.quantile(ratios, [0.25, 0.75])
    print_result(
        "review_curve",
        {
            "active_over_random": round(float(np.median(ratios)), 3),
            "quartiles": [round(float(low), 3), round(float(high), 3)],
            "smallest": round(min(ratios), 3),
            "seeds": options.seeds,
            "seeds_at_cap": capped,
            "cap": RANDOM_SIZES[-1] / LABELS,
            "garbage_share": options.share,
            "active_f1": averaged(active_curves),
            "random_f1": averaged(random_curves),
        },
    )


def pool_and_test(folder: Path, share: float, seed: int) -> tuple[Part, Part]:
    """Two thirds of the documents are the pool; features are fitted on the pool alone."""
    passages = make_passages(folder, share, seed)
    names = sorted({passage.document for passage in passages})
    order = np.random.default_rng(seed).permutation(len(names))
    pooled = {names[index] for index in order[: 2 * len(names) // 3]}
    mine = np.array([passage.document in pooled for passage in passages])
    texts = [passage.text for passage in passages]
    garbage = np.array([passage.kind is not None for passage in passages])
    scores = with_shape(texts, stored_scores(texts))
    found = counts(texts)
    known = [row for row, pooled_one in zip(scores, mine, strict=True) if pooled_one]
    features = fit_features(found[mine], known)
    rows = features.of_counts(found, scores)
    return Part(rows[mine], garbage[mine]), Part(rows[~mine], garbage[~mine])


def stored_scores(texts: list[str]) -> list[dict[str, float]]:
    """What the refinery stores about each passage."""
    span = {"at": 0, "length": 1, "line": "l", "start": 0, "end": 1, "page": 1}
    rows = [
        {
            "id": f"p-{index}",
            "document": f"d-{index // 20}",
            "order": index,
            "kind": "paragraph",
            "level": 0,
            "heading_path": [],
            "text": text,
            "spans": [span],
        }
        for index, text in enumerate(texts)
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMAS["passages"])
    scores = Screen(RefineSettings()).run(
        {"passages": table, "lines": SCHEMAS["lines"].empty_table()}
    )["scores"]
    return passage_scores_of([row["id"] for row in rows], scores)


def f1(pool: Part, test: Part, labelled: np.ndarray) -> float:
    """The F1 of garbage on the test after training on these labels; 0 before both answers came."""
    regression = train(pool.rows[labelled], pool.garbage[labelled])
    if regression is None:
        return 0.0
    said = regression.garbage(test.rows) > 0.5
    return float(2 * (said & test.garbage).sum() / max(said.sum() + test.garbage.sum(), 1))


def active_curve(pool: Part, test: Part, seed: int) -> dict[int, float]:
    """F1 by number of labels, asking in batches as `goldsmith label` does."""
    generator = np.random.default_rng([seed, 1])
    asked, curve = np.zeros(0, np.int64), {}
    chances = None
    while len(asked) < LABELS:
        chosen = choose_active(pool.rows, chances, asked, BATCH, generator)
        asked = np.concatenate([asked, np.array(chosen, np.int64)])
        regression = train(pool.rows[asked], pool.garbage[asked])
        if regression is not None:
            chances = regression.garbage(pool.rows)
        if len(asked) % 50 == 0:
            curve[len(asked)] = f1(pool, test, asked)
    return curve


def random_curve(pool: Part, test: Part, seed: int) -> dict[int, float]:
    """Mean F1 of several random orders by number of labels, up to the cap or the whole pool."""
    generator = np.random.default_rng([seed, 2])
    orders = [generator.permutation(len(pool.garbage)) for _ in range(ORDERS)]
    sizes = [size for size in RANDOM_SIZES if size <= len(pool.garbage)]
    return {
        size: float(np.mean([f1(pool, test, order[:size]) for order in orders])) for size in sizes
    }


def labels_needed(curve: dict[int, float], target: float) -> tuple[float, bool]:
    """The first number of labels at which the curve reaches the target, and whether it does."""
    before, value = 0, 0.0
    for size, reached in sorted(curve.items()):
        if reached >= target:
            return before + (size - before) * (target - value) / max(reached - value, 1e-9), True
        before, value = size, reached
    return float(before), False


def averaged(curves: list[dict[int, float]]) -> dict[str, float]:
    sizes = sorted(set.intersection(*(set(curve) for curve in curves)))
    return {str(n): round(float(np.mean([curve[n] for curve in curves])), 4) for n in sizes}


if __name__ == "__main__":
    main()
