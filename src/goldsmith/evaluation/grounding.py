"""Retrieval and answers of an index measured on questions with known places.

Every score is over the questions it can be about: hits over answerable questions (a passage that
never reached the index is a miss, not an omission), citation precision over the sentences given to
answerable questions, refusals over each kind. A citation is right when it names the question's
passage or another place that answers it as well; ``citation_page_precision_first`` counts the
question's own passage alone, and so do hits. One row a question is kept beside the scores, so that
a person can look at each failure and two runs can be compared question by question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from goldsmith.evaluation.answers import citation_recall, exact_match, f1
from goldsmith.evaluation.questions import (
    Question,
    check_questions,
    relevant_rows,
    same_document,
)
from goldsmith.evaluation.ranking import average_precision, hit_rate, ndcg, reciprocal_rank
from goldsmith.evaluation.score import Score, bootstrap_score, mean_score, ratio
from goldsmith.project import AnswerSettings, EvaluateSettings
from goldsmith.retrieval import Answer, Index, answer

Row = dict[str, Any]
#: Places looked at for the metrics of a whole ranking.
DEPTH = 100


def evaluate_retrieval(
    index: Index,
    questions: Sequence[Question],
    settings: EvaluateSettings | None = None,
    *,
    alpha: float | None = None,
    seed: int = 0,
) -> tuple[list[Score], list[Row]]:
    """Measure search on the answerable questions; return the scores and one row a question.

    ``alpha`` stands in for the index's own, so that systems can be compared on one index.
    """
    check_questions(questions)
    rows = [_search_row(index, each, alpha) for each in questions if each.answerable]
    kind = "known-item" if all(each.split == "known item" for each in questions) else "questions"
    sign = f"set:{kind}|alpha:{index.alpha if alpha is None else alpha:g}|depth:{DEPTH}"
    names = ("hit_rate_1", "hit_rate_5", "mrr", "map", "ndcg_10")
    scores = [_mean(name, rows, settings, seed, sign) for name in (*names, "passage_indexed")]
    return scores, rows


def evaluate_answers(
    index: Index,
    questions: Sequence[Question],
    settings: AnswerSettings | None = None,
    evaluate: EvaluateSettings | None = None,
    *,
    seed: int = 0,
    ask: Callable[[str], Answer] | None = None,
) -> tuple[list[Score], list[Row]]:
    """Measure answers; return the scores and one row a question, in the questions' order.

    ``ask`` stands in for `goldsmith.retrieval.answer`, so that another way to answer is measured
    the same way.
    """
    check_questions(questions)
    settings = settings or AnswerSettings()
    reply = ask or (lambda text: answer(index, text, settings))
    rows = [_answer_row(index, each, reply(each.question)) for each in questions]
    sign = (
        f"alpha:{index.alpha:g}|embedder:{index.embedder.name}|candidates:{settings.candidates}"
        f"|sentences:{settings.sentences}|minimum_support:{settings.minimum_support:g}"
    )
    answered = [row for row in rows if row["answerable"] and not row["refused"]]
    evaluate = evaluate or EvaluateSettings()
    scores = [
        _mean("hit_rate_5", rows, evaluate, seed, sign),
        *(
            bootstrap_score(
                name,
                np.array(
                    [[row[right], len(row["citations"])] for row in answered], dtype=np.float64
                ).reshape(-1, 2),
                ratio,
                seed=seed,
                resamples=evaluate.resamples,
                confidence=evaluate.confidence,
                signature=sign,
            )
            for name, right in (
                ("citation_page_precision", "right_citations"),
                ("citation_page_precision_first", "right_citations_first"),
            )
        ),
        *(
            _mean(name, rows, evaluate, seed, sign)
            for name in (
                "citation_page_recall",
                "unanswerable_refused",
                "answerable_refused",
                "exact_match",
                "f1",
            )
        ),
    ]
    return scores, rows


def _search_row(index: Index, question: Question, alpha: float | None) -> Row:
    relevant = [index.chunks[row]["id"] for row in relevant_rows(index, question)]
    ranked = [hit.chunk for hit in index.search(question.question, DEPTH, alpha)]
    grades = dict.fromkeys(relevant, 1.0)
    return {
        "id": question.id,
        "relevant": relevant,
        "ranked": ranked[:10],
        "passage_indexed": float(bool(relevant)),
        "hit_rate_1": hit_rate(ranked, grades, 1) or 0.0,
        "hit_rate_5": hit_rate(ranked, grades, 5) or 0.0,
        "mrr": reciprocal_rank(ranked, grades) or 0.0,
        "map": average_precision(ranked, grades) or 0.0,
        "ndcg_10": ndcg(ranked, grades, 10) or 0.0,
    }


def _answer_row(index: Index, question: Question, given: Answer) -> Row:
    row: Row = {
        "id": question.id,
        "question": question.question,
        "answerable": question.answerable,
        "refused": given.refused,
        "reason": given.reason,
        "support": given.support,
        "span": given.span,
        "sentences": [each.text for each in given.sentences],
        "citations": [[each.uri, each.page] for each in given.sentences],
        "unanswerable_refused": None,
        "answerable_refused": None,
        "hit_rate_5": None,
        "exact_match": None,
        "f1": None,
        "citation_page_recall": None,
        "right_citations": 0,
        "right_citations_first": 0,
    }
    if not question.answerable:
        return {**row, "unanswerable_refused": float(given.refused)}
    relevant = set(relevant_rows(index, question))
    known = dict.fromkeys((question.document, *(document for document, _ in question.also)))
    cited = [
        (next((name for name in known if same_document(each.uri, name)), each.uri), each.page)
        for each in given.sentences
    ]
    references = [question.answer] if question.answer else []
    return {
        **row,
        "answerable_refused": float(given.refused),
        "hit_rate_5": float(any(hit.row in relevant for hit in given.hits[:5])),
        # A refusal says nothing, which is wrong where there is an answer.
        "exact_match": exact_match(given.span, references) if references else None,
        "f1": f1(given.span, references) if references else None,
        "citation_page_recall": citation_recall(cited, question.places),
        "right_citations": sum(place in question.places for place in cited),
        "right_citations_first": sum(place in question.own_places for place in cited),
    }


def _mean(
    name: str, rows: Sequence[Row], settings: EvaluateSettings | None, seed: int, signature: str
) -> Score:
    settings = settings or EvaluateSettings()
    return mean_score(
        name,
        [row[name] for row in rows if row[name] is not None],
        seed=seed,
        resamples=settings.resamples,
        confidence=settings.confidence,
        signature=signature,
    )
