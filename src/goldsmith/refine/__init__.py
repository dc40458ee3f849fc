"""The refine room: from raw lines to passages and chunks, with an account of all it removes.

Eight stages. `Tag` says what each line is; `Divide` which words the ends of lines divide; `Clean`
joins lines to passages and takes out furniture, marks and personal data; `Screen` and `Familiarity`
score passages, pages and documents and decide nothing; `Cut` decides from the stored scores;
`Deduplicate` merges documents and paragraphs that say the same; `Chunk` fills a token budget with
whole sentences under one heading path.

`taking_part` opens the index of documents that other folders hold, for comparing with them.
`moves` says what other cuts would move; `classifier_scores` stores what a classifier or a model of
a later room says; `character_damage` and `extraction_quality` judge a text without its truth.

The promise: every character of every raw line lies either in a span of a passage that survives or
in one row of ``rejects``, with stage, rule and score. `check_cover` proves it for any document.
"""

from goldsmith.refine.chunk import Chunk
from goldsmith.refine.classify import classifier_scores
from goldsmith.refine.clean import Clean
from goldsmith.refine.cover import Problem, check_cover
from goldsmith.refine.cut import HEURISTIC_RULES, Cut, without_cuts
from goldsmith.refine.deduplicate import Deduplicate
from goldsmith.refine.duplicates_known import (
    KnownDuplicates,
    forget_known,
    names_of,
    taking_part,
)
from goldsmith.refine.familiarity import Familiarity
from goldsmith.refine.grade import tier
from goldsmith.refine.hyphens import Divide
from goldsmith.refine.pii import reveal, write_vault
from goldsmith.refine.quality import Quality, character_damage, extraction_quality
from goldsmith.refine.recut import Moved, Moves, moves
from goldsmith.refine.screen import UNJUDGED, Screen
from goldsmith.refine.sentences import count_tokens
from goldsmith.refine.tag import Tag

__all__ = [
    "HEURISTIC_RULES",
    "UNJUDGED",
    "Chunk",
    "Clean",
    "Cut",
    "Deduplicate",
    "Divide",
    "Familiarity",
    "KnownDuplicates",
    "Moved",
    "Moves",
    "Problem",
    "Quality",
    "Screen",
    "Tag",
    "character_damage",
    "check_cover",
    "classifier_scores",
    "count_tokens",
    "extraction_quality",
    "forget_known",
    "moves",
    "names_of",
    "reveal",
    "taking_part",
    "tier",
    "without_cuts",
    "write_vault",
]
