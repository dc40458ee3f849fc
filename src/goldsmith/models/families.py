"""Public decoder families as tables: what is fixed in each, its config's words, its weights' names.

A family is one row of `FAMILIES`. `traits` are the fields of `ModelConfig` that all its members
share; `keys` says which word of the public config holds which field; `fixed` are public words with
the only values we build (written as they are, refused by name when a folder says otherwise);
`weights` maps public tensors to ours. `public_config` and `folders` read and write by these rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from goldsmith.errors import ModelError
from goldsmith.models.config import Family, ModelConfig


@dataclass(frozen=True)
class Weight:
    """One public tensor; in a table ``{n}`` stands for the layer, ``{e}`` for the expert.

    ``ours`` lie in it one after the other along the axis of outputs; ``transposed`` says that the
    public matrix is (in, out), as GPT-2's Conv1D keeps it.
    """

    public: str
    ours: tuple[str, ...]
    transposed: bool = False


@dataclass(frozen=True)
class PublicFamily:
    """What tells one public architecture from another."""

    architecture: str
    model_type: str
    weights: tuple[Weight, ...]
    traits: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What the public config class takes where config.json is silent."""
    prefix: str = ""
    """Older folders leave this off the weights' names."""
    ignored: tuple[str, ...] = ()
    """Ends of names that older folders carry and that are no weights."""


KEYS = {
    "vocabulary": "vocab_size",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "key_value_heads": "num_key_value_heads",
    "head_dim": "head_dim",
    "hidden": "intermediate_size",
    "context": "max_position_embeddings",
    "norm_epsilon": "rms_norm_eps",
    "tied": "tie_word_embeddings",
}
"""Our fields and the words most families use for them."""

_ENDS = (
    Weight("model.embed_tokens", ("embedding",)),
    Weight("model.norm", ("norm",)),
    Weight("lm_head", ("head",)),
)
_ATTENTION = (
    Weight("model.layers.{n}.input_layernorm", ("attention_norm",)),
    Weight("model.layers.{n}.self_attn.q_proj", ("attention.query",)),
    Weight("model.layers.{n}.self_attn.k_proj", ("attention.key",)),
    Weight("model.layers.{n}.self_attn.v_proj", ("attention.value",)),
    Weight("model.layers.{n}.self_attn.o_proj", ("attention.output",)),
    Weight("model.layers.{n}.self_attn.q_norm", ("attention.query_norm",)),
    Weight("model.layers.{n}.self_attn.k_norm", ("attention.key_norm",)),
)
_FEED_FORWARD = (
    Weight("model.layers.{n}.mlp.gate_proj", ("feed_forward.gate",)),
    Weight("model.layers.{n}.mlp.up_proj", ("feed_forward.up",)),
    Weight("model.layers.{n}.mlp.down_proj", ("feed_forward.down",)),
)
_NORM = (Weight("model.layers.{n}.post_attention_layernorm", ("feed_forward_norm",)),)
_FOUR_NORMS = (
    Weight("model.layers.{n}.post_attention_layernorm", ("attention_post_norm",)),
    Weight("model.layers.{n}.pre_feedforward_layernorm", ("feed_forward_norm",)),
    Weight("model.layers.{n}.post_feedforward_layernorm", ("feed_forward_post_norm",)),
)
_LLAMA = (*_ENDS, *_ATTENTION, *_NORM, *_FEED_FORWARD)
_MIXTRAL = (
    *_ENDS,
    *_ATTENTION,
    *_NORM,
    Weight("model.layers.{n}.block_sparse_moe.gate", ("feed_forward.router",)),
    Weight("model.layers.{n}.block_sparse_moe.experts.{e}.w1", ("feed_forward.experts.{e}.gate",)),
    Weight("model.layers.{n}.block_sparse_moe.experts.{e}.w2", ("feed_forward.experts.{e}.down",)),
    Weight("model.layers.{n}.block_sparse_moe.experts.{e}.w3", ("feed_forward.experts.{e}.up",)),
)
_GEMMA = (*_ENDS, *_ATTENTION, *_FOUR_NORMS, *_FEED_FORWARD)
_QKV = ("attention.query", "attention.key", "attention.value")
_GPT2 = (
    Weight("transformer.wte", ("embedding",)),
    Weight("transformer.wpe", ("position",)),
    Weight("transformer.h.{n}.ln_1", ("attention_norm",)),
    Weight("transformer.h.{n}.attn.c_attn", _QKV, transposed=True),
    Weight("transformer.h.{n}.attn.c_proj", ("attention.output",), transposed=True),
    Weight("transformer.h.{n}.ln_2", ("feed_forward_norm",)),
    Weight("transformer.h.{n}.mlp.c_fc", ("feed_forward.up",), transposed=True),
    Weight("transformer.h.{n}.mlp.c_proj", ("feed_forward.down",), transposed=True),
    Weight("transformer.ln_f", ("norm",)),
    Weight("lm_head", ("head",)),
)
_MPT = (
    Weight("transformer.wte", ("embedding",)),
    Weight("transformer.blocks.{n}.norm_1", ("attention_norm",)),
    Weight("transformer.blocks.{n}.attn.Wqkv", _QKV),
    Weight("transformer.blocks.{n}.attn.out_proj", ("attention.output",)),
    Weight("transformer.blocks.{n}.norm_2", ("feed_forward_norm",)),
    Weight("transformer.blocks.{n}.ffn.up_proj", ("feed_forward.up",)),
    Weight("transformer.blocks.{n}.ffn.down_proj", ("feed_forward.down",)),
    Weight("transformer.norm_f", ("norm",)),
    Weight("lm_head", ("head",)),
)

_SILU = {"hidden_act": ("silu", "swish")}
_NO_BIAS = {"attention_bias": (False,)}
_GEMMA_TRAITS = {
    "norm_offset": True,
    "post_norms": True,
    "activation": "gelu_tanh",
}
_GEMMA_FIXED = {
    "hidden_activation": ("gelu_pytorch_tanh",),
    "use_bidirectional_attention": (None, False),
    **_NO_BIAS,
}
_GEMMA_DEFAULTS = {
    "hidden_activation": "gelu_pytorch_tanh",
    "head_dim": 256,
    "num_key_value_heads": 4,
    "query_pre_attn_scalar": 256,
    "sliding_window": 4096,
    "tie_word_embeddings": True,
}
_OLD_KEYS = {
    "vocabulary": "vocab_size",
    "tied": "tie_word_embeddings",
    "norm_epsilon": "layer_norm_epsilon",
}

FAMILIES: dict[Family, PublicFamily] = {
    "gpt2": PublicFamily(
        "GPT2LMHeadModel",
        "gpt2",
        _GPT2,
        traits={
            "positions": "learned",
            "norm": "layer",
            "norm_bias": True,
            "qkv_bias": True,
            "output_bias": True,
            "activation": "gelu_tanh",
            "gated": False,
        },
        keys={
            **_OLD_KEYS,
            "width": "n_embd",
            "layers": "n_layer",
            "heads": "n_head",
            "hidden": "n_inner",
            "context": "n_positions",
        },
        fixed={
            "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
            "scale_attn_weights": (True,),
            "scale_attn_by_inverse_layer_idx": (False,),
            "add_cross_attention": (False,),
        },
        defaults={"layer_norm_epsilon": 1e-5, "tie_word_embeddings": True},
        prefix="transformer.",
        ignored=(".attn.bias", ".attn.masked_bias"),
    ),
    "llama": PublicFamily(
        "LlamaForCausalLM", "llama", _LLAMA, fixed={**_SILU, **_NO_BIAS, "mlp_bias": (False,)}
    ),
    "mistral": PublicFamily(
        "MistralForCausalLM",
        "mistral",
        _LLAMA,
        fixed=_SILU,
        defaults={"num_key_value_heads": 8, "sliding_window": 4096},
    ),
    "mixtral": PublicFamily(
        "MixtralForCausalLM",
        "mixtral",
        _MIXTRAL,
        keys={
            **KEYS,
            "experts": "num_local_experts",
            "experts_per_token": "num_experts_per_tok",
            "router_loss": "router_aux_loss_coef",
        },
        fixed={**_SILU, "router_jitter_noise": (0.0, 0)},
        defaults={
            "num_key_value_heads": 8,
            "rms_norm_eps": 1e-5,
            "num_local_experts": 8,
            "num_experts_per_tok": 2,
            "router_aux_loss_coef": 0.001,
        },
    ),
    "mpt": PublicFamily(
        "MptForCausalLM",
        "mpt",
        _MPT,
        traits={
            "positions": "alibi",
            "norm": "layer",
            "activation": "gelu",
            "gated": False,
        },
        keys={
            **_OLD_KEYS,
            "width": "d_model",
            "layers": "n_layers",
            "heads": "n_heads",
            "context": "max_seq_len",
        },
        fixed={"no_bias": (True,), "logit_scale": (None,)},
        defaults={"layer_norm_epsilon": 1e-5, "tie_word_embeddings": True},
        prefix="transformer.",
    ),
    "qwen2": PublicFamily(
        "Qwen2ForCausalLM",
        "qwen2",
        _LLAMA,
        traits={"qkv_bias": True},
        fixed=_SILU,
        defaults={"num_key_value_heads": 32, "max_window_layers": 28},
    ),
    "qwen3": PublicFamily(
        "Qwen3ForCausalLM",
        "qwen3",
        _LLAMA,
        traits={"qk_norm": True},
        fixed={**_SILU, **_NO_BIAS},
        defaults={"num_key_value_heads": 32, "head_dim": 128, "max_window_layers": 28},
    ),
    "gemma2": PublicFamily(
        "Gemma2ForCausalLM",
        "gemma2",
        _GEMMA,
        traits=_GEMMA_TRAITS,
        fixed=_GEMMA_FIXED,
        defaults={
            **_GEMMA_DEFAULTS,
            "attn_logit_softcapping": 50.0,
            "final_logit_softcapping": 30.0,
            "sliding_window_pattern": 2,
        },
    ),
    "gemma3": PublicFamily(
        "Gemma3ForCausalLM",
        "gemma3_text",
        _GEMMA,
        traits={**_GEMMA_TRAITS, "qk_norm": True},
        fixed=_GEMMA_FIXED,
        defaults={
            **_GEMMA_DEFAULTS,
            "rope_theta": 1e6,
            "rope_local_base_freq": 1e4,
            "sliding_window_pattern": 6,
        },
    ),
}

#: Fields that a family may fix; where it does not, they have `ModelConfig`'s own values.
_TRAITS = dict.fromkeys(name for row in FAMILIES.values() for name in row.traits)


def check_traits(config: ModelConfig) -> None:
    """Raise ModelError where a config says what its family never has, so it could not be saved."""
    traits = FAMILIES[config.family].traits
    for name in _TRAITS:
        wanted = traits.get(name, ModelConfig.__dataclass_fields__[name].default)
        if getattr(config, name) != wanted:
            raise ModelError(
                f"model config: family '{config.family}' has {name}={wanted!r}, "
                f"not {getattr(config, name)!r}; change the one or the other"
            )


def places(config: ModelConfig, names: frozenset[str]) -> list[Weight]:
    """Return every public tensor of a model whose own tensors are ``names``, in a fixed order."""
    return [
        Weight(f"{public}.{kind}", parts, weight.transposed and kind == "weight")
        for weight in FAMILIES[config.family].weights
        for public, ours in _numbered(weight, config)
        for kind in ("weight", "bias")
        for parts in (tuple(f"{name}.{kind}" for name in ours),)
        if names.issuperset(parts)
    ]


def _numbered(weight: Weight, config: ModelConfig) -> Iterator[tuple[str, tuple[str, ...]]]:
    layered = "{n}" in weight.public
    for layer in range(config.layers if layered else 1):
        for expert in range(config.experts if "{e}" in weight.public else 1):
            ours = (name.replace("{e}", str(expert)) for name in weight.ours)
            full = tuple(f"layers.{layer}.{name}" if layered else name for name in ours)
            yield weight.public.replace("{n}", str(layer)).replace("{e}", str(expert)), full


def public_name(config: ModelConfig, name: str) -> str:
    """Map one of our parameter names to the public one.

    Raises ModelError where the public folder keeps it inside a larger matrix (GPT-2's c_attn).
    """
    for place in places(config, frozenset({name})):
        return place.public
    raise ModelError(f"family '{config.family}' keeps no tensor of its own for '{name}'")
