"""Fit the two models of `goldsmith.retrieval.support` and print their cross-validated figures.

Data: XQuAD's English half (SQuAD's questions over 240 paragraphs of 48 articles), and the training
half of the handbook's questions over a workspace made from its PDFs. A question becomes
unanswerable in three ways: its whole article leaves the corpus; the sentences that answer it leave
their paragraph, which is nearer to what people ask in vain; or its author made it so (handbook).
Folds never share an article or chapter. XQuAD gives the slopes, the handbook's training half the
cut; its evaluation half is never read.

Kind "reader" is fitted on the sentences that kind "encoder" puts first, as the packaged reader
reads them, which has learned from neither XQuAD nor the handbook.

    python benchmarks/fit_support.py XQUAD_EN_JSON --workspace DIR --questions QUESTIONS_JSONL \\
        --write src/goldsmith/retrieval/support.json
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from goldsmith.evaluation import Question, read_questions
from goldsmith.evaluation.questions import relevant_rows, runs
from goldsmith.lake import Lake
from goldsmith.lake.ids import content_id
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import IndexSettings
from goldsmith.retrieval import Index, build_index
from goldsmith.retrieval.evidence import MEASURES, Evidence, gather, understand
from goldsmith.retrieval.reader import packaged_reader, read
from goldsmith.retrieval.sentences import sentence_ranges
from goldsmith.retrieval.support import names

CANDIDATES = 12
FOLDS = 5
#: What each condition weighs in the slopes, however many questions it has. The handbook's few
#: questions only place the cut: fitted on, they made the held-out chapters worse.
SHARES = {"xquad answerable": 1.0, "xquad elsewhere": 0.8, "xquad sentence gone": 0.2}
ANSWERABLE = ("xquad answerable", "handbook answerable")
#: The share of answerable handbook questions that may be refused; it places the cut at 0.5.
REFUSED = 0.08


@dataclass(frozen=True)
class Asked:
    """A question, the condition it was asked under, and its evidence; ``right`` marks sentences."""

    group: int
    condition: str
    question: str
    evidence: list[Evidence]
    right: npt.NDArray[np.bool_]

    @property
    def table(self) -> npt.NDArray[np.float64]:
        """Shape (sentences, measures)."""
        return np.array([each.measures for each in self.evidence])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("xquad", type=Path)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--embedders", nargs="+", default=["tfidf", "minilm"])
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    tables: dict[str, Any] = {}
    figures: dict[str, Any] = {}
    for name in arguments.embedders:
        kind = "tfidf" if name == "tfidf" else "encoder"
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            asked = [
                *ask_xquad(arguments.xquad, name, place),
                *ask_handbook(arguments.workspace, arguments.questions, name, place),
            ]
        tables[kind], figures[kind] = fit(asked, kind)
        if name == "minilm":
            choice = np.array([tables[kind]["choice"][measure] for measure in MEASURES])
            tables["reader"], figures["reader"] = fit(read_all(asked, choice), "reader")
    if arguments.write:
        old = json.loads(arguments.write.read_text("utf-8")) if arguments.write.exists() else {}
        arguments.write.write_text(json.dumps({**old, **tables}, indent=1) + "\n", "utf-8")
    print(json.dumps({"name": "fit_support", "figures": figures}))


def fit(asked: Sequence[Asked], kind: str) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the constants for one kind of embedder, and how well such constants generalise."""
    asked = [each for each in asked if each.evidence]
    choice = fit_choice(asked)
    support = place_cut(asked, choice, fit_support(asked, choice))
    return {
        "choice": dict(zip(names(kind), choice.round(4).tolist(), strict=True)),
        "support": dict(zip((*names(kind), "intercept"), support.round(4).tolist(), strict=True)),
    }, cross_validate(asked)


def read_all(asked: Sequence[Asked], choice: npt.NDArray[np.float64]) -> list[Asked]:
    """Return the questions with the sentences that are read, best first."""
    found = []
    for each in asked:
        if each.evidence:
            order = np.argsort(-(each.table @ choice), kind="stable")
            ranked = [each.evidence[place] for place in order]
            evidence = read(each.question, ranked, packaged_reader())
            found.append(replace(each, evidence=evidence, right=each.right[order[: len(evidence)]]))
    return found


def ask_xquad(path: Path, embedder: str, place: Path) -> Iterator[Asked]:
    """Ask every XQuAD question under every condition, with an index for each."""
    data = json.loads(path.read_text("utf-8"))["data"]
    paragraphs = [
        {"group": group, "title": article["title"], "text": paragraph["context"]}
        for group, article in enumerate(data)
        for paragraph in article["paragraphs"]
    ]
    questions = xquad_questions(data)
    index = make_index(paragraphs, embedder, place / "all")
    yield from ask(index, "xquad answerable", questions)
    for half in (0, 1):
        there = [each for each in paragraphs if each["group"] % 2 == half]
        absent = [each for each in questions if each["group"] % 2 != half]
        index = make_index(there, embedder, place / f"half-{half}")
        yield from ask(index, "xquad elsewhere", absent)
    for fold in range(FOLDS):
        gone = questions[fold::FOLDS]
        lacking = []
        for number, paragraph in enumerate(paragraphs):
            answers = [each for each in gone if each["paragraph"] == number]
            lacking.append({**paragraph, "text": without(paragraph["text"], answers)})
        index = make_index([each for each in lacking if each["text"]], embedder, place / f"f{fold}")
        yield from ask(index, "xquad sentence gone", gone)


def xquad_questions(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the questions with the number of their paragraph and the place of their answer."""
    found: list[dict[str, Any]] = []
    paragraph = 0
    for group, article in enumerate(data):
        for each in article["paragraphs"]:
            for row in each["qas"]:
                start = row["answers"][0]["answer_start"]
                end = start + len(row["answers"][0]["text"])
                place = {"paragraph": paragraph, "start": start, "end": end}
                found.append({"group": group, "question": row["question"], **place})
            paragraph += 1
    return found


def without(text: str, answers: Sequence[dict[str, Any]]) -> str:
    """Return a paragraph without the sentences that hold these answers."""
    return " ".join(
        text[start:end]
        for start, end in sentence_ranges(text)
        if not any(start < each["end"] and each["start"] < end for each in answers)
    )


def ask_handbook(workspace: Path, questions: Path, embedder: str, place: Path) -> Iterator[Asked]:
    """Ask the training half, with its passages in the corpus and with them taken out."""
    lake = Lake(workspace / "lake")
    chunks, documents = lake.read("chunks"), lake.read("documents")
    rows = read_questions(questions, "train")
    # Loose sheets have no number; no reader learned from them.
    found = {row.document: re.match(r"\d+", Path(row.document).name) for row in rows}
    chapters = {name: int(number.group()) if number else 0 for name, number in found.items()}
    index = build(chunks, documents, embedder, place / "handbook")
    for row in rows:
        right = set(relevant_rows(index, row))
        condition = "answerable" if row.answerable else "unanswerable"
        yield look(index, chapters[row.document], f"handbook {condition}", row.question, row, right)
    answerable = [row for row in rows if row.answerable]
    for fold in (0, 1):
        gone = answerable[fold::2]
        texts = [lacking(text, gone) for text in chunks["text"].to_pylist()]
        column = chunks.schema.get_field_index("text")
        less = chunks.set_column(column, chunks.schema.field("text"), pa.array(texts, pa.string()))
        index = build(less, documents, embedder, place / f"handbook-{fold}")
        for row in gone:
            group = chapters[row.document]
            yield look(index, group, "handbook sentence gone", row.question, row, set())


def lacking(text: str, gone: Sequence[Question]) -> str:
    """Return a chunk's text without the sentences that share a run of words with a passage."""
    passages = set().union(*(runs(row.passage) for row in gone))
    kept = [
        text[start:end]
        for start, end in sentence_ranges(text)
        if not passages & runs(text[start:end], 5)
    ]
    return " ".join(kept) or "."


def build(chunks: pa.Table, documents: pa.Table, embedder: str, folder: Path) -> Index:
    build_index(chunks, documents, IndexSettings(embedder=embedder), folder, "fit")
    return Index.open(folder)


def make_index(rows: list[dict[str, Any]], embedder: str, folder: Path) -> Index:
    chunks, documents = [], {}
    for number, row in enumerate(rows):
        document = content_id("document", row["title"])
        title = row["title"].replace("_", " ")
        documents[document] = {"id": document, "uri": row["title"], "title": title, "pages": 1}
        chunks.append(
            {
                "id": content_id("chunk", number, row["text"]),
                "document": document,
                "order": number,
                "heading_path": [],
                "text": row["text"],
            }
        )
    return build(
        pa.Table.from_pylist(chunks, schema=SCHEMAS["chunks"]),
        pa.Table.from_pylist(list(documents.values()), schema=SCHEMAS["documents"]),
        embedder,
        folder,
    )


def ask(index: Index, condition: str, asked: Iterable[dict[str, Any]]) -> Iterator[Asked]:
    for question in asked:
        evidence = find(index, question["question"])
        right = [
            condition in ANSWERABLE
            and index.chunks[each.hit.row]["order"] == question["paragraph"]
            and each.start < question["end"]
            and question["start"] < each.end
            for each in evidence
        ]
        text = question["question"]
        yield Asked(question["group"], condition, text, evidence, np.array(right, dtype=bool))


def look(
    index: Index, group: int, condition: str, text: str, row: Question, rows: set[int]
) -> Asked:
    """Ask one handbook question; a right sentence has half of its runs from the passage."""
    evidence = find(index, text)
    wanted = runs(row.passage, 3)
    right = []
    for each in evidence:
        said = runs(each.text, 3)
        right.append(each.hit.row in rows and bool(said) and len(said & wanted) >= len(said) / 2)
    return Asked(group, condition, text, evidence, np.array(right, dtype=bool))


def find(index: Index, text: str) -> list[Evidence]:
    question = understand(text, index)
    return gather(index, question, index.search(text, CANDIDATES, vector=question.vector))


def fit_choice(asked: Sequence[Asked], strength: float = 1.0) -> npt.NDArray[np.float64]:
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
        every = np.add.reduceat(weights, starts)
        good = np.add.reduceat(weights * right, starts)
        expected = weights / np.repeat(every, sizes)
        wanted = weights * right / np.repeat(good, sizes)
        slope = table.T @ (expected - wanted)
        cost = -np.log(good / every).sum()
        return cost + strength / 2 * slopes @ slopes, slope + strength * slopes

    return minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B").x


def fit_support(asked: Sequence[Asked], choice: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Fit a logistic regression on the chosen sentences; return slopes and intercept.

    Measures are put on one scale first, so that the penalty treats them alike.
    """
    from sklearn.linear_model import LogisticRegression

    used = [each for each in asked if each.condition in SHARES]
    table = np.array([each.table[chosen(each, choice)] for each in used])
    answerable = np.array([each.condition in ANSWERABLE for each in used])
    counts = {name: sum(each.condition == name for each in used) for name in SHARES}
    weights = np.array([SHARES[each.condition] / counts[each.condition] for each in used])
    centre, scale = table.mean(axis=0), table.std(axis=0) + 1e-9
    model = LogisticRegression(C=0.2, max_iter=5000)
    model.fit((table - centre) / scale, answerable, sample_weight=weights / weights.mean())
    slopes = model.coef_[0] / scale
    return np.append(slopes, model.intercept_[0] - slopes @ centre)


def chosen(each: Asked, choice: npt.NDArray[np.float64]) -> int:
    return int(np.argmax(each.table @ choice))


def odds_of(
    asked: Iterable[Asked], choice: npt.NDArray[np.float64], support: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the log odds of the chosen sentence of each question."""
    best = [each.table[chosen(each, choice)] for each in asked]
    return np.array(best) @ support[:-1] + support[-1]


def place_cut(
    asked: Iterable[Asked], choice: npt.NDArray[np.float64], support: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Move the intercept so that REFUSED of the handbook's answerable questions are below 0.5."""
    told = [each for each in asked if each.condition == "handbook answerable"]
    bar = np.quantile(odds_of(told, choice, support), REFUSED)
    return np.append(support[:-1], support[-1] - bar)


def cross_validate(asked: Sequence[Asked]) -> dict[str, float]:
    """Fit and cut on four fifths of the articles and chapters, look at the rest, five times."""
    right: dict[str, list[bool]] = {name: [] for name in ANSWERABLE}
    refused: dict[str, list[bool]] = {name: [] for name in sorted({e.condition for e in asked})}
    for fold in range(FOLDS):
        train = [each for each in asked if each.group % FOLDS != fold]
        held = [each for each in asked if each.group % FOLDS == fold]
        choice = fit_choice(train)
        support = place_cut(train, choice, fit_support(train, choice))
        for each, odds in zip(held, odds_of(held, choice, support), strict=True):
            refused[each.condition].append(bool(odds < 0))
            if each.condition in ANSWERABLE:
                right[each.condition].append(bool(each.right[chosen(each, choice)]))
    figures = {f"{name}: right sentence first": np.mean(marks) for name, marks in right.items()}
    figures |= {f"{name}: refused": np.mean(marks) for name, marks in refused.items()}
    return {name: round(float(value), 3) for name, value in figures.items()}


if __name__ == "__main__":
    main()
