"""Tokenizers: train one on gold, load any, render chats, measure, compare, extend.

`train` makes a BPE, WordPiece or Unigram folder that `transformers` loads. `load` opens that
folder, or that of any public model with a tokenizer.json, as a `Tokenizer`: text to ids and back,
conversations to ids through the folder's own chat template, with no way for a message to smuggle in
a special token. `measure` says how well one fits a text, `compare` and `picture` show two side by
side; `domain_words` and `extend` add words to one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldsmith.tokenizers.comparison import Comparison as Comparison
    from goldsmith.tokenizers.comparison import compare as compare
    from goldsmith.tokenizers.comparison import picture as picture
    from goldsmith.tokenizers.extension import Extension as Extension
    from goldsmith.tokenizers.extension import domain_words as domain_words
    from goldsmith.tokenizers.extension import extend as extend
    from goldsmith.tokenizers.figures import measure as measure
    from goldsmith.tokenizers.tokenizer import Tokenizer as Tokenizer
    from goldsmith.tokenizers.tokenizer import load as load
    from goldsmith.tokenizers.training import SPECIALS as SPECIALS
    from goldsmith.tokenizers.training import train as train


_PLACES = {
    "Comparison": "comparison",
    "compare": "comparison",
    "picture": "comparison",
    "Extension": "extension",
    "domain_words": "extension",
    "extend": "extension",
    "Tokenizer": "tokenizer",
    "load": "tokenizer",
    "measure": "figures",
    "SPECIALS": "training",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"goldsmith.tokenizers has no '{name}'")
    return getattr(import_module(f"goldsmith.tokenizers.{_PLACES[name]}"), name)
