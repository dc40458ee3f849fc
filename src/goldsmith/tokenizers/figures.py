"""How well a tokenizer fits a text: the figures that decide how much of it a model can see."""

from __future__ import annotations

import re
from collections.abc import Sequence

from goldsmith.tokenizers.tokenizer import Tokenizer

_WORD = re.compile(r"\w+")


def measure(
    tokenizer: Tokenizer, texts: Sequence[str], domain: Sequence[str] = ()
) -> dict[str, float]:
    """Return figures over the texts.

    ``tokens_per_word`` (fertility), ``characters_per_token`` and ``bytes_per_token`` are totals
    over totals; ``whole_words`` is the share of word occurrences that are one token when a space
    stands before them; ``coverage`` the share of them that come back from their own tokens, so that
    none of it was unknown; ``pieces_per_domain_word`` the mean over ``domain`` words, where given;
    ``round_trip`` the share of texts that come back as they were.
    """
    encoded = tokenizer.encode_many(list(texts))
    words = [word for text in texts for word in _WORD.findall(text)]
    different = sorted(set(words))
    spaced = tokenizer.encode_many([f" {word}" for word in different])
    pieces = dict(zip(different, spaced, strict=True))
    single = {word for word, ids in pieces.items() if len(ids) == 1}
    covered = {word for word, ids in pieces.items() if tokenizer.decode(ids).strip() == word}
    cut = [len(ids) for ids in tokenizer.encode_many([f" {word}" for word in domain])]
    tokens = max(sum(map(len, encoded)), 1)
    same = sum(tokenizer.decode(ids) == text for ids, text in zip(encoded, texts, strict=True))
    return {
        "vocabulary": float(tokenizer.size),
        "tokens": float(sum(map(len, encoded))),
        "tokens_per_word": tokens / max(len(words), 1),
        "characters_per_token": sum(map(len, texts)) / tokens,
        "bytes_per_token": sum(len(text.encode("utf-8")) for text in texts) / tokens,
        "whole_words": sum(word in single for word in words) / max(len(words), 1),
        "coverage": sum(word in covered for word in words) / max(len(words), 1),
        **({"pieces_per_domain_word": sum(cut) / len(cut)} if cut else {}),
        "round_trip": same / max(len(texts), 1),
    }
