"""The line tagger's network, in numpy: what it says of each line of one document.

A line's numbers and words (`line_features`) become one vector; residual convolutions over the lines
carry what neighbours say, with steps that grow to 32 lines; between them each line hears the mean
of the lines that say the same on other pages, and of those at the same place of other pages. The
weights are made by ``benchmarks/fit_line_tagger.py``, where the same network is written for
training; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from goldsmith.refine.line_features import Features, Floats

CLASSES = ("body", "reference", "annex", "front", "headnote", "page_number", "footnote")
REMOVED = (4, 5, 6)
SURE = 0.5  # chance of being removable from which a line is
STEPS_BEFORE = (1, 2, 4)  # dilations of the convolutions before lines of other pages are heard
STEPS_AFTER = (1, 8, 2, 32, 4, 16)
WEIGHTS = "line_tagger.npz"

Weights = Mapping[str, NDArray[np.float32]]


@cache
def shipped_weights() -> Weights:
    """Return the weights that come with the package."""
    path = files("goldsmith.refine").joinpath(WEIGHTS)
    with path.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
        return {name: archive[name].astype(np.float32) for name in archive.files}


def line_probabilities(features: Features, weights: Weights) -> Floats:
    """Return [lines, classes]: how likely each line is of each of `CLASSES`."""
    table = weights["words"]
    words = features.words
    used = np.maximum((words > 0).sum(axis=1, keepdims=True), 1)
    vectors = table[words]
    mean = vectors.sum(axis=1) / used
    dense = np.clip((features.dense - weights["mean"]) / weights["scale"], -6.0, 6.0)
    line = np.concatenate([dense, mean, vectors[:, 0], vectors[:, 1], vectors[:, -1]], axis=1)
    hidden = line @ weights["enter.weight"].T + weights["enter.bias"]
    for index, step in enumerate(STEPS_BEFORE):
        hidden = _convolve(hidden, weights, f"before.{index}", step)
    said = np.maximum(hidden @ weights["say.weight"].T + weights["say.bias"], 0.0)
    heard = np.concatenate([_others(said, group) for group in features.groups.T], axis=1)
    hidden = hidden + heard @ weights["hear.weight"].T + weights["hear.bias"]
    for index, step in enumerate(STEPS_AFTER):
        hidden = _convolve(hidden, weights, f"after.{index}", step)
    logits = _normalised(hidden, weights, "last") @ weights["leave.weight"].T
    logits += weights["leave.bias"]
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    return np.asarray(logits / logits.sum(axis=1, keepdims=True), np.float32)


def decide(chances: Floats) -> NDArray[np.int64]:
    """Return the class of each line, [lines]: the likeliest, but nothing goes on a bare majority.

    The three classes that are removed stand against the rest together.
    """
    gone = chances[:, REMOVED].sum(axis=1)
    kept = chances[:, : REMOVED[0]].argmax(axis=1)
    which = chances[:, REMOVED].argmax(axis=1) + REMOVED[0]
    return np.asarray(np.where(gone > SURE, which, kept), np.int64)


def _normalised(hidden: Floats, weights: Weights, name: str) -> Floats:
    centred = hidden - hidden.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.einsum("ij,ij->i", centred, centred) / hidden.shape[1] + 1e-5)
    return np.asarray(
        centred / spread[:, None] * weights[f"{name}.weight"] + weights[f"{name}.bias"], np.float32
    )


def _convolve(hidden: Floats, weights: Weights, name: str, step: int) -> Floats:
    """A residual convolution over the lines before, at and after each line, ``step`` apart."""
    active = np.maximum(_normalised(hidden, weights, f"{name}.norm"), 0.0)
    kernel = weights[f"{name}.convolution.weight"]  # [to, from, 3]
    result = hidden + active @ kernel[:, :, 1].T + weights[f"{name}.convolution.bias"]
    if step < len(hidden):
        result[step:] += active[:-step] @ kernel[:, :, 0].T
        result[:-step] += active[step:] @ kernel[:, :, 2].T
    return np.asarray(result, np.float32)


def _others(said: Floats, group: NDArray[np.int32]) -> Floats:
    """Mean of what the other lines of each line's group say; zero for a line that is alone."""
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    total = np.add.reduceat(said[order], starts, axis=0)
    counts = np.diff(np.append(starts, len(group)))
    _, place = np.unique(group, return_inverse=True)
    others = np.maximum(counts[place] - 1, 1)[:, None]
    return np.asarray((total[place] - said) / others, np.float32)
