"""What is flagged as damaged text, and what must not be."""

from __future__ import annotations

import random
import string

import pytest

from goldsmith.extract.damage import THRESHOLD, damage, likeness, not_text

SOUND = {
    "english": "It was the best of times, it was the worst of times, it was the age of wisdom, "
    "it was the age of foolishness, it was the epoch of belief and of incredulity.",
    "german": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit "
    "Vernunft und Gewissen begabt und sollen einander im Geist der Brüderlichkeit begegnen.",
    "french": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont "
    "doués de raison et de conscience et doivent agir dans un esprit de fraternité.",
    "spanish": "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados "
    "como están de razón y conciencia, deben comportarse fraternalmente los unos con los otros.",
    "numbers": "\n".join(f"{i}.{i * 7 % 100:02d}  {i * i}  {i / 3:.4f}" for i in range(60)),
    "code": "def read(path):\n    for line in open(path, encoding='utf-8'):\n"
    "        if not line.startswith('#'):\n            yield parse(line.rstrip().split(',')[0])\n"
    "class Parser(Base):\n    def __init__(self, stream, buffer_size=4096): self.stream = stream",
    "formula": "∫ f(x)dx = F(b) − F(a), ∀ε > 0 ∃δ: |x − y| < δ ⇒ |f(x) − f(y)| < ε, λ₁ ≤ λ₂",
    "greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "chinese": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
}
LANGUAGES = ("english", "german", "french", "spanish")


def permuted(text: str, seed: int) -> str:
    letters = list(string.ascii_lowercase)
    random.Random(seed).shuffle(letters)
    table = "".join(letters)
    return text.translate(str.maketrans(string.ascii_letters, table + table.upper()))


@pytest.mark.parametrize("name", SOUND)
def test_language_numbers_code_and_formulas_are_sound(name: str) -> None:
    assert damage([("F", SOUND[name])]) == 0.0


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("seed", range(8))
def test_permuted_letters_are_damaged(name: str, seed: int) -> None:
    assert damage([("F", permuted(SOUND[name], seed))]) > 0.7


@pytest.mark.parametrize("shift", [1, 3, 13, 29])
def test_shifted_codes_are_damaged(shift: int) -> None:
    moved = "".join(chr(ord(c) - shift) if c.isalpha() else c for c in SOUND["english"] * 5)
    assert damage([("F", moved)]) > 0.4


def test_only_the_damaged_font_counts() -> None:
    pieces = [("Good", SOUND["english"]), ("Bad", permuted(SOUND["english"], 1))]
    assert 0.3 < damage(pieces) < 0.6


def test_characters_that_are_no_text() -> None:
    assert not_text("a\ufffdb\ue000\x03 \t") == 3
    assert not_text("naïve — ﬁne 漢") == 0
    assert damage([("F", "\ufffd" * 90 + "a" * 10)]) == pytest.approx(0.9)
    assert damage([]) == 0.0


def test_too_little_text_is_not_judged() -> None:
    assert likeness("Xqzjw kfvbp") == 0.0
    assert 0.0 > likeness(SOUND["english"]) > THRESHOLD
