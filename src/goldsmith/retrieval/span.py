"""The few words of a sentence that answer: a rule for each kind of question, not a reading model.

A question that asks for a number, a date or a name gets the one that stands nearest to the words
sentence and question share. Any other question gets the whole sentence: shorter pieces chosen by
rule shared fewer words with true answers than the sentence does (docs/retrieval.md). The sentence
stays the answer that is cited; the span only points into it.
"""

from __future__ import annotations

import re

from goldsmith.retrieval.evidence import DATE, NAME, NUMBER, Question
from goldsmith.retrieval.words import FUNCTION_WORDS, content_terms

WORD = re.compile(r"[^\s]+")
EDGES = " \t\n.,;:!?()[]\"'“”‘’"
MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
UNIT = r"(?:\s?(?:%|percent|million|billion|thousand|hundred|[a-zA-Z°]{1,3}\b))?"
#: The whole of a number, date or name, where `evidence` only asks whether there is one.
WHOLE = {
    NUMBER: re.compile(rf"[$€£]?\d(?:[\d.,:/–-]*\d)?{UNIT}|{NUMBER.pattern}", re.IGNORECASE),
    DATE: re.compile(
        rf"(?:\d{{1,2}} )?\b(?:{MONTH})\b(?: \d{{1,2}})?(?:,? \d{{4}})?|{DATE.pattern}",
        re.IGNORECASE,
    ),
    NAME: re.compile(r"[A-Z][\w'’.-]*(?: (?:of |the |de |van |von )?[A-Z][\w'’.-]*)*"),
}


def answer_span(question: Question, sentence: str) -> str:
    """Return the piece of ``sentence`` that most likely answers, verbatim."""
    asked = set(question.weights)
    shared = [
        (match.start() + match.end()) / 2
        for match in WORD.finditer(sentence)
        if asked.intersection(content_terms(match.group()))
    ]
    shape = WHOLE.get(question.expects[1]) if question.expects is not None else None
    if shape is not None:
        found = [
            match
            for match in shape.finditer(sentence)
            if match.group().strip(EDGES)
            and match.group().lower() not in FUNCTION_WORDS
            and not asked.intersection(content_terms(match.group()))
        ]
        if found:
            middle = sum(shared) / len(shared) if shared else 0.0
            nearest = min(
                found,
                key=lambda match: (abs((match.start() + match.end()) / 2 - middle), match.start()),
            )
            return nearest.group().strip(EDGES)
    return sentence.strip()
