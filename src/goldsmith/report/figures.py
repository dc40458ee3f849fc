"""The report's pictures as inline SVG: the flow of characters, curves, intervals.

Colours come from CSS variables of the page, so that pictures follow its light and dark themes.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from goldsmith.report.contents import Curve
from goldsmith.review import Point

_WIDTH = 960


def flow(total: int, losses: Sequence[tuple[str, str, int]]) -> str:
    """Draw characters flowing from input to gold; each loss (stage, rule, count) leaves downwards.

    Widths of bands are true to scale; a band thinner than a hairline is drawn as one.
    """
    height, band = 330, 150.0
    left, right = 120, _WIDTH - 130
    scale = band / max(total, 1)
    shown = [loss for loss in losses if loss[2] > 0]
    step = (right - left) / (len(shown) + 1)
    parts, rest, top = [], total, 40.0
    x = float(left)
    for number, (stage, rule, count) in enumerate(shown):
        end = left + step * (number + 1)
        parts.append(_rectangle(x, top, end - x, rest * scale, "kept"))
        wide = max(count * scale, 0.8)
        bottom = top + rest * scale
        low = 222 + 34 * (number % 2)
        kind = "merged" if stage == "deduplicate" else "removed"
        title = f"<title>{escape(stage)}: {escape(rule)} {count:,}</title>"
        parts.append(
            f'<path class="{kind}" d="M{end:.1f},{bottom - wide:.1f} h{wide:.1f} '
            f'V{low} h{-wide:.1f} Z">{title}</path>'
        )
        parts.append(_text(end + wide / 2, low + 14, rule, "middle", "label"))
        parts.append(_text(end + wide / 2, low + 27, f"{count:,}", "middle", "number"))
        rest -= count
        x = end
    parts.append(_rectangle(x, top, right - x, rest * scale, "kept"))
    middle = top + band / 2
    parts.append(_text(left - 10, middle - 4, "input", "end", "label"))
    parts.append(_text(left - 10, middle + 12, f"{total:,}", "end", "number"))
    kept = top + rest * scale / 2
    parts.append(_text(right + 10, kept - 4, "gold", "start", "label"))
    parts.append(_text(right + 10, kept + 12, f"{rest:,}", "start", "number"))
    return _svg(height, "Characters from input to gold", parts)


def curves(curve: Curve) -> str:
    """Draw training and validation loss over steps, with axes."""
    if not curve.steps:
        return ""
    height, left, right, top, bottom = 260, 56, _WIDTH - 24, 16, 224
    values = [*curve.loss, *(value for _, value in curve.validation)]
    low, high = min(values), max(values)
    low, high = low - 0.05 * (high - low) - 1e-6, high + 0.05 * (high - low) + 1e-6
    last = max(max(curve.steps), 1)

    def point(step: float, value: float) -> str:
        x = left + (right - left) * step / last
        y = top + (bottom - top) * (high - value) / (high - low)
        return f"{x:.1f},{y:.1f}"

    parts = []
    for tick in range(5):
        value = low + (high - low) * tick / 4
        y = float(point(0, value).split(",")[1])
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 6, y + 4, f"{value:.2f}", "end", "number"))
        at = last * tick / 4
        x = float(point(at, low).split(",")[0])
        parts.append(_text(x, bottom + 18, f"{at:.0f}", "middle", "number"))
    parts.append(
        _line([point(s, v) for s, v in zip(curve.steps, curve.loss, strict=True)], "train")
    )
    if curve.validation:
        parts.append(_line([point(s, v) for s, v in curve.validation], "held"))
        best = min(curve.validation, key=lambda pair: (pair[1], pair[0]))
        x, y = map(float, point(*best).split(","))
        parts.append(f'<circle class="held" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
        side, away = ("end", -8) if x > _WIDTH / 2 else ("start", 8)
        label = f"best {best[1]:.3f} at step {best[0]}"
        parts.append(_text(x + away, y - 8, label, side, "label"))
    return _svg(height, f"{curve.title}: loss over steps", parts)


def label_curves(points: Sequence[Point], heuristic: float | None) -> str:
    """Draw F1 over labels for both arms, and the heuristic as a level line."""
    if not points:
        return ""
    height, left, right, top, bottom = 260, 56, _WIDTH - 150, 16, 224
    last = max(point.labels for point in points)

    def place(labels: float, value: float) -> tuple[float, float]:
        return left + (right - left) * labels / last, top + (bottom - top) * (1 - value)

    parts = []
    for tick in range(5):
        y = place(0, tick / 4)[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 6, y + 4, f"{tick / 4:.2f}", "end", "number"))
        x = place(last * tick / 4, 0)[0]
        parts.append(_text(x, bottom + 18, f"{last * tick / 4:.0f}", "middle", "number"))
    ends: list[tuple[float, float, str]] = []
    if heuristic is not None:
        y = place(0, heuristic)[1]
        parts.append(f'<line class="level" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        ends.append((y, right, f"heuristic {heuristic:.3f}"))
    for arm, kind in (("random", "train"), ("active", "held")):
        mine = sorted((point.labels, point.f1) for point in points if point.arm == arm)
        if not mine:
            continue
        places = [place(*pair) for pair in mine]
        parts.append(_line([f"{x:.1f},{y:.1f}" for x, y in places], kind))
        x, y = places[-1]
        shape = "held" if arm == "active" else "chance"
        parts.append(f'<circle class="{shape}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
        ends.append((y, x, f"{arm} {mine[-1][1]:.3f}"))
    below = -1e9
    for y, x, label in sorted(ends):  # names beside the ends of their lines, never over another
        below = max(y + 4, below + 15)
        parts.append(_text(max(x, right) + 10, below, label, "start", "label"))
    return _svg(height, "F1 of garbage over labels, by arm", parts)


def interval(value: float, low: float, high: float) -> str:
    """Draw a score of 0..1 with its interval on a short scale."""
    width, height = 180, 18

    def x(share: float) -> float:
        return 4 + (width - 8) * min(max(share, 0.0), 1.0)

    return (
        f'<svg class="interval" width="{width}" height="{height}" role="img" '
        f'aria-label="{low:.3f} to {high:.3f}">'
        f'<line class="grid" x1="4" x2="{width - 4}" y1="9" y2="9"/>'
        f'<line class="range" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="9" y2="9"/>'
        f'<circle class="point" cx="{x(value):.1f}" cy="9" r="4"/></svg>'
    )


def shares(kept: int, removed: int, merged: int) -> str:
    """Draw where a document's characters went, as one thin bar."""
    total = max(kept + removed + merged, 1)
    parts, x = [], 0.0
    for count, kind in ((kept, "kept"), (removed, "removed"), (merged, "merged")):
        wide = 160 * count / total
        parts.append(_rectangle(x, 2, wide, 10, kind))
        x += wide
    return f'<svg class="shares" width="160" height="14" aria-hidden="true">{"".join(parts)}</svg>'


def _svg(height: int, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="figure" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def _rectangle(x: float, y: float, width: float, height: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" '
        f'height="{max(height, 0):.1f}"/>'
    )


def _line(points: Sequence[str], kind: str) -> str:
    return f'<polyline class="curve {kind}" points="{" ".join(points)}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )
