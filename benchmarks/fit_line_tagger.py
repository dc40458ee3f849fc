"""Train the line tagger on the hand-labelled papers and write the weights that ship.

A forest comes first (LightGBM, which only this script needs), then the networks of
`goldsmith.refine.line_model`, here in torch, which reads what the forest says. So that it learns to
doubt the forest as far as it must, the forest's word on each paper comes from one that was grown
without it; so does the lexicon's. Each step takes a few whole papers, laid end to end with empty
lines between, so that no paper hears another. Lines of body far from the page's edges are thinned
for the forest, and lines that a paper repeats many times count for less. Deterministic on one core,
where it takes about ten minutes.
"""

import argparse
import itertools
import random
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import lightgbm
import numpy as np
import pyarrow.parquet as pq
import torch
from harness import DATA, HANDBOOK
from torch import nn
from torch.nn import functional

from goldsmith.pipeline import pages_kept
from goldsmith.refine import line_model
from goldsmith.refine.line_features import Features, Layout, line_features
from goldsmith.refine.line_lexicon import count_tokens
from goldsmith.refine.line_tagger import layout_of
from goldsmith.refine.line_text import BUCKETS

LABELS = {
    "reference": "reference",
    "header": "front",
    "cover": "front",
    "headnote": "headnote",
    "page_number": "page_number",
    "footnote": "footnote",
}  # all others, annexes with them, are kept
MADE = 0  # made papers beside the hand-labelled ones (decision 0120)
TEXTS = ("retrieval/scifact/corpus.jsonl.gz", "corpus/manuals")  # what they say
SOURCES = HANDBOOK / "source"  # where a folder has no texts
WIDTH = 64
GAP = max(line_model.STEPS_AFTER)
EPOCHS = 9
PAPERS = 5  # a step
RATE = 4e-3
LEXICONS = 10  # each of the papers of the other parts
FORESTS = 3  # each grown without a part of the papers
ROUNDS = 130  # trees of each class
ALIKE = 20  # lines of a paper that say the same, in weight
THINNED = 0.15  # share of body lines far from the edges that the forest learns from
FAR = 6  # lines
GROWTH = {
    "objective": "multiclass",
    "num_class": len(line_model.CLASSES),
    "learning_rate": 0.08,
    "num_leaves": (line_model.NODES + 1) // 2,
    "max_depth": line_model.DEPTH,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.15,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 20.0,
    "max_bin": 63,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
    "seed": 1,
}


class Paper(NamedTuple):
    name: str
    layout: Layout
    labels: list[str]


def read_papers(folder: Path) -> list[Paper]:
    """The papers of ``lines/``, in the order of the file."""
    path = folder / "lines" / "segmentation.parquet"
    table = pq.read_table(path if path.exists() else folder / "segmentation.parquet")
    column = {name: table.column(name).to_pylist() for name in NEEDED}
    names = np.array(column["doc_id"])
    cuts = np.flatnonzero(np.concatenate([[True], names[1:] != names[:-1], [True]]))
    page = np.array(column["page_index"], np.int64)
    opens = np.array([value == "BLOCKSTART" for value in column["block_status"]])
    font = np.array([value == "NEWFONT" for value in column["font_status"]])
    size = np.array([SIZES.get(value, 0) for value in column["font_size_status"]], np.int64)
    bold, italic = (np.array([bool(v) for v in column[n]]) for n in ("bold", "italic"))
    return [
        Paper(
            names[low],
            Layout(
                column["text"][low:high],
                page[low:high],
                opens[low:high],
                font[low:high],
                size[low:high],
                bold[low:high],
                italic[low:high],
            ),
            column["label"][low:high],
        )
        for low, high in itertools.pairwise(cuts)
    ]


def read_made(folder: Path, count: int) -> list[Paper]:
    """Papers typeset of the folder's texts in layouts of our own (see made_pages).

    A folder without such texts lends its labels alone; the papers are made of the handbook then.
    """
    if not count:
        return []
    from made_pages import made_papers, paragraphs_of

    sources = [folder / name for name in TEXTS if (folder / name).exists()]
    texts = [text for source in sources or [SOURCES] for text in paragraphs_of(source)]
    made = made_papers(texts, count, seed=1)
    return [Paper(one.name, layout_of(one.lines), one.hand_labels) for one in made]


SIZES = {"HIGHERFONT": 1, "LOWERFONT": -1}
NEEDED = (
    "doc_id",
    "page_index",
    "text",
    "label",
    "block_status",
    "font_status",
    "font_size_status",
    "bold",
    "italic",
)


class Block(nn.Module):
    def __init__(self, step: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.convolution = nn.Conv1d(WIDTH, WIDTH, 3, padding=step, dilation=step)
        nn.init.normal_(self.convolution.weight, std=0.03)

    def forward(self, hidden: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        active = functional.relu(self.norm(hidden)) * real
        active = functional.dropout(active, 0.2, self.training)
        return hidden + self.convolution(active.T[None])[0].T


class Network(nn.Module):
    """[lines] to [lines, classes]; the weights carry the names that line_model reads."""

    def __init__(self, mean: np.ndarray, scale: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("scale", torch.tensor(scale))
        self.words = nn.Parameter(torch.randn(BUCKETS, 16) * 0.1)
        self.enter = nn.Linear(len(mean) + 64, WIDTH)
        self.before = nn.ModuleList([Block(step) for step in line_model.STEPS_BEFORE])
        self.say = nn.Linear(WIDTH, 24)
        self.hear = nn.Linear(72, WIDTH)
        self.after = nn.ModuleList([Block(step) for step in line_model.STEPS_AFTER])
        self.last = nn.LayerNorm(WIDTH)
        self.leave = nn.Linear(WIDTH, len(line_model.CLASSES))

    def forward(self, dense, words, groups, real):
        known = (words > 0).float()[..., None]
        vectors = functional.embedding(words, self.words) * known
        mean = vectors.sum(1) / known.sum(1).clamp(min=1)
        dense = ((dense - self.mean) / self.scale).clamp(-6, 6)
        line = torch.cat([dense, mean, vectors[:, 0], vectors[:, 1], vectors[:, -1]], 1)
        hidden = self.enter(functional.dropout(line, 0.2, self.training))
        for block in self.before:
            hidden = block(hidden, real)
        said = functional.relu(self.say(hidden)) * real
        heard = torch.cat([others(said, group, real) for group in groups.T], 1)
        hidden = hidden + self.hear(functional.dropout(heard, 0.1, self.training))
        for block in self.after:
            hidden = block(hidden, real)
        return self.leave(self.last(hidden))


def others(said: torch.Tensor, group: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    size = int(group.max()) + 1
    total = torch.zeros(size, said.shape[1]).index_add(0, group, said)
    counts = torch.zeros(size, 1).index_add(0, group, real)
    return (total[group] - said) / (counts[group] - 1).clamp(min=1)


@pages_kept()  # reading made papers has large blocks returned, which slows training by half
def train(features: list[Features], targets: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the weights of a lexicon, a forest and a network trained on these papers."""
    features, lexicon = with_lexicons(features, targets)
    parts = np.arange(len(features)) % FORESTS
    said: list[np.ndarray] = [np.empty(0)] * len(features)
    for part in range(FORESTS):
        seen = np.flatnonzero(parts != part)
        grown = grow([features[n] for n in seen], [targets[n] for n in seen])
        for number in np.flatnonzero(parts == part):
            seen_of = line_model.around(features[number])
            said[number] = line_model.forest_probabilities(seen_of, grown)
    both = [line_model.with_forest(f, p) for f, p in zip(features, said, strict=True)]
    weights = lexicon | grow(features, targets)
    for number in range(line_model.NETWORKS):
        network = train_network(both, targets, seed=7 + number)
        weights |= {f"network.{number}.{name}": value for name, value in network.items()}
    return weights


def with_lexicons(
    features: list[Features], targets: list[np.ndarray]
) -> tuple[list[Features], dict[str, np.ndarray]]:
    """The papers with what other papers call their lines, and the lexicon of them all."""
    parts = np.arange(len(features)) % LEXICONS
    told = list(features)
    for part in range(LEXICONS):
        others = lexicon_of(np.flatnonzero(parts != part), features, targets)
        for number in np.flatnonzero(parts == part):
            told[number] = line_model.with_lexicon(features[number], others)
    return told, lexicon_of(range(len(features)), features, targets)


def lexicon_of(
    numbers: Iterable[int], features: list[Features], targets: list[np.ndarray]
) -> dict[str, np.ndarray]:
    tokens, counts = count_tokens((features[n].tokens, targets[n]) for n in numbers)
    return {"lexicon.token": tokens, "lexicon.count": counts.astype("f2").astype("f4")}


def grow(features: list[Features], targets: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return a forest as flat tables: each node's feature, threshold, two children and value."""
    picked = np.random.default_rng(0)
    rows, wanted, weights = [], [], []
    for paper, target in zip(features, targets, strict=True):
        far = (target == 0) & _far(paper)
        chosen = ~far | (picked.random(len(target)) < THINNED)
        rows.append(line_model.around(paper)[chosen])
        wanted.append(target[chosen])
        weights.append((np.where(far, 1 / THINNED, 1.0) * weight_of(paper))[chosen])
    data = lightgbm.Dataset(
        np.concatenate(rows), np.concatenate(wanted), weight=np.concatenate(weights)
    )
    trees = lightgbm.train(GROWTH, data, ROUNDS).dump_model()["tree_info"]
    shape = (len(trees), line_model.NODES)
    forest = {
        "forest.feature": np.zeros(shape, np.int32),
        "forest.threshold": np.full(shape, np.inf, np.float32),
        "forest.child": np.zeros((*shape, 2), np.int32),
        "forest.value": np.zeros(shape, np.float32),
    }
    for number, tree in enumerate(trees):
        _lay(tree["tree_structure"], number, forest, [0])
    return forest


def _lay(node: dict, tree: int, forest: dict[str, np.ndarray], used: list[int]) -> int:
    """Write a node and what is under it, and return its place."""
    place = used[0]
    used[0] += 1
    forest["forest.child"][tree, place] = place
    if "leaf_value" in node:
        forest["forest.value"][tree, place] = node["leaf_value"]
        return place
    threshold = np.float32(node["threshold"])
    if threshold > node["threshold"]:  # so that the same values lie above it
        threshold = np.nextafter(threshold, np.float32(-np.inf))
    forest["forest.feature"][tree, place] = node["split_feature"]
    forest["forest.threshold"][tree, place] = threshold
    for side, name in enumerate(("left_child", "right_child")):
        forest["forest.child"][tree, place, side] = _lay(node[name], tree, forest, used)
    return place


def weight_of(paper: Features) -> np.ndarray:
    """Lines that say the same count together as ALIKE lines at most.

    A stamp in pieces down the margin of a hundred pages is one decision of one annotator.
    """
    said = paper.groups[:, 0]
    return np.minimum(1.0, ALIKE / np.bincount(said)[said])


def _far(paper: Features) -> np.ndarray:
    """Lines at least FAR lines from the top and the foot of their page."""
    ranks = np.expm1(paper.dense[:, [47, 48]] * 3)
    return ranks.min(axis=1) >= FAR - 0.5


def train_network(
    features: list[Features], targets: list[np.ndarray], seed: int
) -> dict[str, np.ndarray]:
    """Return the weights of a network trained on these papers."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    order = random.Random(seed)
    sample = np.concatenate([paper.dense[:: 1 + len(paper.dense) // 200] for paper in features])
    network = Network(sample.mean(0), sample.std(0) + 0.05)
    steps = EPOCHS * -(-len(features) // PAPERS)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps, pct_start=0.15)
    for _ in range(EPOCHS):
        numbers = list(range(len(features)))
        order.shuffle(numbers)
        for at in range(0, len(numbers), PAPERS):
            chosen = numbers[at : at + PAPERS]
            dense, words, groups, real = laid_out([features[n] for n in chosen])
            wanted = torch.tensor(
                np.concatenate([np.append(targets[n], [-1] * GAP) for n in chosen])
            )
            weights = [np.append(weight_of(features[n]), np.zeros(GAP)) for n in chosen]
            weight = torch.tensor(np.concatenate(weights), dtype=torch.float32)
            logits = network(dense, words, groups, real)
            losses = functional.cross_entropy(logits, wanted, ignore_index=-1, reduction="none")
            loss = (losses * weight).sum() / weight.sum()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    weights["words"][0] = 0.0
    return weights


def laid_out(papers: list[Features]) -> tuple[torch.Tensor, ...]:
    """Papers end to end, GAP empty lines after each; groups of different papers do not meet."""
    groups, base = [], 0
    for paper in papers:
        here = np.stack([np.unique(g, return_inverse=True)[1] for g in paper.groups.T], axis=1)
        groups.append(np.pad(here + base, ((0, GAP), (0, 0)), constant_values=base))
        base += int(here.max()) + 1
    real = np.concatenate([np.append(np.ones(len(p.dense)), np.zeros(GAP)) for p in papers])
    return (
        torch.tensor(np.concatenate([np.pad(p.dense, ((0, GAP), (0, 0))) for p in papers])),
        torch.tensor(np.concatenate([np.pad(p.words, ((0, GAP), (0, 0))) for p in papers])).long(),
        torch.tensor(np.concatenate(groups)),
        torch.tensor(real[:, None], dtype=torch.float32),
    )


def _narrowed(name: str, array: np.ndarray) -> np.ndarray:
    """The smallest type that holds the values; sums of many trees and scales stay exact."""
    if array.dtype.kind == "u":
        return array
    if array.dtype.kind == "i":
        return array.astype(np.int16)
    exact = name.startswith("forest") or name.endswith((".mean", ".scale"))
    return array if exact else array.astype("f2")


def targets_of(paper: Paper) -> np.ndarray:
    names = [LABELS.get(label, "kept") for label in paper.labels]
    return np.array([line_model.CLASSES.index(name) for name in names])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--made", type=int, default=MADE, help="made papers to train on as well")
    options = parser.parse_args()
    papers = read_papers(options.data) + read_made(options.data, options.made)
    weights = train([line_features(p.layout) for p in papers], [targets_of(p) for p in papers])
    path = Path(line_model.__file__).parent / line_model.WEIGHTS
    np.savez_compressed(path, **{name: _narrowed(name, v) for name, v in weights.items()})
    print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
