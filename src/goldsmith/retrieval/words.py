"""The words of a text as the index counts them: lower case, no accents, stemmed, no function words.

One analysis serves BM25, the TF-IDF embedder and the coverage features of answers, so that they
never disagree about what a word is. Tokenizing and the English Porter 2 stemmer are tantivy's.
Words of other languages pass through the same stemmer, which leaves most of them alone.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

#: Words that carry the grammar of a question or sentence, not its subject.
FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a about after all also am an and any are as at be because been before being between both
        but by can could d did do does doing done during each either else ever every for from had
        has have having he her here hers him his how i if in into is it its itself just ll let many
        may me might more most much must my no nor not of off on once one only onto or other our
        ours out over own per please re s same shall she should so some such t than that the their
        theirs them then there these they this those through to too under until up upon us ve very
        was we were what when where whether which while who whom whose why will with within without
        would you your yours""",
    )
)
#: Words by which a question refers to the documents or to asking itself.
ASKING_WORDS = frozenset(
    re.findall(
        r"\w+",
        """according accordingly answer book call called chapter describe described document
        documents exact exactly explain explained give given gives handbook mention mentioned
        mentions name named precise precisely say said says state stated states tell tells text
        told""",
    )
)


def content_terms(text: str) -> list[str]:
    """Return the stemmed content words of a text in order, repeats kept.

    Numbers split at their point ("3.14" gives "3" and "14"); words over 40 bytes are dropped.
    """
    terms: list[str] = _analyzer().analyze(unicodedata.normalize("NFKC", text))
    return terms


def question_terms(text: str) -> list[str]:
    """Return the content terms of a question, without the words that only speak of asking."""
    return content_terms(re.sub(r"\w+", _drop_asking, text))


def _drop_asking(word: re.Match[str]) -> str:
    return "" if word.group().lower() in ASKING_WORDS else word.group()


@cache
def _analyzer() -> Any:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    return (
        TextAnalyzerBuilder(Tokenizer.simple())
        .filter(Filter.remove_long(40))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
        .filter(Filter.custom_stopword(sorted(FUNCTION_WORDS)))
        .filter(Filter.stemmer("english"))
        .build()
    )
