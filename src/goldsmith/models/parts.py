"""What a layer is built from besides attention: norms and feed-forward layers, plain or of experts.

Sources: RMSNorm (Zhang & Sennrich 2019), SwiGLU (Shazeer 2020), sparsely-gated experts with top-k
routing and their load-balancing loss (Shazeer et al. 2017; Fedus et al. 2021; as in Mixtral).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from goldsmith.kernels import rms_norm, swiglu
from goldsmith.models.config import ModelConfig

if TYPE_CHECKING:
    from goldsmith.models.seq2seq import SequenceConfig

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
}


class RMSNorm(nn.Module):
    """x / rms(x) * weight, or * (1 + weight) with ``offset`` (Gemma); see `kernels.rms_norm`."""

    def __init__(self, width: int, epsilon: float, offset: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width) if offset else torch.ones(width))
        self.epsilon, self.offset = epsilon, offset

    def forward(self, hidden: Tensor) -> Tensor:
        if hidden.dtype == torch.bfloat16 and hidden.device.type == "cpu" and not self.offset:
            normed: Tensor = _NarrowNorm.apply(hidden, self.weight, self.epsilon)  # type: ignore[no-untyped-call]
            return normed
        return rms_norm(hidden, self.weight, self.epsilon, self.offset)


class _NarrowNorm(torch.autograd.Function):
    """x / rms(x) * weight in few passes, keeping x (..., width) and weight (width,) alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        near = x.float()
        length = torch.linalg.vector_norm(near, dim=-1, keepdim=True)
        rate = length.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, rate)
        return near.mul_(rate).mul_(weight.float()).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight, rate = ctx.saved_tensors
        normed, wide, steep = x.float().mul_(rate), weight.float(), slope.float()
        products = steep * normed
        to_weight = products.flatten(0, -2).sum(0).to(weight.dtype)
        along = (products @ wide).div_(-x.shape[-1])
        steep.mul_(wide).addcmul_(normed, along[..., None]).mul_(rate)
        return steep.to(x.dtype), to_weight, None


def make_table(rows: int, width: int) -> nn.Embedding:
    """An embedding that nobody draws: loading what draws on the meta device takes 100 MB."""
    table: nn.Embedding = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
        torch.empty(rows, width), freeze=False
    )
    return table


def allocate(model: nn.Module) -> None:
    """Give parameters on the meta device memory, as `to_empty` does without loading its 30 MB."""
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    model.load_state_dict({n: torch.empty(shape) for n, shape in shapes.items()}, assign=True)


def draw(model: nn.Module, seed: int, scale: Callable[[str], float], norms: float = 1.0) -> None:
    """Draw every weight anew: normal(0, ``scale`` of its name); norms ``norms``, biases zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("norm.weight"):
                parameter.fill_(norms)
            elif name.endswith("bias"):
                parameter.zero_()
            else:
                parameter.normal_(0.0, scale(name), generator=generator)


def make_norm(config: ModelConfig, width: int) -> nn.Module:
    """The norm that a config asks for, over the last ``width`` features."""
    if config.norm == "layer":
        return nn.LayerNorm(width, config.norm_epsilon, bias=config.norm_bias)
    return RMSNorm(width, config.norm_epsilon, config.norm_offset)


class FeedForward(nn.Module):
    """down(act(gate(x)) * up(x)), or down(act(up(x))): (..., width) -> (..., width)."""

    def __init__(self, config: ModelConfig | SequenceConfig, bias: bool) -> None:
        super().__init__()
        self.activation = config.activation
        self.gate = nn.Linear(config.width, config.hidden, bias=bias) if config.gated else None
        self.up = nn.Linear(config.width, config.hidden, bias=bias)
        self.down = nn.Linear(config.hidden, config.width, bias=bias)

    def forward(self, hidden: Tensor) -> Tensor:
        act = ACTIVATIONS[self.activation]
        if self.gate is None:
            inner = act(self.up(hidden))
        elif self.activation == "silu":
            inner = swiglu(self.gate(hidden), self.up(hidden))
        else:
            inner = act(self.gate(hidden)) * self.up(hidden)
        result: Tensor = self.down(inner)
        return result


_WHOLE_ROWS = 16


class Experts(nn.Module):
    """Each token goes to its best few feed-forward layers, weighed by a router.

    The router's probabilities are taken over all experts, in float32, and those of the chosen ones
    scaled to sum to one.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.chosen = config.experts_per_token
        self.router = nn.Linear(config.width, config.experts, bias=False)
        self.experts = nn.ModuleList(
            FeedForward(config, config.output_bias) for _ in range(config.experts)
        )

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """(..., width) -> (..., width) and the router's probabilities (tokens, experts)."""
        rows = hidden.reshape(-1, hidden.shape[-1])
        probabilities = self.router(rows).float().softmax(-1)
        weights, places = probabilities.topk(self.chosen, dim=-1)
        weights = (weights / weights.sum(-1, keepdim=True)).to(hidden.dtype)
        out = torch.zeros_like(rows)
        # Short products and the odd ends of vectors are rounded otherwise than the rest; with whole
        # blocks a token's bits do not depend on how many others are sent to its expert.
        block = _WHOLE_ROWS if len(rows) >= _WHOLE_ROWS else 1
        for number, expert in enumerate(self.experts):
            tokens, rank = (places == number).nonzero(as_tuple=True)
            if len(tokens):
                filled = functional.pad(tokens, (0, -len(tokens) % block))
                added = expert(rows[filled])[: len(tokens)] * weights[tokens, rank, None]
                out = out.index_add(0, tokens, added)
        return out.view_as(hidden), probabilities


def balance_loss(routed: list[Tensor], chosen: int) -> Tensor:
    """Return experts * sum over experts of (share of tokens sent there) * (mean probability).

    ``routed`` holds the router's probabilities (tokens, experts) of every layer. The least value,
    reached with an even load, is ``chosen``.
    """
    probabilities = torch.cat(routed)
    places = probabilities.topk(chosen, dim=-1).indices
    sent = functional.one_hot(places, probabilities.shape[1]).float().mean(0)
    return (sent * probabilities.mean(0)).sum() * probabilities.shape[1]
