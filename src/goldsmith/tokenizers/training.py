"""Train a byte-level BPE (Sennrich et al. 2016, over bytes as in Radford et al. 2019) on gold.

Text is first split into words with the space before them, groups of up to three digits, and runs of
other signs, so that no token spans two words and numbers of any length are made of few pieces. Any
text round-trips: what no merge covers falls back to single bytes. The same texts in the same order
give the same file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from goldsmith.errors import UserError
from goldsmith.pipeline.artifact import building
from goldsmith.project import TokenizerSettings

SPECIALS = ("<|pad|>", "<|bos|>", "<|eos|>", "<|system|>", "<|user|>", "<|assistant|>")

_WORDS = Regex(r" ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")

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
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_WORDS, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocabulary,
        min_frequency=2,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
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
