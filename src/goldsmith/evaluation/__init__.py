"""How good things are, with intervals: metrics over sufficient statistics, and what runs them.

`Score` is what every measurement gives back: value, interval, n, coverage, seed and a signature.
`mean_score` and `bootstrap_score` make one, `paired_bootstrap` and `approximate_randomization`
compare two systems on the same items. Metrics of rankings follow trec_eval, of answers SQuAD; of
language models there are perplexity and bits per byte. `evaluate_retrieval` and `evaluate_answers`
run an index over questions whose places are known; `known_item_questions` makes some where a
project has none, for retrieval alone. `compare_export` holds what is served to what was trained.
"""

from goldsmith.evaluation.answers import citation_precision, citation_recall, exact_match, f1
from goldsmith.evaluation.equivalence import Equivalence, compare_export, require_equivalence
from goldsmith.evaluation.grounding import evaluate_answers, evaluate_retrieval
from goldsmith.evaluation.language import Likelihood, language_scores
from goldsmith.evaluation.likelihood import likelihoods
from goldsmith.evaluation.questions import (
    Question,
    as_question,
    known_item_questions,
    read_questions,
)
from goldsmith.evaluation.score import (
    Comparison,
    Score,
    approximate_randomization,
    bootstrap_score,
    mean_score,
    paired_bootstrap,
    ratio,
)

__all__ = [
    "Comparison",
    "Equivalence",
    "Likelihood",
    "Question",
    "Score",
    "approximate_randomization",
    "as_question",
    "bootstrap_score",
    "citation_precision",
    "citation_recall",
    "compare_export",
    "evaluate_answers",
    "evaluate_retrieval",
    "exact_match",
    "f1",
    "known_item_questions",
    "language_scores",
    "likelihoods",
    "mean_score",
    "paired_bootstrap",
    "ratio",
    "read_questions",
    "require_equivalence",
]
