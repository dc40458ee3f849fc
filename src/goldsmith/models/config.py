"""What a decoder is made of: one frozen dataclass, every field explained.

The config knows nothing of files or of public formats (`families` does) and nothing of training.
Two decoders with equal configs have equal parameter names and shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from goldsmith.errors import ModelError

Family = Literal["llama", "mistral", "qwen2", "qwen3"]


@dataclass(frozen=True)
class RopeScaling:
    """How rotary frequencies are stretched beyond the context a model was first trained with.

    ``linear`` divides every frequency by ``factor`` (position interpolation, Chen et al. 2023).
    ``llama3`` divides only the slow ones and blends in between (the Llama 3.1 rule).
    """

    kind: Literal["linear", "llama3"]
    factor: float
    """How many times longer the context became; above 0."""
    low_frequency_factor: float = 1.0
    """llama3 only: wavelengths above ``original_context / this`` are stretched in full."""
    high_frequency_factor: float = 4.0
    """llama3 only: wavelengths below ``original_context / this`` are left alone."""
    original_context: int = 8192
    """llama3 only: the context before stretching, in tokens."""


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a decoder-only Transformer (RMSNorm, RoPE, SwiGLU, grouped queries)."""

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
    """Features inside the feed-forward layer."""
    context: int
    """The longest sequence, in tokens, that the model is meant for."""
    rope_theta: float = 10_000.0
    """Base of the rotary frequencies (Su et al. 2021)."""
    rope_scaling: RopeScaling | None = None
    """None: plain rotary frequencies."""
    norm_epsilon: float = 1e-6
    """Added to the mean square in every RMSNorm."""
    tied: bool = True
    """The output matrix is the embedding."""
    qkv_bias: bool = False
    """Query, key and value projections have a bias (Qwen2)."""
    qk_norm: bool = False
    """Queries and keys are RMS-normalised for each head before rotation (Qwen3)."""
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
        if self.qkv_bias != (self.family == "qwen2") or self.qk_norm != (self.family == "qwen3"):
            raise ModelError(
                f"model config: family '{self.family}' does not go with qkv_bias={self.qkv_bias}, "
                f"qk_norm={self.qk_norm}; qwen2 has the bias, qwen3 the norm, others neither"
            )
