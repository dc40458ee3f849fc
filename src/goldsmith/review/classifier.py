"""Logistic regression over `Features`, kept as plain arrays.

The file is a .npz without objects: reading it runs nothing. Columns that never occur in the
training passages have weight 0, so the file is small once compressed.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from goldsmith.errors import GoldsmithError
from goldsmith.review.features import Features

STRENGTH = 10.0  # C of the regression, see decision 0170
_ITERATIONS = 300


@dataclass(frozen=True)
class Regression:
    """``garbage`` is the logistic function of ``rows @ coefficients + intercept``."""

    coefficients: npt.NDArray[np.float32]
    intercept: float

    def garbage(self, rows: Any) -> npt.NDArray[np.float64]:
        """Return the probability of garbage for each row, shape (n,)."""
        logits = np.asarray(rows @ self.coefficients, np.float64) + self.intercept
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -30, 30))))


@dataclass(frozen=True)
class Classifier:
    """All that is needed to score a passage."""

    features: Features
    regression: Regression

    def garbage(
        self, texts: Sequence[str], scores: Sequence[Mapping[str, float]]
    ) -> npt.NDArray[np.float64]:
        """Return the probability of garbage for each passage, shape (n,)."""
        if not texts:
            return np.zeros(0)
        return self.regression.garbage(self.features.rows(texts, scores))

    @cached_property
    def data(self) -> bytes:
        """The classifier as the bytes of a .npz file: equal weights give equal bytes."""
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            weights=self.features.weights,
            names=np.array(self.features.names or [""], np.str_),
            means=self.features.means,
            spreads=self.features.spreads,
            coefficients=self.regression.coefficients,
            intercept=np.array(self.regression.intercept),
        )
        return buffer.getvalue()


def train(rows: Any, garbage: npt.NDArray[np.bool_]) -> Regression | None:
    """Fit on labelled rows; None while only one answer was given.

    Classes weigh the same whatever their share, since garbage is rare and a miss costs as much as
    a false alarm. Zeros start the solver, so the same labels give the same weights.
    """
    from sklearn.linear_model import LogisticRegression

    if len(set(garbage.tolist())) < 2:
        return None
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=_ITERATIONS)
    model.fit(rows, garbage)
    return Regression(model.coef_[0].astype(np.float32), float(model.intercept_[0]))


def read_classifier(path: Path) -> Classifier:
    """Read what `Classifier.data` wrote. Raises GoldsmithError when the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            names = tuple(str(name) for name in kept["names"] if name)
            features = Features(kept["weights"], names, kept["means"], kept["spreads"])
            return Classifier(features, Regression(kept["coefficients"], float(kept["intercept"])))
    except (OSError, ValueError, KeyError) as error:
        raise GoldsmithError(
            f"{path}: cannot be read ({error}); delete its folder and run "
            "`goldsmith label --fit`, which makes it again from the labels"
        ) from error
