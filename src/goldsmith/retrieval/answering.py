"""Answers out of the documents' own sentences, each cited to page and boxes, or a refusal.

The best chunks are searched, their sentences weighed (`evidence`, `support`), the best of them read
beside the question where MiniLM embeds (`reader`), and the best one is the answer. A further
sentence of its chunk joins only when it holds words of the question that the answer lacks and is
about as good: an answer that says little and cites right is worth more than a long one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goldsmith.project import AnswerSettings
from goldsmith.retrieval.evidence import Evidence, Question, gather, understand
from goldsmith.retrieval.index import Hit, Index
from goldsmith.retrieval.sentences import Box, places
from goldsmith.retrieval.span import answer_span
from goldsmith.retrieval.support import probability, rank

#: Raised when the same index would give other answers, so that they are measured again.
ANSWER_VERSION = 2
#: A further sentence must hold this share of the question (by rarity) that the answer lacks...
NEW_COVERAGE = 0.25
#: ...stand in the same chunk, and be supported at least this well against the first one. There,
#: further sentences were right (XQuAD 44 of 44, questions over the handbook's training chapters 31
#: of 37), in other chunks wrong (2 of 2 and 4 of 4).
RELATIVE_SUPPORT = 0.9


@dataclass(frozen=True)
class Sentence:
    """A sentence as it stands in a document. ``page`` holds most of it; ``boxes`` are its places,
    on every page it touches. ``support`` is the probability, 0..1, that it answers the question."""

    text: str
    chunk: str
    document: str
    uri: str
    page: int
    boxes: tuple[Box, ...]
    support: float


@dataclass(frozen=True)
class Answer:
    """``sentences`` is empty when ``refused``; ``reason`` then says why, else it is empty.

    ``support`` is the probability that the documents answer the question; ``span`` the few words of
    the first sentence that do, or the whole sentence where no shorter piece stands out.
    """

    question: str
    sentences: tuple[Sentence, ...]
    refused: bool
    reason: str
    support: float
    span: str
    hits: tuple[Hit, ...]


def answer(index: Index, question: str, settings: AnswerSettings) -> Answer:
    """Answer a question from an index.

    Refuses when the probability of support is below ``settings.minimum_support``.
    """
    asked = understand(question, index)
    hits = tuple(index.search(question, settings.candidates, vector=asked.vector))
    kind = index.embedder.kind
    ranked = rank(gather(index, asked, hits), kind)
    if index.embedder.name == "minilm":
        from goldsmith.retrieval.reader import packaged_reader, read

        kind = "reader"
        ranked = rank(read(question, ranked, packaged_reader()), kind)
    if not ranked:
        reason = "no passage of the documents shares a word or a meaning with the question"
        return Answer(question, (), True, reason, 0.0, "", hits)
    support = probability(ranked[0], kind)
    if support < settings.minimum_support:
        return Answer(question, (), True, _why(asked, ranked[0], index), support, "", hits)
    chosen = _choose(asked, ranked, support, settings.sentences, kind)
    return Answer(
        question,
        tuple(_cite(each, index, kind) for each in chosen),
        False,
        "",
        support,
        answer_span(asked, chosen[0].text),
        hits,
    )


def _choose(
    question: Question, ranked: Sequence[Evidence], support: float, most: int, kind: str
) -> list[Evidence]:
    """Return the best sentence and those of its chunk that add to it, as they were chosen."""
    chosen = [ranked[0]]
    held = set(ranked[0].held)
    total = sum(question.weights.values()) or 1.0
    beside = (each for each in ranked[1:] if each.hit.row == ranked[0].hit.row)
    for each in beside:
        if len(chosen) >= most:
            break
        fresh = sum(
            weight
            for term, weight in question.weights.items()
            if term in each.held and term not in held
        )
        good = probability(each, kind) >= RELATIVE_SUPPORT * support
        if good and fresh / total >= NEW_COVERAGE:
            chosen.append(each)
            held |= each.held
    return chosen


def _cite(evidence: Evidence, index: Index, kind: str) -> Sentence:
    chunk = index.chunks[evidence.hit.row]
    page, boxes = places(chunk["spans"] or (), evidence.start, evidence.end)
    document = index.documents.get(chunk["document"]) or {"uri": ""}
    return Sentence(
        evidence.text,
        chunk["id"],
        chunk["document"],
        document["uri"],
        page,
        boxes,
        probability(evidence, kind),
    )


def _why(question: Question, best: Evidence, index: Index) -> str:
    """Name what the best passage lacks, rarest first, in the question's own words."""
    unknown = [term for term in question.weights if term not in index.postings.terms]
    if unknown:
        words = ", ".join(f"'{word}'" for word in _spelled(question, unknown))
        return f"the documents do not say: no passage mentions {words}"
    lacking = [term for term in question.weights if term not in best.held]
    lacking.sort(key=lambda term: -question.weights[term])
    if lacking:
        words = ", ".join(f"'{word}'" for word in _spelled(question, lacking[:3]))
        return f"the documents do not say: the nearest sentence lacks {words}"
    return "the documents do not say: the nearest sentence does not answer what is asked"


def _spelled(question: Question, terms: Sequence[str]) -> list[str]:
    spelling = question.spelling
    return list(dict.fromkeys(spelling.get(term, term) for term in terms))
