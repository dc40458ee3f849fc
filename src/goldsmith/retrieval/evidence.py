"""What speaks for a sentence as the answer to a question, as a few numbers a person can read.

`gather` looks at every sentence of the best chunks and measures how much of the question it and its
neighbourhood hold, how close it is in meaning, and whether a thing of the kind that is asked for (a
number, a date, a person) stands in it. `support` turns these measures into a choice and a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goldsmith.retrieval.index import Hit, Index, heading_text
from goldsmith.retrieval.tfidf import unit
from goldsmith.retrieval.words import content_terms, question_terms

NUMBER = re.compile(
    r"\d|\b(?:zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fifteen|"
    r"twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|"
    r"billions?|dozens?|half|twice|thirds?|quarters?|percent|tenfold|doubles?)\b",
    re.IGNORECASE,
)
DATE = re.compile(
    r"\b(?:1[0-9]|20)\d\d\b|\b(?:january|february|march|april|may|june|july|august|september|october"
    r"|november|december|monday|tuesday|wednesday|thursday|friday|saturday|sunday|century|decade|"
    r"spring|summer|autumn|winter|morning|evening|night|midnight|noon)\b|\d(?:st|nd|rd|th)\b|\d{1,2}:\d\d",
    re.IGNORECASE,
)
#: A capital inside a sentence: a name, mostly.
NAME = re.compile(r"(?<=[a-z,;:)] )[A-Z][\w'’-]+|^[A-Z][\w'’-]+ [A-Z]")
MONEY = re.compile(
    r"[$€£¥]|\b(?:dollars?|euros?|pounds?|cents?|usd|eur|for free|free of charge)\b", re.IGNORECASE
)
MEASURED = (
    "long|old|often|far|fast|large|big|tall|high|deep|heavy|wide|hot|cold|late|early|few|small"
)
AMOUNT = (
    "number|percentage|percent|share|size|rate|amount|value|figure|fraction|proportion|temperature|"
    "weight|length|ratio|limit|threshold|factor"
)
NAMED = (
    "person|author|scientist|researcher|company|organi[sz]ation|university|laboratory|lab|vendor|"
    "provider|product|country|city|team|people|man|woman"
)
TIME = "year|date|day|month|century|decade"
#: What a question asks for, by how it is put: the first that fits; none expects nothing special.
ASKS = tuple(
    (name, re.compile(pattern, re.IGNORECASE), kind)
    for name, pattern, kind in (
        (
            "money",
            r"\bhow much (?:money|(?:do|does|did|will|would) .*\b(?:cost|charge|pay)\w*)"
            r"|\bhow expensive|\b(?:what|which) (?:\w+ )?(?:price|fee)s?\b"
            r"|\bwhat (?:do|does|did|would|will) (?:it|they|that) cost\b",
            MONEY,
        ),
        ("date", rf"^\W*(?:since |until )?when\b|\b(?:what|which) (?:\w+ )?(?:{TIME})\b", DATE),
        (
            "number",
            rf"\bhow (?:many|much|{MEASURED})\b|\b(?:what|which) (?:\w+ ){{0,2}}(?:{AMOUNT})\b",
            NUMBER,
        ),
        ("name", rf"^\W*who(?:se|m)?\b|\b(?:what|which) (?:\w+ ){{0,3}}(?:{NAMED})\b", NAME),
    )
)
TOKEN = re.compile(r"[^\W_]+(?:[.'’-][^\W_]+)*")


@dataclass(frozen=True)
class Question:
    """A question taken apart. ``weights`` maps its content terms to their rarity, 0..1,
    ``spelling`` to how it spells them; ``marked`` are its names, numbers and codes; ``expects`` is
    the kind of thing asked for and how to find one; ``vector`` is its embedding, (d,)."""

    text: str
    weights: dict[str, float]
    spelling: dict[str, str]
    marked: frozenset[str]
    expects: tuple[str, re.Pattern[str]] | None
    vector: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Evidence:
    """One candidate sentence: where it stands, its chunk's ``heading``, the sentence ``before`` it
    there, and what was measured (`MEASURES`, in that order)."""

    hit: Hit
    start: int
    end: int
    text: str
    heading: str
    before: str
    held: frozenset[str]
    measures: tuple[float, ...]


MEASURES = (
    "cosine",  # of question and sentence
    "near cosine",  # of question and the mean of the sentence with the one before and after
    "window cosine",  # of question and these sentences read as one text
    "chunk cosine",  # of question and chunk
    "chunk score",  # fused, 0..1 over the candidates
    "coverage",  # share of the question's terms in the sentence, by rarity
    "near coverage",  # with the sentence before and after, and the headings
    "chunk coverage",  # in the whole chunk with its headings
    "worst missing",  # rarity of the rarest question term that the chunk lacks
    "unseen",  # share of the question's terms that no chunk of the corpus holds
    "marked missing",  # share of its names, numbers and codes that the chunk lacks
    "marked unseen",  # 1 when one of those stands nowhere in the corpus
    "expected found",  # 1 when the kind of thing asked for is in the sentence, 0 when not or open
    "money missing",  # 1 when money is asked for and not there
    "date missing",
    "number missing",
    "name missing",
    "length",  # ln of the sentence's words
    "heading",  # share of the question's terms in the headings
    "lead",  # by how much this chunk's cosine is above the tenth's
    "terms",  # number of the question's content terms, at most 12, over 12
)


def understand(text: str, index: Index) -> Question:
    """Take a question apart: its terms, their rarity in this index, and what it asks for."""
    weights = {term: index.postings.rarity(term) for term in dict.fromkeys(question_terms(text))}
    tokens = [match.group() for match in TOKEN.finditer(text)]
    marked = frozenset(
        term
        for place, token in enumerate(tokens)
        if any(letter.isdigit() for letter in token)
        or (place > 0 and token[:1].isupper())
        or token[1:] != token[1:].lower()
        for term in content_terms(token)
    )
    spelling = {term: token for token in reversed(tokens) for term in content_terms(token)}
    expects = next(((name, kind) for name, ask, kind in ASKS if ask.search(text)), None)
    return Question(text, weights, spelling, marked, expects, index.embedder.embed([text])[0])


def gather(index: Index, question: Question, hits: Sequence[Hit]) -> list[Evidence]:
    """Return the evidence of every sentence in the chunks that were hit, in the hits' order.

    A sentence that two overlapping chunks of a document hold is taken from the better chunk; one
    that is a question itself, or a heading, answers nothing and is left out.
    """
    if not hits:
        return []
    total = sum(question.weights.values()) or 1.0
    unseen = sum(w for t, w in question.weights.items() if t not in index.postings.terms) / total
    strange = float(any(term not in index.postings.terms for term in question.marked))
    cosines = sorted((hit.vector for hit in hits), reverse=True)
    tenth = cosines[min(9, len(cosines) - 1)]
    seen: set[tuple[str, str]] = set()
    found: list[Evidence] = []
    for hit in hits:
        chunk = index.chunks[hit.row]
        document = index.documents.get(chunk["document"])
        title = heading_text(chunk, document)
        heading = set(content_terms(title))
        titles = {" ".join(title.split()) for title in chunk["heading_path"] or ()}
        first, last = index.first_sentence[hit.row], index.first_sentence[hit.row + 1]
        ranges = [(int(start), int(end)) for _, start, end in index.sentences[first:last]]
        texts = [chunk["text"][start:end] for start, end in ranges]
        held = [frozenset(content_terms(text)) for text in texts]
        whole = frozenset(heading).union(*held)
        similarities, around = _similarities(index.sentence_vectors[first:last], question.vector)
        windows = (index.window_vectors[first:last] @ question.vector).tolist()
        worst = max((w for t, w in question.weights.items() if t not in whole), default=0.0)
        marked = [term for term in question.marked if term in question.weights]
        lost = sum(term not in whole for term in marked) / len(marked) if marked else 0.0
        for place, (start, end) in enumerate(ranges):
            text = texts[place]
            nothing = text.endswith("?") or " ".join(text.split()) in titles
            if nothing or (chunk["document"], text) in seen:
                continue
            seen.add((chunk["document"], text))
            near = heading.union(*held[max(0, place - 1) : place + 2])
            expected = _answers(text, question)
            asked = question.expects[0] if question.expects else ""
            measures = (
                similarities[place],
                around[place],
                windows[place],
                hit.vector,
                hit.score,
                _coverage(question, held[place], total),
                _coverage(question, near, total),
                _coverage(question, whole, total),
                worst,
                unseen,
                lost,
                strange,
                float(expected),
                *(float(asked == name and not expected) for name, _, _ in ASKS),
                float(np.log1p(len(text.split()))),
                _coverage(question, heading, total),
                hit.vector - tenth,
                min(len(question.weights), 12) / 12,
            )
            before = texts[place - 1] if place else ""
            found.append(Evidence(hit, start, end, text, title, before, held[place], measures))
    return found


def _similarities(
    vectors: npt.NDArray[np.float32], question: npt.NDArray[np.float32]
) -> tuple[list[float], list[float]]:
    """Return the question's cosine with each sentence, and with each sentence and its neighbours.

    vectors: (sentences, d), question: (d,), all of unit length or zero.
    """
    padded = np.pad(vectors, ((1, 1), (0, 0)))
    around = unit(padded[:-2] + padded[1:-1] + padded[2:])
    return (vectors @ question).tolist(), (around @ question).tolist()


def _coverage(question: Question, held: frozenset[str] | set[str], total: float) -> float:
    return sum(weight for term, weight in question.weights.items() if term in held) / total


def _answers(text: str, question: Question) -> bool:
    """Whether the kind of thing asked for stands in the text, not out of the question itself."""
    if question.expects is None:
        return False
    asked = question.text.lower()
    return any(match.group().lower() not in asked for match in question.expects[1].finditer(text))
