"""The line tagger's model, in numpy: what it says of each line of one document.

First a lexicon adds what other papers call such lines (`line_lexicon`). Then a forest of small
trees looks at each line with the lines beside it, and networks read what the forest said with the
line's own numbers and words. In a network residual convolutions over the lines carry what
neighbours say, with steps that grow to 32 lines; between them each line hears the mean of the lines
that say the same on other pages, and of those at the same place of other pages.
The weights are made by ``benchmarks/fit_line_tagger.py``, where the same network is written for
training; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldsmith.refine.line_features import Features
from goldsmith.refine.line_lexicon import look_up
from goldsmith.refine.line_text import Floats

CLASSES = ("kept", "reference", "front", "headnote", "page_number", "footnote")
REMOVED = (3, 4, 5)
SURE = 0.55  # chance of being removable from which a line is
FOREST = 0.4  # weight of the forest's own word beside the networks'
NETWORKS = 3  # trained from other seeds; their mean wavers less over doubtful feet
NODES = 61  # of a tree with 31 leaves; leaves are their own children
DEPTH = 7
_NEIGHBOURS = (
    *range(12),
    *(12 + number for number in (0, 2, 3, 5, 7, 8, 9, 15, 16, 17, 18, 19, 20, 21, 22, 27, 30)),
    *(45, 47, 48),
)  # of the dense features, also seen of the lines before and after
_ROWS, _TREES = 512, 60  # worked on at a time
STEPS_BEFORE = (1, 2, 4)  # dilations of the convolutions before lines of other pages are heard
STEPS_AFTER = (1, 8, 2, 32, 4, 16)
WEIGHTS = "line_tagger.npz"

Weights = Mapping[str, NDArray[Any]]


@cache
def shipped_weights() -> Weights:
    """Return the weights that come with the package."""
    path = files("goldsmith.refine").joinpath(WEIGHTS)
    with path.open("rb") as handle, np.load(handle, allow_pickle=False) as archive:
        return {name: _widened(archive[name]) for name in archive.files}


def _widened(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind == "u":
        return array
    return array.astype(np.float32 if array.dtype.kind == "f" else np.int32)


def line_probabilities(features: Features, weights: Weights) -> Floats:
    """Return [lines, classes]: how likely each line is of each of `CLASSES`."""
    features = with_lexicon(features, weights)
    first = forest_probabilities(around(features), weights)
    both = with_forest(features, first)
    mixed = FOREST * np.log(first + 1e-5)
    for number in range(NETWORKS):
        head = f"network.{number}."
        one = {n.removeprefix(head): value for n, value in weights.items() if n.startswith(head)}
        mixed += (1 - FOREST) / NETWORKS * np.log(network_probabilities(both, one) + 1e-5)
    return _softmax(mixed)


def with_lexicon(features: Features, weights: Weights) -> Features:
    """The features with what other papers call such lines as further numbers."""
    known = look_up(features.tokens, weights["lexicon.token"], weights["lexicon.count"])
    return features._replace(dense=np.concatenate([features.dense, known], axis=1))


def around(features: Features) -> Floats:
    """What the forest sees, [lines, n]: the line, parts of its neighbours, its first two words."""
    part = features.dense[:, _NEIGHBOURS]
    before = np.concatenate([part[:1], part[:-1]])
    after = np.concatenate([part[1:], part[-1:]])
    words = features.words[:, :2].astype(np.float32)
    return np.concatenate([features.dense, before, after, words], axis=1)


def forest_probabilities(seen: Floats, weights: Weights) -> Floats:
    """The forest's word on each line, [lines, classes]; tree t votes for class t mod classes."""
    feature, threshold = weights["forest.feature"].ravel(), weights["forest.threshold"].ravel()
    child, value = weights["forest.child"].ravel(), weights["forest.value"].ravel()
    trees = len(feature) // NODES
    votes = np.zeros((len(seen), len(CLASSES)), np.float32)
    for low in range(0, len(seen), _ROWS):
        columns = np.ascontiguousarray(seen[low : low + _ROWS].T)
        rows = columns.shape[1]
        columns, place = columns.ravel(), np.arange(rows, dtype=np.int32)
        for start in range(0, trees, _TREES):
            base = np.arange(start, min(start + _TREES, trees), dtype=np.int32)[:, None] * NODES
            at = np.broadcast_to(base, (len(base), rows))
            for _ in range(DEPTH):
                right = columns.take(feature.take(at) * rows + place) > threshold.take(at)
                at = child.take(2 * at + right) + base
            found = value.take(at).reshape(-1, len(CLASSES), rows).sum(axis=0)
            votes[low : low + _ROWS] += found.T
    return _softmax(votes)


def with_forest(features: Features, chances: Floats) -> Features:
    """The features with the forest's word as further numbers, as the network reads them."""
    dense = np.concatenate([features.dense, np.log(chances + 1e-4)], axis=1)
    return features._replace(dense=dense)


def network_probabilities(features: Features, weights: Weights) -> Floats:
    """One network's word on each line, [lines, classes]."""
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
    return _softmax(logits)


def decide(chances: Floats) -> NDArray[np.int64]:
    """Return the class of each line, [lines]: the likeliest, but nothing goes on a bare majority.

    The three classes that are removed stand against the rest together.
    """
    gone = chances[:, REMOVED].sum(axis=1)
    kept = chances[:, : REMOVED[0]].argmax(axis=1)
    which = chances[:, REMOVED].argmax(axis=1) + REMOVED[0]
    return np.asarray(np.where(gone > SURE, which, kept), np.int64)


def _softmax(logits: Floats) -> Floats:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)


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
