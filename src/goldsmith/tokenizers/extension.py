"""Domain words as tokens of an existing tokenizer: every old id stays, long words get short.

A word that is cut into many pieces gets a token of its own, with the space before it. BPE gets the
merges that build it from its pieces, after all others, so that what came before is untouched;
WordPiece gets the piece, Unigram one whose score is just better than its parts. What a new token
was made of is given back, so that a model's rows can start as the mean of their pieces' rows
(`models.grow_vocabulary`).
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Core

from goldsmith.errors import ModelError, UserError
from goldsmith.pipeline.artifact import building
from goldsmith.tokenizers.tokenizer import Tokenizer, load

_WORD = re.compile(r"[^\W\d_]{4,64}")
_BETTER = 1e-3  # nats by which a new Unigram piece beats its parts


@dataclass(frozen=True)
class Extension:
    """What was added, and what it is worth on the texts it was chosen from."""

    words: tuple[str, ...]
    pieces: dict[int, tuple[int, ...]]
    """New id -> the old ids it stands for, parts of words that BPE needs on the way included."""
    tokens_before: int
    tokens_after: int

    @property
    def saved(self) -> float:
        """The share of tokens that the new ones save."""
        return 1 - self.tokens_after / max(self.tokens_before, 1)


def domain_words(texts: Sequence[str], tokenizer: Tokenizer, count: int) -> list[str]:
    """Return the words whose own token would save the most: occurrences times pieces beyond one.

    Words of 4 to 64 letters that occur twice or more, as they stand after a space; ties by word.
    """
    often = Counter(word for text in texts for word in _WORD.findall(text))
    words = sorted(word for word, times in often.items() if times > 1)
    sizes = map(len, tokenizer.encode_many([f" {word}" for word in words]))
    saves = {word: often[word] * (size - 1) for word, size in zip(words, sizes, strict=True)}
    ranked = sorted((word for word in words if saves[word]), key=lambda w: (-saves[w], w))
    return ranked[:count]


def extend(
    source: Path, words: Sequence[str], texts: Sequence[str], folder: Path, key: str
) -> Extension:
    """Write the tokenizer of ``source`` with ``words`` added to ``folder``, whole or not at all.

    ``texts`` show what is saved. Weights beside ``source`` are not copied: they lack the new rows.
    Raises ModelError where the tokenizer is of another kind or an old
    token would get another id, UserError where every word is one token already.
    """
    old = load(source)
    path = source / "tokenizer.json"
    data = json.loads(path.read_text("utf-8"))
    core = Core.from_str(json.dumps(data))
    adders = {"BPE": _add_to_bpe, "WordPiece": _add_whole, "Unigram": _add_whole}
    add = adders.get(data["model"]["type"])
    if add is None:
        raise ModelError(f"{path}: is a {data['model']['type']}; BPE, WordPiece, Unigram can grow")
    before = core.get_vocab(with_added_tokens=True)
    following = 1 + max(before.values())
    made: dict[int, tuple[int, ...]] = {}
    for word in dict.fromkeys(words):
        encoded = core.encode(f" {word}", add_special_tokens=False)
        known = [made.get(number, (number,)) for number in encoded.ids]
        if len(known) > 1:
            following = add(data["model"], encoded.tokens, known, following, made)
            core = Core.from_str(json.dumps(data))
    if not made:
        raise UserError(f"{path}: every word is one token already; there is nothing to add")
    after = core.get_vocab(with_added_tokens=True)
    moved = next((name for name, number in before.items() if after.get(name) != number), None)
    if moved is not None or set(after.values()) != set(before.values()) | set(made):
        raise ModelError(f"{path}: cannot grow: the id of '{moved}' would change")
    with building(folder, key, vocabulary=len(after)) as new:
        ignored = shutil.ignore_patterns("manifest*", "*.safetensors*", "*.bin*")
        shutil.copytree(source, new, dirs_exist_ok=True, ignore=ignored)
        (new / "tokenizer.json").write_text(json.dumps(data, ensure_ascii=False, indent=2), "utf-8")
    grown = load(folder)
    return Extension(
        tuple(dict.fromkeys(words)),
        made,
        sum(map(len, old.encode_many(list(texts)))),
        sum(map(len, grown.encode_many(list(texts)))),
    )


_Model = dict[str, Any]
_Made = dict[int, tuple[int, ...]]


def _add_to_bpe(
    model: _Model,
    tokens: Sequence[str],
    known: Sequence[tuple[int, ...]],
    following: int,
    made: _Made,
) -> int:
    """Merge the pieces from the left, each part on the way a token too."""
    part, ids = tokens[0], known[0]
    paired = bool(model["merges"]) and isinstance(model["merges"][0], list)
    for piece, more in zip(tokens[1:], known[1:], strict=True):
        model["merges"].append([part, piece] if paired else f"{part} {piece}")
        part, ids = part + piece, (*ids, *more)
        if part not in model["vocab"]:
            model["vocab"][part] = following
            made[following] = ids
            following += 1
    return following


def _add_whole(
    model: _Model,
    tokens: Sequence[str],
    known: Sequence[tuple[int, ...]],
    following: int,
    made: _Made,
) -> int:
    """Add the word alone: all that WordPiece needs, and Unigram with a score."""
    if model["type"] == "Unigram":
        scores = dict(model["vocab"])
        model["vocab"].append(["".join(tokens), sum(scores[piece] for piece in tokens) + _BETTER])
    else:
        prefix = model["continuing_subword_prefix"]
        whole = tokens[0] + "".join(piece.removeprefix(prefix) for piece in tokens[1:])
        model["vocab"][whole] = following
    made[following] = tuple(number for ids in known for number in ids)
    return following + 1
