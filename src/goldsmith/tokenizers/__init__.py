"""Tokenizers: train one on gold, load any, render chats, measure, compare, extend.

`train` makes a BPE, WordPiece or Unigram folder that `transformers` loads. `load` opens that
folder, or that of any public model with a tokenizer.json, as a `Tokenizer`: text to ids and back,
conversations to ids through the folder's own chat template, with no way for a message to smuggle in
a special token. `measure` says how well one fits a text, `compare` and `picture` show two side by
side; `domain_words` and `extend` add words to one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from goldsmith import front_door

if TYPE_CHECKING:
    from goldsmith.tokenizers.comparison import Comparison, compare, picture
    from goldsmith.tokenizers.extension import Extension, domain_words, extend
    from goldsmith.tokenizers.figures import measure
    from goldsmith.tokenizers.tokenizer import Tokenizer, load
    from goldsmith.tokenizers.training import SPECIALS, train

_PLACES = {
    "comparison": ("compare", "Comparison", "picture"),
    "extension": ("domain_words", "extend", "Extension"),
    "figures": ("measure",),
    "tokenizer": ("load", "Tokenizer"),
    "training": ("SPECIALS", "train"),
}
__getattr__ = front_door(__name__, _PLACES)
