"""Two tokenizers side by side on the same texts: figures, the words they cut, and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from goldsmith.tokenizers.extension import domain_words
from goldsmith.tokenizers.figures import measure
from goldsmith.tokenizers.tokenizer import Tokenizer

_WIDTH, _LINE, _WORDS = 960, 24, 12
#: Figures that are drawn, and what they are called.
_DRAWN = {
    "tokens_per_word": "tokens a word",
    "characters_per_token": "characters a token",
    "whole_words": "words that are one token",
    "pieces_per_domain_word": "pieces a domain word",
    "coverage": "words without an unknown piece",
    "round_trip": "texts that come back",
}


@dataclass(frozen=True)
class Comparison:
    """Figures of two tokenizers (see `measure`) and the pieces of domain words under each."""

    names: tuple[str, str]
    figures: tuple[dict[str, float], dict[str, float]]
    words: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]


def compare(
    one: Tokenizer,
    other: Tokenizer,
    texts: Sequence[str],
    names: tuple[str, str] = ("one", "other"),
) -> Comparison:
    """Measure both on the texts. Domain words are those that either cuts most often."""
    chosen = (domain_words(texts, each, _WORDS) for each in (one, other))
    words = sorted({word for each in chosen for word in each})
    figures = tuple(measure(each, texts, words) for each in (one, other))
    cut = tuple((word, pieces(one, word), pieces(other, word)) for word in words)
    return Comparison(names, (figures[0], figures[1]), cut)


def pieces(tokenizer: Tokenizer, word: str) -> tuple[str, ...]:
    """Return the texts of a word's tokens as they stand after a space."""
    return tuple(tokenizer.decode([number]) for number in tokenizer.encode(f" {word}"))


def picture(comparison: Comparison) -> str:
    """Draw the comparison as SVG in the classes of the report's pictures.

    A bar's length is its share of the larger of the two figures.
    """
    parts = [
        _text(250, 18, comparison.names[0], "kept"),
        _text(430, 18, comparison.names[1], "removed"),
    ]
    y = 34
    for key, title in _DRAWN.items():
        pair = [figures.get(key, 1.0) for figures in comparison.figures]
        parts.append(_text(10, y + 14, title))
        for place, (value, kind) in enumerate(zip(pair, ("kept", "removed"), strict=True)):
            x = 250 + 180 * place
            wide = 100 * value / max(*pair, 1e-9)
            parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{wide:.1f}" height="16"/>')
            parts.append(_text(x + 106, y + 13, f"{value:.3g}", "number"))
        y += _LINE
    for word, *cuts in comparison.words:
        parts.append(_text(10, y + 14, word))
        for place, cut in enumerate(cuts):
            parts.append(_text(250 + 360 * place, y + 14, "|".join(cut), "number"))
        y += _LINE
    title = f"Tokenizers {comparison.names[0]} and {comparison.names[1]} side by side"
    return (
        f'<svg class="figure" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 6}" '
        f'role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )


def _text(x: float, y: float, text: str, kind: str = "label") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(text)}</text>'
