"""Tiny public configs of every family, several each: what the parity benchmark and tests run on.

Each config has something the others of its family lack: windows, rope scalings, untied heads, caps.
Sizes are tiny, so that a forward pass takes milliseconds; the shapes are odd, so that a mixed-up
axis shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import transformers

Public = dict[str, Any]
VOCABULARY = 113
CONTEXT = 128
_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 48,
    "intermediate_size": 56,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
_GPT2 = {
    "vocab_size": VOCABULARY,
    "n_embd": 48,
    "n_layer": 3,
    "n_head": 4,
    "n_positions": CONTEXT,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_MPT = {
    "vocab_size": VOCABULARY,
    "d_model": 48,
    "n_layers": 3,
    "max_seq_len": CONTEXT,
    "eos_token_id": 2,
    "bos_token_id": 1,
}
_THETA = {"rope_theta": 10_000.0}
_LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
_YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
_DYNAMIC = {"rope_type": "dynamic", "factor": 2.0}
_LINEAR = {"rope_type": "linear", "factor": 3.0}

DECODERS: dict[str, tuple[str, list[Public]]] = {
    "gpt2": ("GPT2", [_GPT2, {**_GPT2, "n_inner": 72}, {**_GPT2, "tie_word_embeddings": False}]),
    "llama": (
        "Llama",
        [
            {**_SIZES, "head_dim": 16},
            {**_SIZES, "rope_parameters": {**_THETA, **_LLAMA3}, "tie_word_embeddings": True},
            {**_SIZES, "rope_parameters": {**_THETA, **_YARN}},
            {**_SIZES, "rope_parameters": {**_THETA, **_YARN, "attention_factor": 1.3}},
            {**_SIZES, "rope_parameters": {**_THETA, **_LINEAR}, "num_key_value_heads": 1},
            {
                **_SIZES,
                "rope_parameters": {**_THETA, **_DYNAMIC},
                "max_position_embeddings": 48,
                "num_key_value_heads": 4,
            },
        ],
    ),
    "mistral": (
        "Mistral",
        [
            {**_SIZES, "head_dim": 12, "sliding_window": 7},
            {**_SIZES, "head_dim": 16, "sliding_window": None},
        ],
    ),
    "mixtral": (
        "Mixtral",
        [
            {**_SIZES, "num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 12},
            {**_SIZES, "num_local_experts": 3, "num_experts_per_tok": 1, "sliding_window": 9},
        ],
    ),
    "mpt": ("Mpt", [{**_MPT, "n_heads": 4}, {**_MPT, "n_heads": 6}]),
    "qwen2": (
        "Qwen2",
        [
            _SIZES,
            {
                **_SIZES,
                "use_sliding_window": True,
                "sliding_window": 6,
                "max_window_layers": 1,
                "tie_word_embeddings": True,
            },
        ],
    ),
    "qwen3": (
        "Qwen3",
        [{**_SIZES, "head_dim": 16}, {**_SIZES, "head_dim": 8, "tie_word_embeddings": True}],
    ),
    "gemma2": (
        "Gemma2",
        [
            {**_SIZES, "head_dim": 16, "query_pre_attn_scalar": 24, "sliding_window": 6},
            {**_SIZES, "head_dim": 8, "sliding_window": 5, "final_logit_softcapping": None},
        ],
    ),
    "gemma3": (
        "Gemma3",
        [
            {**_SIZES, "head_dim": 16, "sliding_window": 6, "num_hidden_layers": 7},
            {
                **_SIZES,
                "head_dim": 8,
                "sliding_window": 5,
                "layer_types": ["full_attention", "sliding_attention", "full_attention"],
                "rope_parameters": {
                    "full_attention": {"rope_theta": 5e4, **_LINEAR},
                    "sliding_attention": {"rope_theta": 1e4, "rope_type": "default"},
                },
            },
        ],
    ),
}


def decoders() -> Iterator[tuple[str, int, Any]]:
    """Yield family, number of the config, and a random transformers model of it."""
    for family, (_, configs) in DECODERS.items():
        for number in range(len(configs)):
            yield family, number, make_decoder(family, number)


def make_decoder(family: str, number: int) -> Any:
    """Return a random transformers model of the family's config of that number."""
    name, configs = DECODERS[family]
    suffix = "TextConfig" if family == "gemma3" else "Config"
    kind = "LMHeadModel" if family == "gpt2" else "ForCausalLM"
    config = getattr(transformers, name + suffix)(**configs[number])
    return randomised(getattr(transformers, name + kind), config, seed=number)


def randomised(kind: Any, config: Any, seed: int) -> Any:
    """Make a model and move every parameter off its start value, so that each one matters."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = kind(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:  # Tables that are computed stay as they are.
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.08)
    return model.eval()


_ENCODER = {
    "vocab_size": VOCABULARY,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 56,
    "max_position_embeddings": CONTEXT,
    "type_vocab_size": 2,
    "pad_token_id": 0,
}
#: Family -> the architectures whose heads are compared, by the task they stand for.
ENCODERS: dict[str, dict[str, str]] = {
    "bert": {
        "embedding": "BertModel",
        "masked": "BertForMaskedLM",
        "next sentence": "BertForNextSentencePrediction",
        "pretraining": "BertForPreTraining",
        "class": "BertForSequenceClassification",
        "tags": "BertForTokenClassification",
        "span": "BertForQuestionAnswering",
    },
    "roberta": {
        "embedding": "RobertaModel",
        "masked": "RobertaForMaskedLM",
        "class": "RobertaForSequenceClassification",
        "tags": "RobertaForTokenClassification",
        "span": "RobertaForQuestionAnswering",
    },
}


def make_encoder(family: str, task: str) -> Any:
    """Return a random transformers encoder with the head of the task."""
    public = {**_ENCODER, "num_labels": 2 if task == "span" else 5}
    if family == "roberta":
        public |= {"type_vocab_size": 1, "pad_token_id": 1}
    config = transformers.AutoConfig.for_model(family, **public)
    return randomised(getattr(transformers, ENCODERS[family][task]), config, seed=len(task))


_T5 = {
    "vocab_size": VOCABULARY,
    "d_model": 48,
    "d_kv": 10,
    "d_ff": 56,
    "num_layers": 3,
    "num_decoder_layers": 2,
    "num_heads": 4,
    "relative_attention_num_buckets": 12,
    "relative_attention_max_distance": 20,
    "decoder_start_token_id": 0,
    "dropout_rate": 0.0,
}
_BART = {
    "vocab_size": VOCABULARY,
    "d_model": 48,
    "encoder_layers": 3,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 56,
    "decoder_ffn_dim": 56,
    "max_position_embeddings": CONTEXT,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
    "forced_eos_token_id": None,
    "dropout": 0.0,
}
_MARIAN = {**_BART, "pad_token_id": 112, "decoder_start_token_id": 112, "decoder_vocab_size": 113}
SEQ2SEQ: dict[str, tuple[str, list[Public]]] = {
    "t5": (
        "T5ForConditionalGeneration",
        [
            _T5,
            {**_T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
            {**_T5, "feed_forward_proj": "gated-silu", "num_decoder_layers": 3},
        ],
    ),
    "bart": ("BartForConditionalGeneration", [_BART, {**_BART, "scale_embedding": True}]),
    "marian": (
        "MarianMTModel",
        [_MARIAN, {**_MARIAN, "scale_embedding": True, "activation_function": "swish"}],
    ),
}


def make_seq2seq(family: str, number: int) -> Any:
    """Return a random transformers encoder-decoder of the family's config of that number."""
    kind, configs = SEQ2SEQ[family]
    config = transformers.AutoConfig.for_model(family, **configs[number])
    model = randomised(getattr(transformers, kind), config, seed=number)
    if family != "t5":
        import torch

        # A bias for each token, the end among the likelier ones, so that beams do end.
        generator = torch.Generator().manual_seed(3)
        bias = torch.randn(model.final_logits_bias.shape, generator=generator) * 0.3
        bias[0, config.eos_token_id] = 1.0
        model.final_logits_bias.copy_(bias)
    return model
