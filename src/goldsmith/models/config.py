"""What a decoder is made of: one frozen dataclass, every field explained.

The config knows nothing of files or of public formats (`families` does) and nothing of training.
Two decoders with equal configs have equal parameter names and shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from goldsmith.errors import ModelError

Family = Literal["gpt2", "llama", "mistral", "mixtral", "mpt", "qwen2", "qwen3", "gemma2", "gemma3"]


@dataclass(frozen=True)
class RopeScaling:
    """How rotary frequencies are stretched beyond the context a model was first trained with.

    ``linear`` divides every frequency by ``factor`` (position interpolation, Chen et al. 2023).
    ``dynamic`` raises the base once a sequence is longer than ``original_context`` (NTK-aware).
    ``llama3`` divides only the slow ones and blends in between (the Llama 3.1 rule).
    ``yarn`` blends by how often a pair turns within the original context and sharpens attention
    (Peng et al. 2023).
    """

    kind: Literal["linear", "dynamic", "llama3", "yarn"]
    factor: float
    """How many times longer the context became; above 0."""
    low_frequency_factor: float = 1.0
    """llama3 only: wavelengths above ``original_context / this`` are stretched in full."""
    high_frequency_factor: float = 4.0
    """llama3 only: wavelengths below ``original_context / this`` are left alone."""
    original_context: int = 8192
    """All but linear: the context before stretching, in tokens."""
    fast_turns: float = 32.0
    """yarn only: pairs that turn more often than this in the original context are left alone."""
    slow_turns: float = 1.0
    """yarn only: pairs that turn less often than this are stretched in full."""
    attention_factor: float | None = None
    """yarn only: what cosines and sines are multiplied by; None: 0.1 ln(factor) + 1."""
    truncate: bool = True
    """yarn only: the borders of the blend are whole pairs."""


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a decoder-only Transformer. The defaults are Llama's: RMSNorm, RoPE, SwiGLU."""

    vocabulary: int
    """Tokens the model knows; rows of the embedding."""
    width: int
    """Features of the residual stream."""
    layers: int
    """Blocks of attention and feed-forward."""
    heads: int
    """Query heads of a layer."""
    key_value_heads: int
    """Key and value heads; divides ``heads``. Equal to it: plain multi-head attention."""
    head_dim: int
    """Features of one head; even, since rotary pairs need two."""
    hidden: int
    """Features inside the feed-forward layer (of one expert, where there are experts)."""
    context: int
    """The longest sequence, in tokens, that the model is meant for."""
    positions: Literal["rotary", "learned", "alibi"] = "rotary"
    """Rotary (Su et al. 2021), one learned vector a position, or ALiBi (Press et al. 2021)."""
    rope_theta: float = 10_000.0
    """Base of the rotary frequencies."""
    rope_scaling: RopeScaling | None = None
    """None: plain rotary frequencies."""
    window_theta: float | None = None
    """Base of the rotary frequencies in windowed layers, never scaled; None: as everywhere."""
    windows: tuple[int, ...] = ()
    """Tokens (itself included) that a token sees, for each layer; 0: all. Empty: all in all."""
    norm: Literal["rms", "layer"] = "rms"
    """RMSNorm (Zhang & Sennrich 2019) or LayerNorm (Ba et al. 2016)."""
    norm_epsilon: float = 1e-6
    """Added to the mean square (or variance) in every norm."""
    norm_offset: bool = False
    """Norms multiply by 1 + weight (Gemma)."""
    norm_bias: bool = False
    """LayerNorms have a bias."""
    post_norms: bool = False
    """Attention and feed-forward are also normalised after they ran (Gemma 2)."""
    qk_norm: bool = False
    """Queries and keys are RMS-normalised for each head before rotation (Qwen3, Gemma 3)."""
    qkv_bias: bool = False
    """Query, key and value projections have a bias (Qwen2, GPT-2)."""
    output_bias: bool = False
    """The projections back into the stream, and those of the feed-forward, have one (GPT-2)."""
    query_scale: int | None = None
    """Scores are divided by the root of this; None: of ``head_dim``."""
    attention_cap: float | None = None
    """Scores become cap * tanh(score / cap) (Gemma 2)."""
    activation: Literal["silu", "gelu", "gelu_tanh"] = "silu"
    """Of the feed-forward layer; gelu_tanh is the approximation by tanh."""
    gated: bool = True
    """down(act(gate(x)) * up(x)) (Shazeer 2020) instead of down(act(up(x)))."""
    experts: int = 0
    """Feed-forward experts of a layer (Mixtral); 0: one plain feed-forward."""
    experts_per_token: int = 2
    """Experts that a token is sent to."""
    router_loss: float = 0.0
    """Weight of the load-balancing loss in training (Fedus et al. 2021, eq. 4 to 6)."""
    embedding_scale: float = 1.0
    """Token embeddings are multiplied by this (Gemma: the root of the width)."""
    logit_cap: float | None = None
    """Logits become cap * tanh(logit / cap) (Gemma 2)."""
    tied: bool = True
    """The output matrix is the embedding."""
    bos: int | None = None
    """Token a sequence begins with, where the model has one."""
    eos: tuple[int, ...] = ()
    """Tokens that end a sequence."""
    pad: int | None = None
    """Token that fills rows; never attended to."""
    family: Family = "llama"
    """The public architecture this model is saved as."""

    def __post_init__(self) -> None:
        sizes = ("vocabulary", "width", "layers", "heads", "key_value_heads", "head_dim")
        for name in (*sizes, "hidden", "context"):
            if getattr(self, name) < 1:
                raise ModelError(f"model config: '{name}' must be at least 1; mend the config")
        if self.heads % self.key_value_heads:
            raise ModelError(
                f"model config: {self.heads} heads cannot share {self.key_value_heads} "
                "key_value_heads evenly; make the second a divisor of the first"
            )
        if self.head_dim % 2:
            raise ModelError(
                f"model config: head_dim is {self.head_dim}, but rotary pairs need an even number"
            )
        if self.windows and (len(self.windows) != self.layers or min(self.windows) < 0):
            raise ModelError(
                f"model config: windows must hold {self.layers} numbers from 0, one a layer"
            )
        if self.experts and not 1 <= self.experts_per_token <= self.experts:
            raise ModelError(
                f"model config: a token cannot go to {self.experts_per_token} of "
                f"{self.experts} experts; mend experts_per_token"
            )
