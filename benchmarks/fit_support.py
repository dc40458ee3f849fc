"""Fit the two models of `goldsmith.retrieval.support` and print their cross-validated figures.

Data: XQuAD's English half (SQuAD's questions over 240 paragraphs of 48 articles), and, where a
handbook workspace is given, the training half of its questions. A question becomes unanswerable in
two ways: its whole article leaves the corpus, or (nearer to what people ask in vain) the sentence
that answers it leaves its paragraph. Folds never share an article.

    python benchmarks/fit_support.py XQUAD_EN_JSON --write src/goldsmith/retrieval/support.json
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from goldsmith.lake.ids import content_id
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import IndexSettings
from goldsmith.retrieval.evidence import MEASURES, Evidence, gather, understand
from goldsmith.retrieval.index import Index, build_index
from goldsmith.retrieval.sentences import sentence_ranges

CANDIDATES = 12
FOLDS = 5
#: Answerable questions weigh as much as all the others; of those, the nearer kind weighs most.
SHARES = {"answerable": 1.0, "elsewhere": 0.3, "sentence gone": 0.7}


@dataclass(frozen=True)
class Asked:
    """A question, the condition it was asked under, and its evidence; ``right`` marks sentences."""

    article: int
    condition: str
    evidence: list[Evidence]
    right: npt.NDArray[np.bool_]

    @property
    def table(self) -> npt.NDArray[np.float64]:
        """Shape (sentences, measures)."""
        return np.array([each.measures for each in self.evidence]).reshape(-1, len(MEASURES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("xquad", type=Path)
    parser.add_argument("--embedders", nargs="+", default=["tfidf", "minilm"])
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    data = json.loads(arguments.xquad.read_text("utf-8"))["data"]
    tables: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    for name in arguments.embedders:
        kind = "tfidf" if name == "tfidf" else "encoder"
        asked = list(ask_all(data, name))
        figures[kind] = cross_validate(asked)
        choice = fit_choice(asked)
        support = fit_support(asked, choice)
        tables[kind] = {
            "choice": dict(zip(MEASURES, choice.round(4).tolist(), strict=True)),
            "support": dict(zip((*MEASURES, "intercept"), support.round(4).tolist(), strict=True)),
        }
    if arguments.write:
        old = json.loads(arguments.write.read_text("utf-8")) if arguments.write.exists() else {}
        arguments.write.write_text(json.dumps({**old, **tables}, indent=1) + "\n", "utf-8")
    print(json.dumps({"name": "fit_support", "figures": figures}))


def ask_all(data: list[dict[str, Any]], embedder: str) -> Iterable[Asked]:
    """Ask every question under every condition, with an index for each."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        everything = paragraphs(data)
        index = make_index(everything, embedder, place / "all")
        yield from ask(index, everything, "answerable", questions(data))
        for half in (0, 1):
            there = [each for each in everything if each["article"] % 2 == half]
            index = make_index(there, embedder, place / f"half-{half}")
            absent = [each for each in questions(data) if each["article"] % 2 != half]
            yield from ask(index, there, "elsewhere", absent)
        for fold in range(FOLDS):
            gone = [each for number, each in enumerate(questions(data)) if number % FOLDS == fold]
            lacking = without_answers(everything, gone)
            index = make_index(lacking, embedder, place / f"fold-{fold}")
            yield from ask(index, lacking, "sentence gone", gone)


def paragraphs(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"article": number, "title": article["title"], "text": paragraph["context"]}
        for number, article in enumerate(data)
        for paragraph in article["paragraphs"]
    ]


def questions(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the questions with the number of their paragraph and the place of their answer."""
    found: list[dict[str, Any]] = []
    paragraph = 0
    for number, article in enumerate(data):
        for each in article["paragraphs"]:
            for row in each["qas"]:
                answer = row["answers"][0]
                start = answer["answer_start"]
                found.append(
                    {
                        "article": number,
                        "paragraph": paragraph,
                        "question": row["question"],
                        "start": start,
                        "end": start + len(answer["text"]),
                        "answer": answer["text"],
                    }
                )
            paragraph += 1
    return found


def without_answers(
    all_paragraphs: list[dict[str, Any]], gone: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the paragraphs without the sentences that answer these questions."""
    kept = []
    for number, paragraph in enumerate(all_paragraphs):
        answers = [each for each in gone if each["paragraph"] == number]
        text = paragraph["text"]
        left = [
            text[start:end]
            for start, end in sentence_ranges(text)
            if not any(start < each["end"] and each["start"] < end for each in answers)
        ]
        if left:
            kept.append({**paragraph, "text": " ".join(left)})
    return kept


def make_index(rows: list[dict[str, Any]], embedder: str, folder: Path) -> Index:
    chunks, documents = [], {}
    for number, row in enumerate(rows):
        document = content_id("document", row["title"])
        documents[document] = {
            "id": document,
            "uri": row["title"],
            "title": row["title"].replace("_", " "),
            "pages": 1,
        }
        chunks.append(
            {
                "id": content_id("chunk", number, row["text"]),
                "document": document,
                "order": number,
                "heading_path": [],
                "text": row["text"],
            }
        )
    build_index(
        pa.Table.from_pylist(chunks, schema=SCHEMAS["chunks"]),
        pa.Table.from_pylist(list(documents.values()), schema=SCHEMAS["documents"]),
        IndexSettings(embedder=embedder),
        folder,
        "fit",
    )
    return Index.open(folder)


def ask(
    index: Index, rows: list[dict[str, Any]], condition: str, asked: list[dict[str, Any]]
) -> Iterable[Asked]:
    for question in asked:
        understood = understand(question["question"], index)
        hits = index.search(question["question"], CANDIDATES, vector=understood.vector)
        evidence = gather(index, understood, hits)
        right = [
            condition == "answerable"
            and index.chunks[each.hit.row]["order"] == question["paragraph"]
            and each.start < question["end"]
            and question["start"] < each.end
            for each in evidence
        ]
        yield Asked(question["article"], condition, evidence, np.array(right, dtype=bool))


def fit_choice(asked: list[Asked], strength: float = 1.0) -> npt.NDArray[np.float64]:
    """Fit a softmax over each answerable question's sentences (conditional logit), L2-held."""
    from scipy.optimize import minimize

    groups = [(each.table, each.right) for each in asked if each.right.any()]
    table = np.concatenate([group for group, _ in groups])
    right = np.concatenate([mask for _, mask in groups])
    starts = np.cumsum([0, *(len(group) for group, _ in groups)])[:-1]
    sizes = np.array([len(group) for group, _ in groups])

    def loss(slopes: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        values = table @ slopes
        values -= np.repeat(np.maximum.reduceat(values, starts), sizes)
        weights = np.exp(values)
        every = np.repeat(np.add.reduceat(weights, starts), sizes)
        good = np.add.reduceat(weights * right, starts)
        expected = weights / every
        wanted = weights * right / np.repeat(good, sizes)
        cost = -np.log(good / np.add.reduceat(weights, starts)).sum()
        slope = table.T @ (expected - wanted)
        return cost + strength / 2 * slopes @ slopes, slope + strength * slopes

    return minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B").x


def chosen(each: Asked, choice: npt.NDArray[np.float64]) -> int:
    return int(np.argmax(each.table @ choice))


def fit_support(asked: list[Asked], choice: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Fit a logistic regression on the chosen sentences; return slopes and intercept."""
    from sklearn.linear_model import LogisticRegression

    asked = [each for each in asked if each.evidence]
    table = np.array([each.table[chosen(each, choice)] for each in asked])
    answerable = np.array([each.condition == "answerable" for each in asked])
    counts = {name: sum(each.condition == name for each in asked) for name in SHARES}
    weights = np.array([SHARES[each.condition] / counts[each.condition] for each in asked])
    model = LogisticRegression(C=10.0, max_iter=5000)
    model.fit(table, answerable, sample_weight=weights * len(asked) / 2)
    return np.append(model.coef_[0], model.intercept_)


def cross_validate(asked: list[Asked]) -> dict[str, float]:
    """Fit on four fifths of the articles, look at the rest, five times."""
    right: list[bool] = []
    probabilities: dict[str, list[float]] = {name: [] for name in SHARES}
    for fold in range(FOLDS):
        train = [each for each in asked if each.article % FOLDS != fold]
        choice = fit_choice(train)
        support = fit_support(train, choice)
        for each in asked:
            if each.article % FOLDS != fold:
                continue
            if not each.evidence:
                probabilities[each.condition].append(0.0)
                continue
            best = chosen(each, choice)
            if each.condition == "answerable":
                right.append(bool(each.right[best]))
            odds = each.table[best] @ support[:-1] + support[-1]
            probabilities[each.condition].append(float(1 / (1 + np.exp(-odds))))
    figures = {"sentence_right": float(np.mean(right))}
    answerable = np.array(probabilities["answerable"])
    for name, values in probabilities.items():
        figures[f"{name} refused at 0.5"] = float(np.mean(np.array(values) < 0.5))
        bar = float(np.quantile(answerable, 0.1))
        figures[f"{name} refused at {bar:.2f}"] = float(np.mean(np.array(values) < bar))
    return {name: round(value, 4) for name, value in figures.items()}


if __name__ == "__main__":
    main()
