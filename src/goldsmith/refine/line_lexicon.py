"""What lines and words near the edges of pages were called in the papers that were learned from.

Publishers print the same feet and stamps in every paper, and annotators call them by one name in
one journal and by another in the next; no layout tells which. So whole lines, their openings, words
and pairs of words are counted with their labels, as hashes: by papers and not by lines, so that a
stamp on a hundred pages of one paper is one witness. What a line's tokens say becomes numbers that
the forest and the network weigh with all others (`line_model`).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from goldsmith.refine.line_text import TAIL, WORDS, Characters, Floats, Hashes, Integers

REACH = 8  # lines from the top and the foot of a page that are counted
KIND_OF_CLASS = (0, 0, 0, 1, 2, 3)  # kept (with references and titles), headnote, number, footnote
KINDS = 4
PRIOR = (0.7, 0.1, 0.1, 0.1)  # of a token that no paper holds, with the weight of one paper
_LEAST = 2  # papers that hold a token before it is believed
_PAIRS = (*range(WORDS - TAIL - 1), *range(WORDS - TAIL, WORDS - 1))  # words with the one after
TOKENS = 2 + WORDS + len(_PAIRS)
_WORDS, _AFTER = slice(2, 2 + WORDS), slice(2 + WORDS, TOKENS)
_MIX = np.uint64(0xD6E8FEB86659FD93)

Tokens = NDArray[np.uint32]


def edge_tokens(characters: Characters, top: Integers, foot: Integers) -> Tokens:
    """Return [lines, TOKENS]: the line, its first three words, words, pairs of words; 0 for none.

    ``top`` and ``foot`` are ranks on the page; lines and openings of its two halves differ.
    """
    words, half = characters.hashes, (top <= foot).astype(np.uint64)
    some = words[:, 0] > 0
    with np.errstate(over="ignore"):
        opening = (_mixed(_mixed(words[:, 0], words[:, 1]), words[:, 2]) + half) * some
        pairs = [
            _mixed(words[:, at], words[:, at + 1]) * ((words[:, at] > 0) & (words[:, at + 1] > 0))
            for at in _PAIRS
        ]
        whole = _mixed(characters.whole, half + np.uint64(11))
        every = np.stack([whole, opening * np.uint64(3), *words.T, *pairs], axis=1)
        every = (every * _MIX) >> np.uint64(32)
    every[np.minimum(top, foot) >= REACH] = 0
    return every.astype(np.uint32)


def _mixed(one: Hashes, other: Hashes) -> Hashes:
    mixed = (one ^ (one >> np.uint64(29))) * _MIX + other
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) * _MIX, np.uint64)


def count_tokens(papers: Iterable[tuple[Tokens, Integers]]) -> tuple[Tokens, Floats]:
    """Return the tokens that several papers hold, in order, and in how many they are of each kind.

    papers: tokens and classes of each paper's lines. Counts [tokens, KINDS]: a paper in which a
    token is now one thing and now another counts for each in part.
    """
    kinds = np.array(KIND_OF_CLASS)
    tokens, shares = [], []
    for held, classes in papers:
        flat = held.ravel()
        of = np.repeat(kinds[classes], held.shape[1])[flat > 0]
        own, place = np.unique(flat[flat > 0], return_inverse=True)
        counts = np.bincount(place * KINDS + of, minlength=len(own) * KINDS).reshape(-1, KINDS)
        tokens.append(own)
        shares.append(counts / counts.sum(axis=1, keepdims=True))
    known, place = np.unique(np.concatenate(tokens), return_inverse=True)
    total = np.zeros((len(known), KINDS))
    np.add.at(total, place, np.concatenate(shares))
    often = np.bincount(place) >= _LEAST
    return known[often], total[often].astype(np.float32)


def look_up(tokens: Tokens, known: Tokens, counts: Floats) -> Floats:
    """Return what is known of each line, [lines, 24].

    How much likelier each kind is than before (logarithms), and in how many papers: of the line, of
    its opening, of its words and of its pairs on average; then of the pair that says most.
    """
    result = np.zeros((len(tokens), 6 * KINDS), np.float32)
    rows = np.flatnonzero(tokens.any(axis=1))
    if not len(rows) or not len(known):
        return result
    asked = tokens[rows]
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    found = (known[place] == asked) & (asked > 0)
    held = counts[place] * found[..., None]
    papers = held.sum(axis=2)
    prior = np.array(PRIOR, np.float32)
    says = np.log((held + prior) / (papers + 1.0)[..., None]) - np.log(prior)
    says *= found[..., None]
    columns = [says[:, 0], says[:, 1]]
    papers_of = [papers[:, 0], papers[:, 1]]
    for part in (_WORDS, _AFTER):
        size = np.maximum(found[:, part].sum(axis=1), 1)
        columns.append(says[:, part].sum(axis=1) / size[:, None])
        papers_of.append(papers[:, part].sum(axis=1) / size)
    pairs = says[:, _AFTER]
    most = np.abs(pairs[..., 1:]).max(axis=2).argmax(axis=1)
    columns.append(pairs[np.arange(len(rows)), most])
    columns.append(np.log1p(np.stack(papers_of, axis=1)))
    result[rows] = np.concatenate(columns, axis=1)
    return result
