"""What is held out: whole sections, by the hash of their id, the same everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def held_out(sections: Iterable[str], share: float, seed: int) -> frozenset[str]:
    """Return about ``share`` of the sections: those whose hash is lowest.

    A section stays on its side when others come or go, but for the border itself. With a share
    above 0 and two sections or more, at least one is held out and at least one is not.
    """
    ranked = sorted(set(sections), key=lambda section: _place(section, seed))
    if share <= 0 or len(ranked) < 2:
        return frozenset()
    chosen = [section for section in ranked if falls_below(section, share, seed)]
    count = min(max(len(chosen), 1), len(ranked) - 1)
    return frozenset(ranked[:count])


def falls_below(name: str, share: float, seed: int) -> bool:
    """Whether a name is among the ``share`` of all names with the lowest hashes."""
    return _place(name, seed) < share


def _place(section: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}:{section}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
