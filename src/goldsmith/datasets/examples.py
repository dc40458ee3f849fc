"""Instruction examples out of gold, with nothing invented: every answer stands in its source.

Three generators: definitions ("X is a …" asks what X is), headings (a section's heading asks for
its first sentences), and the training half of the user's own questions. Each example names its
source chunks and the checks it passed; a section is on one side of the split with all it gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pyarrow as pa

from goldsmith.datasets.split import falls_below, held_out
from goldsmith.lake.ids import content_id
from goldsmith.lake.schemas import SCHEMAS
from goldsmith.project import DatasetSettings

Row = Mapping[str, Any]

#: What the model is taught to say where the documents do not answer.
REFUSAL = "The documents do not say."

VERBATIM = "answer is a span of its source"
GIVEN = "given by the user"
UNANSWERABLE = "marked unanswerable by its author"

_SHORTEST, _LONGEST = 25, 420  # characters of an answer sentence
_HEADING_SENTENCES = 2
#: What a term is, in at least four words: "is a …", "is the … of/that/…". A subject with "The" is
#: not taken: its sentence says something about one thing of its section ("The saving is …").
_DEFINITION = re.compile(
    r"(?P<article>An?\s)?(?P<term>[A-Za-z][\w\-]*(?:\s[\w\-]+){0,3}?)\s"
    r"(?P<verb>is|are|means|refers to|denotes)\s"
    r"(?:an?|the(?!\s(?:first|second|third|last|only|same|other|next|most|least|best|worst|\w+est)\b)"
    r"(?=\s(?:[\w\-]+\s){1,4}(?:of|that|which|by|for|used)\b))"
    r"(?:\s[\w\-,]+){3}",
)
#: An answer that leans on what it does not show.
_LEANS = re.compile(
    r"[:;,]$|\b(?:Figure|Fig\.|Table|Equation|Section|Chapter)\s\d|\bbelow\b|\babove\b|\bhere\b"
    r"|\bof it\b"
)
_NO_TERM = re.compile(
    r"\b(?:this|that|these|those|it|its|he|she|they|we|you|i|there|here|what|which|who|one|such|each"
    r"|all|both|either|neither|some|any|most|first|second|third|last|next|result|reason|point|problem|question|answer"
    r"|idea|way|same|other|another|and|or|but|if|when|then|so|not|only|also|is|are|was|of|to|in|for"
    r"|on|by|with|from|than|as|at|between|the|an?|our|their|his|her|every|no|much|many|more|less)\b",
    re.IGNORECASE,
)
_PLAIN_HEADINGS = re.compile(
    r"(?:introduction|abstract|summary|conclusions?|references|bibliography|contents|appendix"
    r"|discussion|results|methods?|background|overview|acknowledge?ments?|notes|index)\W*",
    re.IGNORECASE,
)
_NUMBERING = re.compile(r"^(?:chapter\s+)?(?:\d+|[A-Z])(?:\.\d+)*[.:]?\s+", re.IGNORECASE)


def make_examples(
    chunks: pa.Table,
    passages: pa.Table,
    questions: Sequence[Row],
    settings: DatasetSettings,
    seed: int,
) -> pa.Table:
    """Return the ``examples`` rows. Only the questions whose split is "train" are looked at.

    A question whose passage is not in gold gives no example: it could not be checked.
    """
    rows = chunks.to_pylist()
    reserved = held_out((row["parent"] for row in rows), settings.validation, seed)
    made: dict[str, dict[str, Any]] = {}
    holders = _Holders(rows)
    sources = (
        _definitions(passages.to_pylist(), holders),
        _headings(passages.to_pylist(), holders),
        _asked([row for row in questions if row["split"] == "train"], holders),
    )
    asked: set[str] = set()
    for kind, question, answer, chunk, check in (each for source in sources for each in source):
        folded = question.casefold()
        if folded in asked and kind != "question":
            continue  # two sections with one heading, or a term defined twice: the first stands
        asked.add(folded)
        if chunk:
            out = chunk["parent"] in reserved
        else:  # a refusal has no section: it is held out by its own hash
            out = falls_below(question, settings.validation, seed)
        split = "validation" if out else "train"
        cited = [chunk["id"]] if chunk else []
        example = example_row(kind, question, answer, cited, f"{kind}-1", check, split)
        made[example["id"]] = example
    return pa.Table.from_pylist(list(made.values()), schema=SCHEMAS["examples"])


def given_examples(
    conversations: Sequence[Sequence[Mapping[str, str]]],
    source: str,
    settings: DatasetSettings,
    seed: int,
) -> list[dict[str, Any]]:
    """Return ``examples`` rows of the user's own conversations, held out by their own hashes.

    ``source`` is their file's name: what a row's generator is. They cite no chunk.
    """
    made: dict[str, dict[str, Any]] = {}
    for messages in conversations:
        name = content_id("example", *(part for turn in messages for part in turn.values()))
        out = falls_below(name, settings.validation, seed)
        made[name] = {
            "id": name,
            "kind": "given",
            "messages": list(messages),
            "source_chunks": [],
            "generator": source,
            "checks": [GIVEN],
            "split": "validation" if out else "train",
        }
    return list(made.values())


def example_row(
    kind: str,
    question: str,
    answer: str,
    source_chunks: list[str],
    generator: str,
    check: str,
    split: str,
) -> dict[str, Any]:
    """Return a row of ``examples`` with one question and its answer."""
    return {
        "id": content_id("example", question, answer),
        "kind": kind,
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ],
        "source_chunks": source_chunks,
        "generator": generator,
        "checks": [check],
        "split": split,
    }


class _Holders:
    """Finds the gold chunk that holds a text, white space aside."""

    def __init__(self, chunks: Sequence[Row]) -> None:
        self._chunks = chunks
        self._flat = [" ".join(chunk["text"].split()) for chunk in chunks]
        self._of_passage: dict[str, list[int]] = {}
        for number, chunk in enumerate(chunks):
            for passage in chunk["passages"]:
                self._of_passage.setdefault(passage, []).append(number)

    def holding(self, text: str, passage: str | None = None) -> Row | None:
        """Return the first chunk (of a passage, where given) that has all of the text."""
        flat = " ".join(text.split())
        numbers: Sequence[int] = range(len(self._chunks))
        if passage is not None:
            numbers = self._of_passage.get(passage, [])
        return next((self._chunks[n] for n in numbers if flat and flat in self._flat[n]), None)


_Made = tuple[str, str, str, Row | None, str]


def _definitions(passages: Sequence[Row], holders: _Holders) -> Iterator[_Made]:
    for passage in passages:
        if passage["kind"] != "paragraph":
            continue
        for sentence in _sentences(passage["text"]):
            found = _DEFINITION.match(sentence)
            if not found or not _SHORTEST <= len(sentence) <= _LONGEST:
                continue
            term = found["term"]
            if _NO_TERM.search(term) or not any(len(word) > 2 for word in term.split()):
                continue
            if _LEANS.search(sentence):
                continue
            chunk = holders.holding(sentence, passage["id"])
            if chunk is not None:
                verb = "are" if found["verb"] == "are" else "is"
                asked = _lower((found["article"] or "") + term)
                yield "definition", f"What {verb} {asked}?", sentence, chunk, VERBATIM


def _headings(passages: Sequence[Row], holders: _Holders) -> Iterator[_Made]:
    for heading, after in pairwise(passages):
        title = _NUMBERING.sub("", heading["text"]).strip()
        wanted = (
            heading["kind"] == "heading"
            and after["kind"] == "paragraph"
            and heading["document"] == after["document"]
            and 4 <= len(title) <= 90
            and not _PLAIN_HEADINGS.fullmatch(title)
        )
        if not wanted:
            continue
        answer = ""
        for sentence in _sentences(after["text"])[:_HEADING_SENTENCES]:
            longer = f"{answer} {sentence}".strip()
            if (
                _LEANS.search(sentence)
                or len(longer) > _LONGEST
                or holders.holding(longer, after["id"]) is None
            ):
                break
            answer = longer
        chunk = holders.holding(answer, after["id"]) if len(answer) >= _SHORTEST else None
        if chunk is not None:
            question = f"What do the documents say about {_lower(title)}?"
            yield "heading", question, answer, chunk, VERBATIM


def _asked(questions: Sequence[Row], holders: _Holders) -> Iterator[_Made]:
    for row in questions:
        if not row["answerable"]:
            yield "question", row["question"], REFUSAL, None, UNANSWERABLE
            continue
        chunk = holders.holding(row["passage"])
        if chunk is not None:
            yield "question", row["question"], row["passage"], chunk, VERBATIM


def _sentences(text: str) -> list[str]:
    import sentencex

    parts = (part.strip() for part in sentencex.segment("en", " ".join(text.split())))
    return [part for part in parts if part]


def _lower(term: str) -> str:
    """Lower the first letter unless the word is a name or an abbreviation."""
    first = term.split()[0]
    return term if any(c.isupper() for c in first[1:]) else term[:1].lower() + term[1:]
