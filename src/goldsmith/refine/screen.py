"""The stage that scores passages, pages and documents, and decides nothing.

Scores are rows, so a threshold can be moved without reading a document again. Names, for a passage:
``language:xx`` (probability), ``gibberish``, ``repetition``, ``symbols``, ``vowels``,
``single_letters``, ``profanity`` (shares, 0..1), ``entropy`` (bits a character), ``compression``
(zlib, compressed over raw), ``damage`` (estimated share of wrong characters; English, from 150
characters), ``reading_ease`` (Flesch; about 0 hard .. 100 easy) and ``grade`` (0..1). A document
has ``language:xx``, ``gibberish``, ``damage``, ``grade`` and the scores of Gopher and C4
(``heuristic:...``); for each page ``page:3:language:xx``, ``page:3:gibberish`` and
``page:3:damage``, and, where OCR and a readable text layer both gave its lines, ``page:3:loss`` and
``page:3:disorder`` of the reading that counts. The page of a passage is that of its first span.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa

from goldsmith.lake.schemas import SCHEMAS
from goldsmith.pipeline.stage import Tables
from goldsmith.project import RefineSettings
from goldsmith.refine.gibberish import (
    compression,
    entropy,
    gibberish,
    single_letter_share,
    vowel_share,
)
from goldsmith.refine.grade import grade
from goldsmith.refine.heuristics import Heuristics
from goldsmith.refine.language import languages, letters_in
from goldsmith.refine.limits import HEURISTIC
from goldsmith.refine.profanity import profanity
from goldsmith.refine.quality import MINIMUM_CHARACTERS, character_damage, extraction_quality
from goldsmith.refine.segments import Row

SCORER = "screen-2"
#: Kinds whose letters are no sentences: they are not asked for a language or for gibberish.
UNJUDGED = frozenset({"equation", "table", "code"})
JUDGED_CHARACTERS = 150  # from here a text is asked for its damage alone
DAMAGE_LANGUAGE = "en"  # that of the known words; text in others is not asked
SURE = 0.6  # probability from which a text's own language counts and not its document's

_READ = ["document", "page", "order", "text", "engine", "replaced"]
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
    reads: ClassVar[tuple[str, ...]] = ("passages", "lines")
    writes: ClassVar[tuple[str, ...]] = ("scores",)

    def run(self, tables: Tables) -> dict[str, pa.Table]:
        passages = tables["passages"].to_pylist()
        rows: list[Row] = []
        lines: dict[str, list[Row]] = defaultdict(list)
        for line in tables["lines"].select(_READ).to_pylist():
            lines[line["document"]].append(line)
        by_document: dict[str, list[Row]] = defaultdict(list)
        for passage in passages:
            by_document[passage["document"]].append(passage)
        for document, members in by_document.items():
            members.sort(key=lambda member: member["order"])
            more, spoken = self.settings.profanity, _main_language(members)
            found = [
                passage_scores(member["text"], member["kind"], more, spoken) for member in members
            ]
            for member, scores in zip(members, found, strict=True):
                rows += score_rows(member["id"], document, scores, self.name, SCORER)
            whole = _document_scores(members, found, spoken)
            whole |= twice_read(lines.get(document, ()))
            rows += score_rows(document, document, whole, self.name, SCORER)
        return {"scores": pa.Table.from_pylist(rows, SCHEMAS["scores"])}


def passage_scores(
    text: str, kind: str, profane: Sequence[str] = (), language: str | None = None
) -> dict[str, float]:
    """Return the scores of one passage by name.

    ``profane`` adds words to the shipped list; ``language`` is that of the document, which counts
    where the text's own is unsure, as it is when letters are wrong.
    """
    scores: dict[str, float] = {}
    judged = kind not in UNJUDGED
    spoken = languages(text) if judged else []
    scores.update((f"language:{code}", value) for code, value in spoken)
    scores["gibberish"] = gibberish(text) if judged else 0.0
    scores["repetition"] = repetition(text) if judged else 0.0
    scores["symbols"] = symbol_share(text)
    scores["profanity"] = profanity(text, profane)
    if judged:
        scores["vowels"] = vowel_share(text)
        scores["single_letters"] = single_letter_share(text)
        scores["entropy"] = entropy(text)
        scores["compression"] = compression(text)
        if len(text) >= JUDGED_CHARACTERS:
            scores |= _damage("damage", text, spoken, language)
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


def _document_scores(
    members: list[Row], found: list[dict[str, float]], language: str | None
) -> dict[str, float]:
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
        text = "\n".join(members[index]["text"] for index in on_page)
        spoken_here = languages(text.replace("\n", " "))
        result |= _damage(f"page:{page}:damage", text, spoken_here, language)
        for code, value in spoken_here:
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
    harmed = [name for name in result if name.endswith(":damage")]
    if harmed:
        sizes = [sum(weights[index] for index in pages[int(name.split(":")[1])]) for name in harmed]
        shares = zip(harmed, sizes, strict=True)
        result["damage"] = sum(result[n] * size for n, size in shares) / max(sum(sizes), 1.0)
    heuristics = Heuristics().scores(["\n".join(member["text"] for member in members)])
    result.update((HEURISTIC + name, float(value[0])) for name, value in heuristics.items())
    return result


def twice_read(lines: Sequence[Row]) -> dict[str, float]:
    """Return loss and disorder of pages whose text layer OCR replaced, the layer as witness.

    A layer that is no language is no witness; a page needs MINIMUM_CHARACTERS in both readings.
    """
    result: dict[str, float] = {}
    for page in sorted({line["page"] or 0 for line in lines if line["replaced"]}):
        here = [line for line in lines if (line["page"] or 0) == page]
        layer = "\n".join(line["text"] for line in here if line["replaced"])
        reading = "\n".join(line["text"] for line in here if line["engine"] == "rapidocr")
        if min(len(layer), len(reading)) < MINIMUM_CHARACTERS or gibberish(layer) > 0.5:
            continue
        quality = extraction_quality(reading, [layer])
        result[f"page:{page}:loss"] = quality.loss
        result[f"page:{page}:disorder"] = quality.disorder
    return result


def _main_language(members: Sequence[Row]) -> str | None:
    """The language of a document's beginning, the passages with sentences one after the other."""
    spoken = languages(" ".join(one["text"] for one in members if one["kind"] not in UNJUDGED))
    return spoken[0][0] if spoken else None


def _damage(
    name: str, text: str, spoken: Sequence[tuple[str, float]], language: str | None
) -> dict[str, float]:
    own = spoken[0][0] if spoken and spoken[0][1] >= SURE else language
    if own != DAMAGE_LANGUAGE:
        return {}
    value = character_damage(text)
    return {} if value is None else {name: value}


def _mean(
    found: list[dict[str, float]], weights: list[float], members: list[int], name: str
) -> float:
    weight = sum(weights[index] for index in members)
    return sum(weights[i] * found[i][name] for i in members) / weight if weight else 0.0


def score_rows(
    subject: str, document: str, scores: Mapping[str, float], stage: str, scorer: str
) -> list[Row]:
    """Return one row of ``scores`` for each named value of a subject."""
    return [
        {
            "subject": subject,
            "document": document,
            "name": name,
            "value": value,
            "stage": stage,
            "scorer": scorer,
        }
        for name, value in scores.items()
    ]
