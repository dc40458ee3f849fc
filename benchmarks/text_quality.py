"""How well the scores of text quality follow the truth they do not see.

    python benchmarks/text_quality.py [--data DIR] [--shipped]

`noise_spearman`: estimated character damage against the rate at which the true texts of
opendataloader-bench were damaged (0, 1, 2, 5, 10, 20 %; see `noise.py`), over all pages and rates.
`noise_auc_1`, `noise_auc_5`: how well it tells those pages sound from damaged at 1 % and 5 %.
`nid_spearman`: estimated similarity to the truth against the published one, over all pages and
engines, with the other engines' outputs as evidence. `text_alone_spearman`: the same with damage
alone as the estimate. `loss_`, `order_`: against the share of missing and of reordered words; with
one witness instead of all as `_one_witness`. `_error` is the mean absolute error.

Each page is estimated by regressions that saw neither it (ten folds by page) nor, where engines are
compared, any output of its engine. With --shipped the regressions in the package are used as they
are and nothing is fitted: a fair measure only on pages they were not made from.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from fit_quality import (
    FOLDS,
    RATES,
    Page,
    agreement_rows,
    damage_rows,
    fit_agreement,
    fit_damage,
    fold_of,
    other_pages,
    read_pages,
)
from harness import DATA, print_result
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from goldsmith.refine.agreement import features
from goldsmith.refine.quality import (
    DAMAGE_FLOOR,
    character_damage,
    predict_share,
    shipped_regressions,
)
from goldsmith.refine.regression import Trees, from_arrays

TARGETS = ("loss", "disorder", "distance")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--shipped", action="store_true")
    options = parser.parse_args()
    pages = read_pages(options.data)
    estimated = damage_estimates(pages, options)
    rates = np.tile(RATES, (len(pages), 1))
    result: dict[str, object] = {
        "pages": len(pages),
        "noise_spearman": spearman(estimated, rates),
        "noise_auc_1": auc(estimated, 0.01),
        "noise_auc_5": auc(estimated, 0.05),
        "noise_error": error(estimated, rates),
    }
    whole, one = agreement_estimates(pages, options)
    truth = {
        "loss": np.concatenate([page.missing for page in pages]),
        "disorder": np.concatenate([page.disorder for page in pages]),
        "distance": 1.0 - np.concatenate([page.nid for page in pages]),
    }
    alone = [character_damage(text) or 0.0 for page in pages for text in page.texts]
    result |= {
        "outputs": len(alone),
        "nid_spearman": spearman(whole["distance"], truth["distance"]),
        "nid_error": error(whole["distance"], truth["distance"]),
        "nid_spearman_one_witness": spearman(one["distance"], truth["distance"]),
        "text_alone_spearman": spearman(np.array(alone), truth["distance"]),
        "loss_spearman": spearman(whole["loss"], truth["loss"]),
        "loss_error": error(whole["loss"], truth["loss"]),
        "order_spearman": spearman(whole["disorder"], truth["disorder"]),
        "order_error": error(whole["disorder"], truth["disorder"]),
    }
    print_result("text_quality", result | {"shipped": options.shipped})


def damage_estimates(pages: list[Page], options: argparse.Namespace) -> np.ndarray:
    """Return the estimated damage (pages, rates)."""
    rows, rates = damage_rows([(page.id, page.truth) for page in pages])
    width = rows.shape[-1]
    if options.shipped:
        trees = from_arrays(Trees, "damage", shipped_regressions())
        logs = trees.predict(rows.reshape(-1, width)).reshape(rates.shape)
        return np.exp(logs) - DAMAGE_FLOOR
    other_rows, other_rates = damage_rows(list(other_pages(options.data)))
    logs = np.zeros(rates.shape)
    folds = np.array([fold_of(page.id) for page in pages])
    for fold in range(FOLDS):
        seen, held = folds != fold, folds == fold
        if not held.any():
            continue
        together = np.concatenate([rows[seen], other_rows]).reshape(-1, width)
        targets = np.concatenate([rates[seen], other_rates]).ravel()
        weights = np.repeat([3.0] * int(seen.sum()) + [1.0] * len(other_rows), len(RATES))
        trees = fit_damage(together, targets, weights)
        logs[held] = trees.predict(rows[held].reshape(-1, width)).reshape(-1, len(RATES))
    return np.exp(logs) - DAMAGE_FLOOR


def agreement_estimates(
    pages: list[Page], options: argparse.Namespace
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return estimates by target for all outputs: with all witnesses, and with the next one only.

    The next one is the engine that follows in the order of names, the first after the last.
    """
    places = [(p, k) for p, page in enumerate(pages) for k in range(len(page.engines))]
    whole = {name: np.zeros(len(places)) for name in TARGETS}
    one = {name: np.zeros(len(places)) for name in TARGETS}
    rows, few = [], []
    for p, k in places:
        page = pages[p]
        size = len(page.engines)
        others = [other for other in range(size) if other != k]
        rows.append(features(page.pairs, page.pages, k, others))
        few.append(features(page.pairs, page.pages, k, [(k + 1) % size]))
    all_rows, few_rows = np.array(rows), np.array(few)
    if options.shipped:
        for name in TARGETS:
            whole[name] = predict_share(name, all_rows)
            one[name] = predict_share(name, few_rows)
        return whole, one
    for engine in sorted({name for page in pages for name in page.engines}):
        for fold in range(FOLDS):
            held = [
                index
                for index, (p, k) in enumerate(places)
                if pages[p].engines[k] == engine and fold_of(pages[p].id) == fold
            ]
            if not held:
                continue
            seen = [page for page in pages if fold_of(page.id) != fold]
            table, targets, weights = agreement_rows(seen, engine, 0)
            for name in TARGETS:
                models = fit_agreement(table, targets[name], weights, name)
                whole[name][held] = predict_share(name, all_rows[held], models)
                one[name][held] = predict_share(name, few_rows[held], models)
    return whole, one


def spearman(estimated: np.ndarray, true: np.ndarray) -> float:
    return round(float(spearmanr(estimated.ravel(), true.ravel())[0]), 4)


def auc(estimated: np.ndarray, rate: float) -> float:
    sound, harmed = estimated[:, RATES.index(0.0)], estimated[:, RATES.index(rate)]
    labels = np.repeat([0, 1], len(sound))
    return round(float(roc_auc_score(labels, np.concatenate([sound, harmed]))), 4)


def error(estimated: np.ndarray, true: np.ndarray) -> float:
    return round(float(np.abs(estimated - true).mean()), 4)


if __name__ == "__main__":
    main()
