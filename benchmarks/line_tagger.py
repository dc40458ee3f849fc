"""The line tagger against hand labels: every paper predicted once, held out by paper.

Without options, five taggers are trained, each on four fifths of the papers, and each paper is
predicted by the one that did not see it; `--keep FOLDER` keeps what each said, so that a run can be
taken up again, and `--folds` picks some. `--shipped` trains nothing and evaluates the weights of
the package on the folder's papers. `--suspects` lists lines where the tagger is sure of another
label than the hand's: about a quarter of its errors are such, and they are shown, not fitted.

`f1_*`: of lines, by label; `f1_removed` merges page numbers, headnotes and footnotes. `body_lost`:
the share of lines labelled body that would be removed. `lines_per_second`: one core, features
included, the median of three passes over a tenth of the papers.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from fit_line_tagger import Paper, read_papers, targets_of, train
from harness import DATA, print_result

from goldsmith.refine.line_features import line_features
from goldsmith.refine.line_model import (
    CLASSES,
    REMOVED,
    decide,
    line_probabilities,
    shipped_weights,
)

FOLDS = 5
SUSPECTS = 60  # lines listed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--shipped", action="store_true", help="evaluate the packaged weights")
    parser.add_argument("--suspects", action="store_true", help="list labels that look wrong")
    parser.add_argument("--keep", type=Path, help="folder for what each fold's tagger said")
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    options = parser.parse_args()
    papers = read_papers(options.data)
    if options.shipped:
        chances = shipped_chances(papers)
    else:
        chances = held_out(papers, options.folds, options.keep)
        papers = [paper for number, paper in enumerate(papers) if number % FOLDS in options.folds]
    if options.suspects:
        list_suspects(papers, chances)
    result = figures(papers, chances)
    result["lines_per_second"] = speed(papers)
    print_result("line_tagger", result)


def shipped_chances(papers: list[Paper]) -> list[np.ndarray]:
    weights = shipped_weights()
    return [line_probabilities(line_features(paper.layout), weights) for paper in papers]


def held_out(papers: list[Paper], folds: list[int], keep: Path | None) -> list[np.ndarray]:
    """Chances of each paper of the folds from a tagger that was trained without it, in order."""
    features = [line_features(paper.layout) for paper in papers]
    targets = [targets_of(paper) for paper in papers]
    chances: dict[int, np.ndarray] = {}
    for fold in folds:
        held = range(fold, len(papers), FOLDS)
        kept = keep / f"fold-{fold}.npz" if keep else None
        if kept and kept.exists():
            with np.load(kept) as archive:
                chances |= {number: archive[str(number)] for number in held}
            continue
        seen = [number for number in range(len(papers)) if number % FOLDS != fold]
        weights = train([features[n] for n in seen], [targets[n] for n in seen])
        chances |= {number: line_probabilities(features[number], weights) for number in held}
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(kept, **{str(number): chances[number] for number in held})
        print(f"fold {fold} of {FOLDS}", flush=True)
    return [chances[number] for number in sorted(chances)]


def figures(papers: list[Paper], chances: list[np.ndarray]) -> dict[str, object]:
    truth = np.concatenate([targets_of(paper) for paper in papers])
    body = np.array([label == "body" for paper in papers for label in paper.labels])
    found = np.concatenate([decide(chance) for chance in chances])
    result: dict[str, object] = {"papers": len(papers), "lines": len(truth)}
    for name in ("page_number", "headnote", "footnote", "reference"):
        number = CLASSES.index(name)
        result[f"f1_{name}"] = f1(truth == number, found == number)
    gone = np.isin(found, REMOVED)
    result["f1_removed"] = f1(np.isin(truth, REMOVED), gone)
    result["body_lost"] = round(float((gone & body).sum() / body.sum()), 6)
    return result


def f1(truth: np.ndarray, found: np.ndarray) -> float:
    return round(2 * int((truth & found).sum()) / max(int(truth.sum() + found.sum()), 1), 4)


def speed(papers: list[Paper]) -> int:
    weights = shipped_weights()
    chosen = papers[::10]
    lines = sum(len(paper.labels) for paper in chosen)
    rates = []
    for _ in range(3):
        started = time.process_time()
        for paper in chosen:
            decide(line_probabilities(line_features(paper.layout), weights))
        rates.append(lines / (time.process_time() - started))
    return int(statistics.median(rates))


def list_suspects(papers: list[Paper], chances: list[np.ndarray]) -> None:
    """Print the lines whose hand label the tagger finds least likely, most sure first."""
    doubts = []
    for paper, chance in zip(papers, chances, strict=True):
        truth = targets_of(paper)
        given = chance[np.arange(len(truth)), truth]
        for row in np.flatnonzero((chance.max(axis=1) > 0.97) & (given < 0.02)):
            if truth[row] in REMOVED or chance[row].argmax() in REMOVED:
                doubts.append((float(given[row]), paper.name, int(row), paper, chance))
    doubts.sort(key=lambda doubt: doubt[:3])
    print(f"{len(doubts)} labels that look wrong; the first {min(SUSPECTS, len(doubts))}:")
    for given, name, row, paper, chance in doubts[:SUSPECTS]:
        hand, ours = paper.labels[row], CLASSES[int(chance[row].argmax())]
        print(f"{name} {row} {hand} -> {ours} {given:.4f} {paper.layout.texts[row][:70]!r}")


if __name__ == "__main__":
    main()
