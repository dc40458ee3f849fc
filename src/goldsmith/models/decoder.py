"""The Transformer that is pretrained, tuned, merged and served: one definition for all of it.

A config says which norms, positions, feed-forwards and windows a family has (`config`, `families`);
the parts are in `attention` and `parts`. Packing, caches and adapters plug in; none of them forks
the model.

Left to others: public formats (`families`), adapters and optimisation (training), sampling and
scheduling (engine).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from goldsmith.models.attention import Attention, Call, make_call
from goldsmith.models.cache import KeyValueCache
from goldsmith.models.config import ModelConfig
from goldsmith.models.loss import linear_cross_entropy
from goldsmith.models.parts import (
    Experts,
    FeedForward,
    allocate,
    balance_loss,
    draw,
    make_norm,
    make_table,
)
from goldsmith.models.positions import segment_positions
from goldsmith.models.prompt import Prompt


class Decoder(nn.Module):
    """tokens (batch, sequence) -> logits (batch, sequence, vocabulary).

    ``seed`` draws the weights from a generator of their own; no global random state is read or
    moved: normal(0, 0.02), projections into the residual stream smaller by sqrt(2 * layers), norms
    one, biases zero. With ``seed=None`` they have no storage yet (for loaders that assign them).
    ``recompute`` drops the activations inside layers and computes them again in the backward pass
    (Chen et al. 2016): less memory for a third more work.
    """

    def __init__(self, config: ModelConfig, seed: int | None = 0) -> None:
        super().__init__()
        self.config = config
        self.recompute = False
        self.prompt: Prompt | None = None
        with torch.device("meta"):
            self.embedding = make_table(config.vocabulary, config.width)
            self.position = (
                make_table(config.context, config.width) if config.positions == "learned" else None
            )
            self.layers = nn.ModuleList(Layer(config, number) for number in range(config.layers))
            self.norm = make_norm(config, config.width)
            self.head = (
                None if config.tied else nn.Linear(config.width, config.vocabulary, bias=False)
            )
        if seed is not None:
            allocate(self)
            # So that the stream's variance does not grow with depth (Radford et al. 2019).
            into_stream = 0.02 / math.sqrt(2 * config.layers)
            ends = ("attention.output.weight", "down.weight")
            norms = 0.0 if config.norm_offset else 1.0
            draw(self, seed, lambda name: into_stream if name.endswith(ends) else 0.02, norms)

    @property
    def output_weight(self) -> Tensor:
        """The matrix from hidden states to logits: (vocabulary, width)."""
        return self.embedding.weight if self.head is None else self.head.weight

    @property
    def virtual_tokens(self) -> tuple[int, ...]:
        """Ids of the prompt that goes before a sequence; a caller with a cache puts it there."""
        count = 0 if self.prompt is None else len(self.prompt.rows)
        return tuple(range(self.config.vocabulary, self.config.vocabulary + count))

    def forward(self, tokens: Tensor, **call: Any) -> Tensor:
        """Return logits (batch, sequence, vocabulary); see `hidden_states` for the arguments."""
        return self.logits(self.hidden_states(tokens, **call))

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits (..., vocabulary) of last hidden states (..., width)."""
        logits = functional.linear(hidden, self.output_weight)
        cap = self.config.logit_cap
        return logits if cap is None else cap * torch.tanh(logits / cap)

    def hidden_states(
        self,
        tokens: Tensor,
        *,
        positions: Tensor | None = None,
        segments: Tensor | None = None,
        cache: KeyValueCache | None = None,
        slots: Tensor | None = None,
        routed: list[Tensor] | None = None,
    ) -> Tensor:
        """Return the normalised last hidden states (batch, sequence, width).

        tokens: (batch, sequence) int64.
        positions: (batch, sequence) int64; without them 0, 1, ... or, with segments, counted anew
            in each segment. -1 marks padding (only with a cache): not stored, its output is void.
        segments: (batch, sequence) int64; a token attends to earlier tokens of its own segment.
        cache, slots: row b reads and writes slot slots[b] at positions[b]; a query at position p
            attends to positions 0..p of its slot. slots: (batch,) int64, 0..batch-1 without them.
            Segments and cache exclude each other.
        routed: takes up the routers' probabilities, (tokens, experts) of each layer with experts.
        """
        batch, sequence = tokens.shape
        if cache is not None and segments is not None:
            raise ValueError("segments (packing) and cache (decoding) exclude each other")
        if positions is None:
            positions = (
                torch.arange(sequence, device=tokens.device).expand(batch, sequence)
                if segments is None
                else segment_positions(segments)
            )
        words, places = self.config.vocabulary, None
        if self.prompt is not None and cache is None:
            given = (tokens, positions, segments, words)
            tokens, positions, segments, places = self.prompt.before(*given)
        hidden = self.embedding(tokens if self.prompt is None else tokens.clamp(max=words - 1))
        if self.config.embedding_scale != 1.0:
            # Rounded to the weights' dtype first, as Gemma was trained.
            hidden = hidden * torch.tensor(self.config.embedding_scale, dtype=hidden.dtype)
        if self.prompt is not None:
            hidden = self.prompt.fill(hidden, tokens - words)
        if self.position is not None:
            hidden = hidden + self.position(positions.clamp(min=0))
        call = make_call(self.config, positions, segments, cache, slots, hidden.dtype)
        again = self.recompute and torch.is_grad_enabled()
        for layer in self.layers:
            if again:
                hidden, chances = checkpoint(layer, hidden, call, use_reentrant=False)
            else:
                hidden, chances = layer(hidden, call)
            if routed is not None and chances is not None:
                routed.append(chances)
        if places is not None:  # nothing is said of the prompt itself
            hidden = hidden.gather(1, places[..., None].expand(-1, -1, hidden.shape[-1]))
        result: Tensor = self.norm(hidden)
        return result

    def loss(
        self,
        tokens: Tensor,
        targets: Tensor,
        *,
        positions: Tensor | None = None,
        segments: Tensor | None = None,
    ) -> tuple[Tensor, int]:
        """Return the summed cross-entropy in nats over targets that are not -100, and their count.

        The logits of the whole batch never exist at once (see `loss.linear_cross_entropy`), and
        rows without a target cost nothing in the output layer. targets: (batch, sequence) int64.
        In training a model with experts adds its load-balancing loss, weighed by the count; it is
        that of each call, so it alone is not the same for every way to split a batch.
        """
        routed: list[Tensor] = []
        hidden = self.hidden_states(tokens, positions=positions, segments=segments, routed=routed)
        wanted = targets != -100
        total = linear_cross_entropy(
            hidden[wanted], self.output_weight, targets[wanted], self.config.logit_cap
        )
        count = int(wanted.sum())
        if routed and self.config.router_loss and torch.is_grad_enabled():
            balance = balance_loss(routed, self.config.experts_per_token)
            total = total + self.config.router_loss * count * balance
        return total, count


class Layer(nn.Module):
    """Attention, then feed-forward, each added to the residual stream (batch, sequence, width)."""

    def __init__(self, config: ModelConfig, index: int) -> None:
        super().__init__()
        self.attention_norm = make_norm(config, config.width)
        self.attention = Attention(config, index)
        self.feed_forward_norm = make_norm(config, config.width)
        bias = config.output_bias
        self.feed_forward = Experts(config) if config.experts else FeedForward(config, bias)
        after = config.post_norms
        self.attention_post_norm = make_norm(config, config.width) if after else None
        self.feed_forward_post_norm = make_norm(config, config.width) if after else None

    def forward(self, hidden: Tensor, call: Call) -> tuple[Tensor, Tensor | None]:
        """Return the stream and, of a layer with experts, its router's probabilities."""
        attended = self.attention(self.attention_norm(hidden), call)
        if self.attention_post_norm is not None:
            attended = self.attention_post_norm(attended)
        hidden = hidden + attended
        added = self.feed_forward(self.feed_forward_norm(hidden))
        added, routed = added if isinstance(added, tuple) else (added, None)
        if self.feed_forward_post_norm is not None:
            added = self.feed_forward_post_norm(added)
        return hidden + added, routed
