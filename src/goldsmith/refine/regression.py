"""Small regressions that ship as numbers: a linear one, and boosted trees, read from an .npz.

Fitted elsewhere (``benchmarks/fit_quality.py``); here they are only evaluated, with numpy alone. No
pickle is ever read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Linear(NamedTuple):
    """``weights @ (x - center) / scale + bias``; weights, center and scale are (features,)."""

    weights: Floats
    center: Floats
    scale: Floats
    bias: Floats  # ()

    def predict(self, rows: Floats) -> Floats:
        """(n, features) to (n,)."""
        used = rows[:, : len(self.weights)]
        result: Floats = (used - self.center) / self.scale @ self.weights + self.bias
        return result


class Trees(NamedTuple):
    """The sum of binary trees; all nodes one after the other, a leaf being its own child."""

    feature: NDArray[np.int32]  # (nodes,), 0 at a leaf
    threshold: Floats  # (nodes,), left when the value is not greater; inf at a leaf
    left: NDArray[np.int32]  # (nodes,)
    right: NDArray[np.int32]  # (nodes,)
    value: Floats  # (nodes,), 0 inside
    roots: NDArray[np.int32]  # (trees,)
    depth: NDArray[np.int32]  # ()

    def predict(self, rows: Floats) -> Floats:
        """(n, features) to (n,)."""
        at = np.broadcast_to(self.roots, (len(rows), len(self.roots)))
        place = np.arange(len(rows))[:, None]
        for _ in range(int(self.depth)):
            goes_left = rows[place, self.feature[at]] <= self.threshold[at]
            at = np.where(goes_left, self.left[at], self.right[at])
        result: Floats = self.value[at].sum(axis=1)
        return result


def from_arrays(kind: type[Any], name: str, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Return the `Linear` or `Trees` stored as ``name.field`` arrays."""
    return kind(*(np.asarray(arrays[f"{name}.{field}"]) for field in kind._fields))


def as_arrays(name: str, model: Any) -> dict[str, NDArray[Any]]:
    """Return a `Linear` or `Trees` as arrays to store."""
    return {f"{name}.{field}": np.asarray(getattr(model, field)) for field in model._fields}
