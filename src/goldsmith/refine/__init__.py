"""The refine room: from raw lines to passages and chunks, with an account of all it removes.

Six stages. `Tag` says what each line is; `Clean` joins lines to passages and takes out furniture,
marks and personal data; `Screen` scores passages (language, gibberish, repetition, grade) and
decides nothing; `Cut` decides from the stored scores; `Deduplicate` merges documents and paragraphs
that say the same; `Chunk` fills a token budget with whole sentences under one heading path.

The promise: every character of every raw line lies either in a span of a passage that survives or
in one row of ``rejects``, with stage, rule and score. `check_cover` proves it for any document.
"""

from goldsmith.refine.chunk import Chunk
from goldsmith.refine.clean import Clean
from goldsmith.refine.cover import Problem, check_cover
from goldsmith.refine.cut import Cut
from goldsmith.refine.deduplicate import Deduplicate
from goldsmith.refine.pii import reveal, write_vault
from goldsmith.refine.screen import Screen
from goldsmith.refine.sentences import count_tokens
from goldsmith.refine.tag import Tag

__all__ = [
    "Chunk",
    "Clean",
    "Cut",
    "Deduplicate",
    "Problem",
    "Screen",
    "Tag",
    "check_cover",
    "count_tokens",
    "reveal",
    "write_vault",
]
