"""Learn from the labels, and decide by a paired test whether the classifier may decide.

The sample that judges is what the random arm has reached in the order of chance, whichever arm
asked (see `pool`): a uniform sample of the corpus. Each of its labels is predicted by a model
trained on the labels of both arms in other documents (five folds by document), so that neither the
choice of the active arm nor a twin on the next page flatters it. The heuristic is scored on the
same passages, and the difference of F1 tested by approximate randomization (in `evaluation`). The
classifier takes the heuristic's place only where it is better, p < 0.05, and there was enough to
see: the decision is written beside the weights; `refine.garbage = "heuristic"` undoes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from goldsmith.evaluation import Comparison, approximate_randomization
from goldsmith.pipeline.artifact import building
from goldsmith.review.classifier import Classifier, train
from goldsmith.review.labels import Arm, Label
from goldsmith.review.pool import Pool

WEIGHTS = "classifier.npz"
DECISION = "decision.json"
LEAST_LABELS = 50  # of the random arm, before there is any test
LEAST_GARBAGE = 5  # among them
SIGNIFICANCE = 0.05
_FOLDS = 5
_SIZES = (25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400)

Truth = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Point:
    """F1 after so many labels of one arm, on the random labels of other documents."""

    arm: Arm
    labels: int
    f1: float


@dataclass(frozen=True)
class Decision:
    """``accepted``: the classifier decides. ``f1_*`` are None before there is anything to test."""

    accepted: bool
    reason: str  # one sentence for a person
    labels: int
    garbage: int
    random: int  # labels of a uniform sample, which judge
    random_garbage: int
    f1_heuristic: float | None = None
    f1_classifier: float | None = None
    difference: float | None = None
    low: float | None = None  # interval of the difference
    high: float | None = None
    p: float | None = None
    test: str = ""
    curve: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Learned:
    """``classifier`` is None while the labels hold only one answer."""

    classifier: Classifier | None
    decision: Decision


def learn(
    pool: Pool,
    labels: Mapping[str, Label],
    threshold: float,
    *,
    seed: int,
    folder: Path | None = None,
    key: str = "",
) -> Learned:
    """Train on all labels, test on those of the random arm, and decide.

    ``threshold`` is the probability from which a passage goes. With ``folder`` the weights and the
    decision are kept there as an artifact of fingerprint ``key``. Labels of passages that are not
    in the pool any more are passed over, as are skipped ones.
    """
    place = {row["id"]: index for index, row in enumerate(pool.passages)}
    known = [
        label
        for label in labels.values()
        if label.answer in ("good", "garbage") and label.subject in place
    ]
    where = np.array([place[label.subject] for label in known], np.int64)
    garbage = np.array([label.garbage for label in known], bool)
    chance = _reached(pool.chance[where], np.array([label.arm for label in known]))
    regression = train(pool.rows[where], garbage) if known else None
    classifier = Classifier(pool.features, regression) if regression else None
    active = np.array([label.arm == "active" for label in known], bool)
    decision = _decide(pool, where, garbage, active, chance, threshold, seed)
    if folder is not None:
        with building(folder, key) as new:
            if classifier is not None:
                (new / WEIGHTS).write_bytes(classifier.data)
            text = json.dumps(asdict(decision), indent=1, allow_nan=False)
            (new / DECISION).write_text(text, "utf-8")
    return Learned(classifier, decision)


def read_decision(folder: Path) -> Decision | None:
    """Return the decision kept in an artifact, or None where there is none."""
    path = folder / DECISION
    if not path.is_file():
        return None
    values = json.loads(path.read_text("utf-8"))
    curve = tuple(Point(**point) for point in values.pop("curve"))
    return Decision(**values, curve=curve)


def f1(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The F1 of columns (hits, false alarms, misses); 0 where there is nothing to find."""
    hits = 2 * sums[..., 0]
    return np.asarray(hits / np.maximum(hits + sums[..., 1] + sums[..., 2], 1))


def outcomes(said: Truth, garbage: Truth) -> npt.NDArray[np.float64]:
    """Return (hit, false alarm, miss) of each passage, shape (n, 3)."""
    return np.stack([said & garbage, said & ~garbage, ~said & garbage], axis=1).astype(np.float64)


def _decide(
    pool: Pool,
    where: npt.NDArray[np.int64],
    garbage: Truth,
    active: Truth,
    chance: Truth,
    threshold: float,
    seed: int,
) -> Decision:
    undecided = Decision(
        False, "", len(where), int(garbage.sum()), int(chance.sum()), int(garbage[chance].sum())
    )
    lacking = []
    if undecided.random < LEAST_LABELS:
        lacking.append(f"{LEAST_LABELS - undecided.random} more drawn by chance")
    if undecided.random_garbage < LEAST_GARBAGE:
        lacking.append(f"{LEAST_GARBAGE - undecided.random_garbage} more garbage among those")
    if lacking:
        return replace(undecided, reason=f"too few labels to test it: {' and '.join(lacking)}")
    folds = _folds(pool.groups[where], seed)
    everything = np.ones(len(where), bool)
    said = _held_out(pool, where, garbage, everything, chance, folds, threshold)
    truth = garbage[chance]
    before = outcomes(pool.heuristic[where[chance]], truth)
    after = outcomes(said, truth)
    found = approximate_randomization(before, after, f1, seed=seed)
    accepted = found.difference > 0 and found.p < SIGNIFICANCE
    return replace(
        undecided,
        accepted=accepted,
        reason=_said(found, accepted),
        f1_heuristic=float(f1(before.sum(axis=0))),
        f1_classifier=float(f1(after.sum(axis=0))),
        difference=found.difference,
        low=found.low,
        high=found.high,
        p=found.p,
        test=found.signature,
        curve=tuple(_curve(pool, where, garbage, active, chance, folds, threshold)),
    )


def _said(found: Comparison, accepted: bool) -> str:
    figures = (
        f"F1 differs by {found.difference:+.3f} [{found.low:+.3f}, {found.high:+.3f}], "
        f"p = {found.p:.4f}, on {found.n} random labels"
    )
    if accepted:
        return f"the classifier is better than the heuristic: {figures}"
    return f"the classifier is not shown to be better: {figures}"


def _reached(chance: npt.NDArray[np.uint64], arms: npt.NDArray[np.str_]) -> Truth:
    """Which labels lie no further in the order of chance than the random arm has come."""
    drawn = chance[arms == "random"]
    return chance <= drawn.max() if len(drawn) else np.zeros(len(chance), bool)


def _folds(groups: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """A fold for each label: those of one group share it."""
    names = np.unique(groups)
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of = {int(name): place % _FOLDS for place, name in enumerate(names[order])}
    return np.array([fold_of[group] for group in groups.tolist()], np.int64)


def _held_out(
    pool: Pool,
    where: npt.NDArray[np.int64],
    garbage: Truth,
    taught: Truth,
    judged: Truth,
    folds: npt.NDArray[np.int64],
    threshold: float,
) -> Truth:
    """What models say of the ``judged`` labels, each taught by the ``taught`` ones of other folds.

    Where those hold one answer only, that fold is said to be free of garbage.
    """
    said = np.zeros(len(where), bool)
    for fold in range(_FOLDS):
        inside, outside = judged & (folds == fold), taught & (folds != fold)
        if not inside.any():
            continue
        model = train(pool.rows[where[outside]], garbage[outside])
        if model is not None:
            said[inside] = model.garbage(pool.rows[where[inside]]) > threshold
    return said[judged]


def _curve(
    pool: Pool,
    where: npt.NDArray[np.int64],
    garbage: Truth,
    active: Truth,
    chance: Truth,
    folds: npt.NDArray[np.int64],
    threshold: float,
) -> list[Point]:
    """F1 over labels: the active arm's in the order they were given, chance's in its own."""
    points = []
    asked = np.arange(len(where))
    drawn = np.argsort(np.argsort(pool.chance[where], kind="stable"), kind="stable")
    arms: tuple[tuple[Arm, Truth, npt.NDArray[np.int64]], ...] = (
        ("active", active, asked),
        ("random", chance, drawn),
    )
    for arm, members, order in arms:
        if not members.any():
            continue
        number = np.array([(order[members] <= place).sum() for place in order])
        total = int(members.sum())
        for size in sorted({size for size in _SIZES if size < total} | {total}):
            first = members & (number <= size)
            said = _held_out(pool, where, garbage, first, chance, folds, threshold)
            value = float(f1(outcomes(said, garbage[chance]).sum(axis=0)))
            points.append(Point(arm, size, value))
    return points
