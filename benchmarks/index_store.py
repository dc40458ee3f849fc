"""Our BM25 arrays beside tantivy's segments: quality, speed, and whether bytes are equal.

    python benchmarks/index_store.py FOLDER

FOLDER holds the public collections ``scifact/`` and ``vaswani/``. SciFact is asked with its train
claims. The last line is JSON.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tantivy

from goldsmith.evaluation.ranking import ndcg, recall
from goldsmith.retrieval.bm25 import build_postings
from goldsmith.retrieval.fusion import best
from goldsmith.retrieval.words import content_terms

Collection = tuple[list[str], list[str], dict[str, str], dict[str, dict[str, float]]]


def main() -> None:
    root = Path(sys.argv[1])
    figures: dict[str, float] = {}
    for name, (ids, texts, queries, judged) in (
        ("scifact_train", scifact(root / "scifact")),
        ("vaswani", vaswani(root / "vaswani")),
    ):
        for system, build in (("arrays", arrays), ("tantivy", segments)):
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                search = build(texts, Path(folder) / "a")
                figures[f"{name}_{system}_build_s"] = round(time.perf_counter() - started, 2)
                started = time.perf_counter()
                found = {key: [ids[row] for row in search(text)] for key, text in queries.items()}
                per_query = (time.perf_counter() - started) / len(queries)
                figures[f"{name}_{system}_query_ms"] = round(per_query * 1000, 2)
                build(texts, Path(folder) / "b")
                figures[f"{name}_{system}_equal_bytes"] = int(
                    digests(Path(folder) / "a") == digests(Path(folder) / "b")
                )
            for metric, cut in ((ndcg, 10), (recall, 100)):
                values = [metric(found[key], judged[key], cut) for key in queries]
                mean = float(np.mean([value for value in values if value is not None]))
                figures[f"{name}_{system}_{metric.__name__}_{cut}"] = round(mean, 4)
    machine = {"cores": os.cpu_count()}
    print(json.dumps({"name": "index_store", "figures": figures, "machine": machine}))


def arrays(texts: list[str], folder: Path) -> Callable[[str], list[int]]:
    folder.mkdir()
    postings = build_postings(texts, [""] * len(texts))
    postings.save(folder)
    return lambda query: best(postings.score(content_terms(query)), 100).tolist()


def segments(texts: list[str], folder: Path) -> Callable[[str], list[int]]:
    folder.mkdir()
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name="en_stem")
    builder.add_integer_field("row", stored=True)
    schema = builder.build()
    index = tantivy.Index(schema, str(folder))
    writer = index.writer(64_000_000, 1)
    for row, text in enumerate(texts):
        writer.add_document(tantivy.Document(text=" ".join(content_terms(text)), row=row))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def search(query: str) -> list[int]:
        terms = [tantivy.Query.term_query(schema, "text", term) for term in content_terms(query)]
        parts = [(tantivy.Occur.Should, term) for term in terms]
        hits = searcher.search(tantivy.Query.boolean_query(parts), 100).hits
        return [searcher.doc(address)["row"][0] for _, address in hits]

    return search


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def scifact(folder: Path) -> Collection:
    ids, texts = [], []
    for row in rows(folder / "corpus.jsonl.gz"):
        ids.append(str(row["doc_id"]))
        texts.append(" ".join([row["title"], *row["abstract"]]))
    claims = {str(row["claim_id"]): row["claim"] for row in rows(folder / "claims_train.jsonl")}
    judged = judgements(folder / "qrels_train.tsv")
    return ids, texts, {key: text for key, text in claims.items() if key in judged}, judged


def vaswani(folder: Path) -> Collection:
    ids, texts = [], []
    for row in rows(folder / "corpus.jsonl.gz"):
        ids.append(str(row["doc_id"]))
        texts.append(row["text"])
    queries = {str(row["query_id"]): row["text"] for row in rows(folder / "queries.jsonl")}
    return ids, texts, queries, judgements(folder / "qrels.tsv")


def rows(path: Path) -> Iterator[dict[str, Any]]:
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    yield from map(json.loads, text.splitlines())


def judgements(path: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for line in path.read_text("utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        found[query][document] = float(grade)
    return dict(found)


if __name__ == "__main__":
    main()
