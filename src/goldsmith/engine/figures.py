"""What the engine counts about itself, for whoever wants to show it. No clock, no network."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

#: Upper edges in seconds.
FIRST_TOKEN_EDGES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
TOKEN_EDGES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Histogram:
    """Counts of values at or below each edge, and beyond the last."""

    def __init__(self, edges: tuple[float, ...]) -> None:
        self.edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.edges, value)] += 1
        self.total += value


@dataclass
class Figures:
    """Counters only ever grow; ``running`` and ``waiting`` are of this moment."""

    running: int = 0
    waiting: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    finished: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("stop", "length", "abort", "error"), 0)
    )
    first_token_seconds: Histogram = field(default_factory=lambda: Histogram(FIRST_TOKEN_EDGES))
    token_seconds: Histogram = field(default_factory=lambda: Histogram(TOKEN_EDGES))
