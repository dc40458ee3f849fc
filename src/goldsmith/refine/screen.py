"""The stage that scores passages, pages and documents, and decides nothing.

Scores are rows, so a threshold can be moved without reading a document again. Names, for a passage:
``language:xx`` (probability), ``gibberish``, ``repetition``, ``symbols`` (shares, 0..1),
``reading_ease`` (Flesch; about 0 hard .. 100 easy) and ``grade`` (0..1). A document has
``language:xx``, ``gibberish`` and ``grade``, and for each page ``page:3:language:xx`` and
``page:3:gibberish``; the page of a passage is that of its first span.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa

from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline.stage import Tables
from goldsmith.project import RefineSettings
from goldsmith.refine.gibberish import gibberish
from goldsmith.refine.grade import grade
from goldsmith.refine.language import languages, letters_in
from goldsmith.refine.segments import Row

SCORER = "screen-2"
#: Kinds whose letters are no sentences: they are not asked for a language or for gibberish.
UNJUDGED = frozenset({"equation", "table", "code"})

_WORD = re.compile(r"\w+")
_LETTERS = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"[.!?…]+(?=\s|$)")
_VOWELS = re.compile(r"[aeiouyäöüàâéèêëíìîïóòôúùûæœø]+")


@dataclass(frozen=True)
class Screen:
    """``passages`` of one document to ``scores``."""

    settings: RefineSettings
    name: ClassVar[str] = "screen"
    version: ClassVar[int] = 2
    unit: ClassVar[Literal["document", "all"]] = "document"
    reads: ClassVar[tuple[str, ...]] = ("passages",)
    writes: ClassVar[tuple[str, ...]] = ("scores",)

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        passages = tables["passages"].to_pylist()
        rows: list[Row] = []
        by_document: dict[str, list[Row]] = defaultdict(list)
        for passage in passages:
            by_document[passage["document"]].append(passage)
        for document, members in by_document.items():
            found = [passage_scores(member["text"], member["kind"]) for member in members]
            for member, scores in zip(members, found, strict=True):
                rows += _rows(member["id"], document, scores)
            rows += _rows(document, document, _document_scores(members, found))
        return {"scores": pa.Table.from_pylist(rows, SCHEMAS["scores"])}


def passage_scores(text: str, kind: str) -> dict[str, float]:
    """Return the scores of one passage by name."""
    scores: dict[str, float] = {}
    judged = kind not in UNJUDGED
    spoken = languages(text) if judged else []
    scores.update((f"language:{code}", value) for code, value in spoken)
    scores["gibberish"] = gibberish(text) if judged else 0.0
    scores["repetition"] = repetition(text) if judged else 0.0
    scores["symbols"] = symbol_share(text)
    if kind in ("paragraph", "list") and spoken:
        ease = reading_ease(text, spoken[0][0])
        if ease is not None:
            scores["reading_ease"] = ease
    scores["grade"] = grade(text, kind, scores)
    return scores


def repetition(text: str) -> float:
    """Return the share of words that begin a triple of words seen before; 0 below 20 words."""
    words = _WORD.findall(text.lower())
    if len(words) < 20:
        return 0.0
    triples = list(zip(words, words[1:], words[2:], strict=False))
    return 1.0 - len(set(triples)) / len(triples)


def symbol_share(text: str) -> float:
    """Return the share of visible characters that are neither letters nor digits."""
    visible = len(text) - sum(map(str.isspace, text))
    return sum(not c.isalnum() and not c.isspace() for c in text) / visible if visible else 0.0


def reading_ease(text: str, language: str) -> float | None:
    """Return Flesch's reading ease (1948); for German with Amstad's constants (1978).

    Syllables are counted as groups of vowels, a final silent "e" in English not counted. None below
    20 words and for other languages, for which the constants are not meant.
    """
    words = _LETTERS.findall(text)
    if len(words) < 20 or language not in ("en", "de"):
        return None
    sentences = max(1, len(_SENTENCE_END.findall(text)))
    syllables = 0
    for word in words:
        low = word.lower()
        count = len(_VOWELS.findall(low))
        if language == "en" and count > 1 and low.endswith("e") and not low.endswith("le"):
            count -= 1
        syllables += max(1, count)
    length, weight = len(words) / sentences, syllables / len(words)
    if language == "de":
        return 180.0 - length - 58.5 * weight
    return 206.835 - 1.015 * length - 84.6 * weight


def _document_scores(members: list[Row], found: list[dict[str, float]]) -> dict[str, float]:
    """Scores of the document and its pages: languages of their text, means weighed by letters."""
    pages: dict[int, list[int]] = defaultdict(list)
    for index, member in enumerate(members):
        pages[member["spans"][0]["page"] or 0].append(index)
    weights = [float(letters_in(member["text"])) for member in members]
    result: dict[str, float] = {}
    total: dict[str, float] = defaultdict(float)
    spoken = 0.0
    for page in sorted(pages):
        on_page = [index for index in pages[page] if members[index]["kind"] not in UNJUDGED]
        for code, value in languages(" ".join(members[index]["text"] for index in on_page)):
            weight = sum(weights[index] for index in on_page)
            result[f"page:{page}:language:{code}"] = value
            total[code] += weight * value
        if any(name.startswith(f"page:{page}:language:") for name in result):
            spoken += sum(weights[index] for index in on_page)
        result[f"page:{page}:gibberish"] = _mean(found, weights, on_page, "gibberish")
    result.update((f"language:{code}", total[code] / spoken) for code in sorted(total) if spoken)
    everything = list(range(len(members)))
    result["gibberish"] = _mean(found, weights, everything, "gibberish")
    result["grade"] = _mean(found, weights, everything, "grade")
    return result


def _mean(
    found: list[dict[str, float]], weights: list[float], members: list[int], name: str
) -> float:
    weight = sum(weights[index] for index in members)
    return sum(weights[i] * found[i][name] for i in members) / weight if weight else 0.0


def _rows(subject: str, document: str, scores: dict[str, float]) -> list[Row]:
    return [
        {
            "subject": subject,
            "document": document,
            "name": name,
            "value": value,
            "stage": Screen.name,
            "scorer": SCORER,
        }
        for name, value in scores.items()
    ]
