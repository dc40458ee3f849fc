"""Train a tokenizer on gold: byte-level BPE, WordPiece, or Unigram.

BPE merges pairs (Sennrich et al. 2016), WordPiece merges pairs and reads greedily (Wu et al. 2016),
Unigram prunes a large vocabulary by likelihood (Kudo 2018). All three work over bytes (Radford et
al. 2019), so that any text round-trips: what no piece covers falls back to single bytes. Text is
first split into words with the space before them, groups of up to three digits, and runs of other
signs, so that no token spans two words and numbers of any length are made of few pieces. The same
texts in the same order give the same file.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from goldsmith.errors import UserError
from goldsmith.pipeline.artifact import building
from goldsmith.project import TokenizerSettings

SPECIALS = ("<|pad|>", "<|bos|>", "<|eos|>", "<|system|>", "<|user|>", "<|assistant|>")

Kind = Literal["bpe", "wordpiece", "unigram"]

_WORDS = Regex(r" ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
#: The same with at most 64 characters a word: reading greedily takes the cube of a word's length.
_SHORT_WORDS = Regex(r" ?\p{L}{1,64}| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]{1,64}|\s{1,64}(?!\S)|\s{1,64}")

_ROUNDS = 4
_PRIOR = 0.1  # occurrences that every piece is granted, so that none is impossible

#: Every turn starts with its role; an answer ends with <|eos|>, which is what stops generation.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('unknown role: ' + message['role']) }}"
    "{% endif %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train(texts: Iterable[str], settings: TokenizerSettings, folder: Path, key: str) -> None:
    """Train on the texts and write the folder, whole or not at all, under the fingerprint ``key``.

    A corpus too small for ``settings.vocabulary`` gives a smaller vocabulary. Raises UserError when
    there is no text.
    """
    corpus = [text for text in texts if text]
    if not corpus:
        raise UserError("there is no text to train a tokenizer on; run `goldsmith refine` first")
    tokenizer = untrained(settings.kind)
    tokenizer.train_from_iterator(corpus, trainer_of(settings))
    if settings.kind == "unigram":
        tokenizer.model = _scored_anew(tokenizer, corpus)
    with building(folder, key, vocabulary=tokenizer.get_vocab_size()) as new:
        tokenizer.save(str(new / "tokenizer.json"))
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<|bos|>",
            "eos_token": "<|eos|>",
            "pad_token": "<|pad|>",
            "clean_up_tokenization_spaces": False,
            "add_bos_token": False,
            "chat_template": CHAT_TEMPLATE,
        }
        text = json.dumps(config, indent=1, sort_keys=True)
        (new / "tokenizer_config.json").write_text(text, "utf-8")


def untrained(kind: Kind) -> Tokenizer:
    """Return a tokenizer of that kind without a vocabulary: words, bytes, and how to go back."""
    core: Any = models.BPE() if kind == "bpe" else models.Unigram()
    if kind == "wordpiece":
        # An empty prefix: pieces inside a word are spelt like those at its start, so that the 256
        # bytes cover every place of a word.
        core = models.WordPiece(
            unk_token=SPECIALS[0], max_input_chars_per_word=1024, continuing_subword_prefix=""
        )
    tokenizer = Tokenizer(core)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_WORDS if kind == "bpe" else _SHORT_WORDS, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def trainer_of(settings: TokenizerSettings) -> trainers.Trainer:
    """Return the trainer of ``settings.kind``. Pairs seen once are never merged."""
    common: dict[str, Any] = {
        "vocab_size": settings.vocabulary,
        "special_tokens": list(SPECIALS),
        "initial_alphabet": sorted(pre_tokenizers.ByteLevel.alphabet()),
        "show_progress": False,
    }
    if settings.kind == "bpe":
        return trainers.BpeTrainer(min_frequency=2, **common)
    if settings.kind == "wordpiece":
        return trainers.WordPieceTrainer(min_frequency=2, continuing_subword_prefix="", **common)
    return trainers.UnigramTrainer(**common)


def _scored_anew(tokenizer: Tokenizer, corpus: Sequence[str]) -> models.Unigram:
    """Return a Unigram of the same pieces whose scores are estimated in a stated order.

    The library's trainer sums in another order in every process, so its scores never are the same
    twice; its pieces are. Starting from the fewest pieces a word, each round reads every word with
    the best segmentation so far and takes its counts for the next (Kudo 2018 weighs all of them).
    """
    words: Counter[str] = Counter()
    for text in corpus:
        words.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text))
    different = sorted(words)
    pieces = sorted(set(tokenizer.get_vocab()) - set(SPECIALS))
    scores = dict.fromkeys(pieces, -1.0)
    for _ in range(_ROUNDS):
        plain = Tokenizer(models.Unigram([(piece, scores[piece]) for piece in pieces]))
        counts = dict.fromkeys(pieces, _PRIOR)
        for word, encoded in zip(different, plain.encode_batch(different), strict=True):
            for piece in encoded.tokens:
                counts[piece] += words[word]
        total = math.fsum(counts.values())
        scores = {piece: math.log(count / total) for piece, count in counts.items()}
    ranked = sorted(pieces, key=lambda piece: (-scores[piece], piece))
    vocabulary = [*((special, 0.0) for special in SPECIALS), *((p, scores[p]) for p in ranked)]
    return models.Unigram(vocabulary)
