"""Weights in the dtype that computes, held once, and float32 masters where an optimizer moves them.

In bfloat16 a module's parameters are bfloat16; the masters of trainable ones lie beside them, take
up gradients as they appear (so bfloat16 gradients of the whole model never exist together, and
accumulating over micro-batches rounds nothing away), and are put in place of the parameters for
validation and at the end, because they are what is published.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Weights:
    """The two faces of a model's parameters: computing and published."""

    def __init__(self, model: nn.Module, dtype: torch.dtype) -> None:
        self.model = model
        self.parameters = {n: p for n, p in model.named_parameters() if p.is_floating_point()}
        self.wide = {n: p.detach() for n, p in self.parameters.items()}
        self.split = dtype != torch.float32
        trained = {n: p for n, p in self.parameters.items() if p.requires_grad}
        self.masters: dict[str, Tensor] = {}
        self.hooks: list[torch.utils.hooks.RemovableHandle] = []
        self.room: dict[str, Tensor] = {}
        for name, parameter in trained.items():
            if not self.split:
                self.masters[name] = parameter
                continue
            master = self.wide[name] = parameter.detach().float().clone()
            self.masters[name] = master

            def collect(computed: Tensor, master: Tensor = master, name: str = name) -> None:
                if computed.grad is None:
                    return
                if master.grad is not None:
                    master.grad.add_(computed.grad)
                else:
                    master.grad = self._room(name, master).copy_(computed.grad)
                computed.grad = None

            hook = parameter.register_post_accumulate_grad_hook(collect)  # type: ignore[no-untyped-call]
            self.hooks.append(hook)
        if self.split:
            self.narrow = {n: p.detach().to(dtype) for n, p in self.parameters.items()}
            self._place(self.narrow)

    def refresh(self) -> None:
        """Bring the computing weights up to the masters."""
        if self.split:
            with torch.no_grad():
                for name, master in self.masters.items():
                    self.narrow[name].copy_(master)

    def drop_gradients(self) -> None:
        for master in self.masters.values():
            master.grad = None

    def _room(self, name: str, master: Tensor) -> Tensor:
        """Memory for a gradient, kept from step to step: fresh pages cost more than the copy."""
        if name not in self.room:
            self.room[name] = torch.empty_like(master)
        return self.room[name]

    @contextmanager
    def published(self, other: dict[str, Tensor] | None = None) -> Iterator[None]:
        """Let the model hold the float32 weights inside (those of ``other`` where it has them)."""
        if not self.split and other is None:
            yield
            return
        before = {n: p.data for n, p in self.parameters.items()}
        self._place(self.wide | (other or {}))
        try:
            yield
        finally:
            self._place(before)

    def finish(self, best: dict[str, Tensor] | None) -> None:
        """Leave the published weights in the model, ``best`` where given."""
        for hook in self.hooks:
            hook.remove()
        self.drop_gradients()
        self.room.clear()
        self._place(self.wide)
        with torch.no_grad():
            for name, tensor in (best or {}).items():
                self.parameters[name].copy_(tensor)

    def _place(self, tensors: dict[str, Tensor]) -> None:
        for name, tensor in tensors.items():
            self.parameters[name].data = tensor
