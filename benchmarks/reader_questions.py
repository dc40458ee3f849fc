"""Questions with sentences that do and do not answer them, out of several public forms.

`fit_reader` learns from them. Each reader below yields a `Reading`: a question, the sentences
that answer it and the ones most like it that do not, each with its heading and the sentence
before it. Wrong sentences are the nearest by TF-IDF and the right ones' neighbours; one that
holds the words of the answer is left out, since it may be right too.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from goldsmith.retrieval.sentences import sentence_ranges

#: Wrong sentences of the same text and of other parts of the same document.
NEAR, ELSEWHERE = 4, 2
#: The share of questions without an answer that are kept: they outnumber the others' use.
UNANSWERED = 0.6
#: Sentences of written sources that can be candidates, in characters.
LENGTHS = (16, 500)


@dataclass(frozen=True)
class Candidate:
    heading: str
    before: str
    text: str


@dataclass(frozen=True)
class Reading:
    """``right`` and ``wrong`` are the sentences that answer and that do not; ``right`` is empty for
    a question that nothing answers."""

    question: str
    right: tuple[Candidate, ...]
    wrong: tuple[Candidate, ...]


@dataclass(frozen=True)
class Pool:
    """The sentences of one document, and how to find those that are like a question."""

    sentences: list[Candidate]
    parts: list[int]
    measure: Callable[[str], np.ndarray]

    def reading(self, question: str, right: Sequence[int], part: int, barred: str = "") -> Reading:
        """Choose the wrong sentences; ``barred`` are the answer's words without spaces."""
        order = np.argsort(-self.measure(question), kind="stable").tolist()
        free = [
            place
            for place in order
            if place not in right and not (barred and barred in plain(self.sentences[place].text))
        ]
        inside = [place for place in free if self.parts[place] == part][:NEAR]
        beside = [near for place in right for near in (place - 1, place + 1) if near in free]
        others = [place for place in free if self.parts[place] != part][:ELSEWHERE]
        wrong = dict.fromkeys([*inside, *beside, *others])
        return Reading(
            question,
            tuple(self.sentences[place] for place in right[:2]),
            tuple(self.sentences[place] for place in wrong),
        )


def squad(path: Path, without: set[str], seed: int = 0) -> Iterator[Reading]:
    """Yield the questions of a file in SQuAD's form, but for the texts and questions in ``without``
    (see `words_of`). A paragraph's heading is the article's title, or its own first line."""
    draw = random.Random(seed)
    articles = json.loads(path.read_text("utf-8"))["data"]
    texts = [paragraph["context"] for each in articles for paragraph in each["paragraphs"]]
    measure = fit_measure([text[a:b] for text in texts for a, b in sentence_ranges(text)])
    for article in articles:
        sentences: list[Candidate] = []
        parts: list[int] = []
        spans = []
        for part, paragraph in enumerate(article["paragraphs"]):
            text = paragraph["context"]
            title = article.get("title") or text.strip().split("\n")[0][:100]
            spans.append((len(sentences), sentence_ranges(text)))
            pieces = [" ".join(text[a:b].split()) for a, b in sentence_ranges(text)]
            sentences += candidates(title.replace("_", " "), pieces)
            parts += [part] * len(pieces)
        pool = Pool(sentences, parts, measure([each.text for each in sentences]))
        for part, paragraph in enumerate(article["paragraphs"]):
            if plain(paragraph["context"])[:120] in without:
                continue
            first, ranges = spans[part]
            for row in paragraph["qas"]:
                if plain(row["question"]) in without:
                    continue
                if not row["answers"]:
                    if draw.random() < UNANSWERED:
                        yield pool.reading(row["question"], [], part)
                    continue
                answer = row["answers"][0]
                start, end = answer["answer_start"], answer["answer_start"] + len(answer["text"])
                right = [first + n for n, (a, b) in enumerate(ranges) if a < end and start < b]
                if right:
                    yield pool.reading(row["question"], right, part, plain(answer["text"]))


def words_of(path: Path) -> set[str]:
    """Return what must not be learned from: the texts (their beginning) and questions of a file in
    SQuAD's form, without spaces."""
    found = set()
    for article in json.loads(path.read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            found.add(plain(paragraph["context"])[:120])
            found |= {plain(row["question"]) for row in paragraph["qas"]}
    return found


def selqa(path: Path) -> Iterator[Reading]:
    """Yield SelQA's questions: sections of articles, the numbers of the sentences that answer."""
    rows = json.loads(path.read_text("utf-8"))
    measure = fit_measure([text for row in rows for text in row["candidates"]])
    articles: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        articles.setdefault(row["article"], {}).setdefault(row["section"], row["candidates"])
    pools: dict[str, tuple[Pool, dict[str, int]]] = {}
    for name, sections in articles.items():
        sentences: list[Candidate] = []
        parts: list[int] = []
        starts = {}
        for part, (section, pieces) in enumerate(sections.items()):
            starts[section] = len(sentences)
            sentences += candidates(f"{name}: {section}", pieces)
            parts += [part] * len(pieces)
        pools[name] = Pool(sentences, parts, measure([each.text for each in sentences])), starts
    for row in rows:
        pool, starts = pools[row["article"]]
        right = [starts[row["section"]] + place for place in row["answers"]]
        if right:
            yield pool.reading(row["question"], right, pool.parts[right[0]])


def scifact(folder: Path) -> Iterator[Reading]:
    """Yield SciFact's claims as questions of the abstracts that speak for or against them."""
    with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        abstracts = {str(row["doc_id"]): row for row in map(json.loads, lines)}
    claims = read_lines(folder / "claims_train.jsonl")
    cited = {str(each["doc_id"]) for claim in claims for each in claim["evidence"]}
    measure = fit_measure([text for name in sorted(cited) for text in abstracts[name]["abstract"]])
    for claim in claims:
        for name in dict.fromkeys(str(each["doc_id"]) for each in claim["evidence"]):
            abstract = abstracts[name]
            good = {
                place
                for each in claim["evidence"]
                if str(each["doc_id"]) == name
                for place in each["sentences"]
            }
            pieces = [text.strip() for text in abstract["abstract"]]
            pool = Pool(candidates(abstract["title"], pieces), [0] * len(pieces), measure(pieces))
            yield pool.reading(claim["claim"], sorted(good), 0)


def written(questions: Path, texts: Path) -> Iterator[Reading]:
    """Yield questions that were written for sentences of these texts.

    ``questions``: JSON lines with source, question and quote; ``texts``: sections that begin with
    "=== source". The wrong sentences come from the whole file.
    """
    sentences: list[Candidate] = []
    parts: list[int] = []
    names = {}
    for part, section in enumerate(re.split(r"^=== ", texts.read_text("utf-8"), flags=re.M)[1:]):
        name, _, text = section.partition("\n")
        names[name.strip()] = part
        pieces = [" ".join(text[a:b].split()) for a, b in sentence_ranges(text)]
        pieces = [piece for piece in pieces if LENGTHS[0] <= len(piece) <= LENGTHS[1]]
        sentences += candidates(name.strip(), pieces)
        parts += [part] * len(pieces)
    texts_of = [each.text for each in sentences]
    measure = fit_measure(texts_of)(texts_of)
    pool = Pool(sentences, parts, measure)
    for row in read_lines(questions):
        quote = " ".join(row["quote"].split())
        part = names[row["source"]]
        right = [
            place
            for place, text in enumerate(texts_of)
            if parts[place] == part and (quote in text or text in quote)
        ]
        if right:
            yield pool.reading(row["question"], right, part)


def candidates(heading: str, pieces: Sequence[str]) -> list[Candidate]:
    befores = ["", *pieces]
    return [Candidate(heading, before, text) for before, text in zip(befores, pieces, strict=False)]


def fit_measure(texts: Sequence[str]) -> Callable[[Sequence[str]], Callable[[str], np.ndarray]]:
    """Return a function: sentences -> (question -> its TF-IDF cosine with each, (sentences,))."""
    weigher = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit(texts)

    def among(sentences: Sequence[str]) -> Callable[[str], np.ndarray]:
        matrix = weigher.transform(sentences)
        return lambda question: (weigher.transform([question]) @ matrix.T).toarray()[0]

    return among


def plain(text: str) -> str:
    return re.sub(r"\W+", "", text.lower())


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
