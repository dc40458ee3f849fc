"""Tokenizers: train one on gold, load any, render chats, measure.

`train` makes a byte-level BPE folder that `transformers` loads. `load` opens that folder, or that
of any public model with a tokenizer.json, as a `Tokenizer`: text to ids and back, conversations to
ids through the folder's own chat template, with no way for a message to smuggle in a special token.
`measure` says how well a tokenizer fits a text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldsmith.tokenizers.figures import measure
    from goldsmith.tokenizers.tokenizer import Tokenizer, load
    from goldsmith.tokenizers.training import SPECIALS, train

__all__ = ["SPECIALS", "Tokenizer", "load", "measure", "train"]

_HOMES = {
    "Tokenizer": "tokenizer",
    "load": "tokenizer",
    "measure": "figures",
    "SPECIALS": "training",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"goldsmith.tokenizers.{_HOMES[name]}"), name)
