"""The limits of published filters over documents: names, scores and numbers.

Rae et al. 2021 (Gopher, arXiv 2112.11446, tables A1 and A2) and Raffel et al. 2020 (C4), with the
limits and reasons of datatrove's `GopherQualityFilter`, `GopherRepetitionFilter`,
`C4QualityFilter` and `C4ParagraphFilter`. The scores themselves are made in `heuristics`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Rule(NamedTuple):
    """One limit: a document breaks it when the score lies beyond."""

    filter: str
    reason: str
    score: str
    beyond: str  # "<" or ">"
    limit: float


TOP = (2, 3, 4)
REPEATED = (5, 6, 7, 8, 9, 10)

#: Limits as published, in the order in which the filters ask.
RULES: tuple[Rule, ...] = (
    Rule("gopher repetition", "dup_para_frac", "duplicate_paragraphs", ">", 0.3),
    Rule("gopher repetition", "dup_para_char_frac", "duplicate_paragraph_characters", ">", 0.2),
    Rule("gopher repetition", "dup_line_frac", "duplicate_lines", ">", 0.3),
    Rule("gopher repetition", "dup_line_char_frac", "duplicate_line_characters", ">", 0.2),
    *(
        Rule("gopher repetition", f"top_{n}_gram", f"top_{n}_gram", ">", limit)
        for n, limit in zip(TOP, (0.2, 0.18, 0.16), strict=True)
    ),
    *(
        Rule("gopher repetition", f"duplicated_{n}_n_grams", f"duplicate_{n}_grams", ">", limit)
        for n, limit in zip(REPEATED, (0.15, 0.14, 0.13, 0.12, 0.11, 0.10), strict=True)
    ),
    Rule("gopher quality", "gopher_short_doc", "words", "<", 50),
    Rule("gopher quality", "gopher_long_doc", "words", ">", 100_000),
    Rule("gopher quality", "gopher_below_avg_threshold", "mean_word_length", "<", 3),
    Rule("gopher quality", "gopher_above_avg_threshold", "mean_word_length", ">", 10),
    Rule("gopher quality", "gopher_too_many_hashes", "hashes_per_word", ">", 0.1),
    Rule("gopher quality", "gopher_too_many_ellipsis", "ellipses_per_word", ">", 0.1),
    Rule("gopher quality", "gopher_too_many_bullets", "bullet_lines", ">", 0.9),
    Rule("gopher quality", "gopher_too_many_end_ellipsis", "ellipsis_lines", ">", 0.3),
    Rule("gopher quality", "gopher_below_alpha_threshold", "alphabetic_words", "<", 0.8),
    Rule("gopher quality", "gopher_enough_stop_words", "stop_words", "<", 2),
    Rule("c4", "lorem_ipsum", "lorem_ipsum", ">", 0),
    Rule("c4", "curly_bracket", "curly_bracket", ">", 0),
    Rule("c4", "too_few_sentences", "sentences", "<", 5),
    Rule("c4 paragraphs", "< 3 paragraphs", "third_paragraph", "<", 200),
)
FILTERS = ("gopher repetition", "gopher quality", "c4", "c4 paragraphs")


def first_reason(scores: Mapping[str, float], name: str) -> str | None:
    """Return why a filter of FILTERS would drop a document with these scores; None if it keeps."""
    for rule in RULES:
        if rule.filter == name:
            value = scores[rule.score]
            if value < rule.limit if rule.beyond == "<" else value > rule.limit:
                return rule.reason
    return None
