"""Damaged text layers are deciphered; sound ones, whatever they hold, are left alone."""

from __future__ import annotations

import io
import random
import re
import string
from collections.abc import Callable

import numpy as np
import pytest
from conftest import WORDS, Extract, Typeset, texts
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.extract import decipher, repair
from goldsmith.extract.damage import suspects
from goldsmith.extract.decipher import Cipher, solve
from goldsmith.extract.files import PDF
from goldsmith.extract.glyphs import CHARACTERS, NUMBER, looks_like
from goldsmith.extract.language import LETTERS, score, tables, triples
from goldsmith.extract.marks import MEASURES, SIDE

PAGE = "#set page(width: 340pt, height: 260pt, margin: 20pt)\n#set text(size: 10pt)\n"
TEXT = (
    "In 1984 the bridge across the northern channel was closed for repairs, and every boat had to "
    "wait until the evening tide. Fishermen complained to the harbour office; nobody answered."
)
MORE = (
    " The old keeper of the lighthouse had written every passing ship into a long grey book, and "
    "when the company asked for it he would not give it away. People said that he knew the weather "
    "better than any instrument; still, nobody came to ask him in the winter of the great storm, "
    "when three vessels were lost within sight of the shore."
)
Change = Callable[[str], str]


def remapped(content: bytes, change: Change | None, only: str = "") -> bytes:
    """The PDF with the characters of its ToUnicode maps changed, or without the maps."""
    pypdf = pytest.importorskip("pypdf", reason="pypdf is not installed")
    writer = pypdf.PdfWriter(io.BytesIO(content))

    def one(match: re.Match[bytes]) -> bytes:
        assert change is not None
        text = bytes.fromhex(match[2].decode()).decode("utf-16-be")
        moved = "".join(change(c) for c in text).encode("utf-16-be").hex().upper()
        return b"<" + match[1] + b"> <" + moved.encode() + b">"

    for thing in writer._objects:
        if isinstance(thing, pypdf.generic.DictionaryObject) and "/ToUnicode" in thing:
            if only not in str(thing["/BaseFont"]):
                continue
            if change is None:
                del thing["/ToUnicode"]
            else:
                stream = thing["/ToUnicode"].get_object()
                pattern = rb"(?m)^<([0-9A-Fa-f]+)> <([0-9A-Fa-f]+)>$"
                stream.set_data(re.sub(pattern, one, stream.get_data()))
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def permutation(seed: int) -> Change:
    letters = list(string.ascii_letters + string.digits + ".,;")
    table = dict(zip(letters, random.Random(seed).sample(letters, len(letters)), strict=True))
    return lambda c: table.get(c, c)


def shifted(c: str) -> str:
    return c if c == " " else chr(ord(c) + 3)


CHANGES: dict[str, Change | None] = {
    "shift": shifted,
    "permutation": permutation(1),
    "no map": None,
}


@pytest.mark.parametrize("name", CHANGES)
def test_damaged_text_is_deciphered_and_the_raw_lines_stay(
    typeset: Typeset, extract: Extract, name: str
) -> None:
    sound = typeset(PAGE + TEXT)
    before = extract(sound, PDF)
    tables = extract(remapped(sound, CHANGES[name]), PDF)
    rows = tables["lines"].to_pylist()
    fresh = [row for row in rows if not row["replaced"]]
    assert [row["text"] for row in fresh] == texts(before)
    assert {row["engine"] for row in fresh} == {"shift" if name == "shift" else "glyphs"}
    assert all(0.6 <= row["confidence"] <= 1.0 for row in fresh)
    (page,) = tables["pages"].to_pylist()
    assert page["route"] == "deciphered"
    assert page["damage"] > 0.5
    for old, new in zip(rows[::2], rows[1::2], strict=True):
        assert old["replaced"]
        assert not new["replaced"]
        for column in ("x0", "y0", "x1", "y1", "block", "font", "size"):
            assert old[column] == new[column]


def test_only_the_damaged_font_changes(typeset: Typeset, extract: Extract) -> None:
    sound = typeset(PAGE + TEXT + f"\n\n#strong[{TEXT}]")
    rows = extract(remapped(sound, permutation(4), only="Bold"), PDF)["lines"].to_pylist()
    for row in rows:
        damaged = row["engine"] != "pdfium" or row["replaced"]
        assert damaged == (row["weight"] == 700)
    fresh = [row["text"] for row in rows if not row["replaced"]]
    assert fresh == texts(extract(sound, PDF))


@pytest.mark.parametrize(
    "body",
    [
        "$ integral_0^1 f(x) dif x = sum_(k=1)^n alpha_k beta^k $ " * 4,
        "#table(columns: 4, " + ", ".join(f"[{k * 37 % 101}.{k}]" for k in range(40)) + ")",
        '#raw("def f(x1, y2): return {k: v for k, v in x1.items() if v != y2[0]}\\n")' * 5,
        f"#upper[{TEXT}]",
        "S. Kowalczyk, Nguyen T., Q. Wright, J. Vasquez, P. Schwarz, B. Obihle, K. Jörgen " * 3,
    ],
    ids=["formulas", "numbers", "code", "upper case", "names"],
)
def test_sound_pages_are_left_alone(typeset: Typeset, extract: Extract, body: str) -> None:
    tables = extract(typeset(PAGE + body), PDF)
    assert set(tables["lines"]["engine"].to_pylist()) == {"pdfium"}
    assert tables["pages"]["damage"].to_pylist() == [0.0]


def test_short_runs_are_suspected_in_their_font_alone() -> None:
    bad = "".join(permutation(2)(c) for c in "the northern channel was closed")
    found = suspects([("Good", TEXT), ("Bad", bad)])
    assert found["Bad"] >= 0.5 > found["Good"]


def test_language_is_more_probable_than_its_permutation() -> None:
    for text in (
        TEXT,
        "Die Brücke wurde für Reparaturen geschlossen, und jedes Boot musste warten.",
    ):
        assert score(text) > score("".join(permutation(3)(c) for c in text)) + 1.0
    letters, cases = tables()
    assert np.allclose(np.exp(letters.astype(np.float32)).sum(axis=-1), 1.0, atol=0.02)
    assert np.allclose(np.exp(cases).sum(axis=-1), 1.0, atol=0.02)
    assert triples().shape == (len(LETTERS),) * 3


@given(st.integers(0, 2**32 - 1))
def test_looks_are_probabilities_and_no_ink_is_a_space(seed: int) -> None:
    pictures = np.random.default_rng(seed).random((3, SIDE * SIDE + MEASURES)).astype(np.float32)
    pictures[1, : SIDE * SIDE] = 0
    looks = looks_like(pictures)
    assert CHARACTERS[int(looks[1].argmax())] == " "
    assert np.allclose(np.exp(looks[[0, 2]]).sum(axis=1), 1.0, atol=1e-3)


def test_a_cipher_without_glyphs_is_solved_by_language(monkeypatch: pytest.MonkeyPatch) -> None:
    text = " ".join((TEXT + WORDS + MORE).lower().split())
    text = "".join(c if c.isalpha() else " " for c in text)
    used = sorted(set(text) - {" "})
    codes = random.Random(5).sample([ord(c) for c in string.ascii_lowercase], len(used))
    symbol = {c: k + 1 for k, c in enumerate(used)}
    cipher = Cipher(
        text=np.array([symbol.get(c, 0) for c in text]),
        known=np.array([NUMBER[" "]] + [-1] * len(used)),
        font=np.zeros(len(used) + 1, np.int64),
        code=np.array([32, *codes]),
        looks=np.zeros((len(used) + 1, len(CHARACTERS)), np.float32),
    )
    monkeypatch.setattr(decipher, "_CLAIM", 0.0)
    solution = solve(cipher)
    assert solution.route == {0: "substitution"}
    read = "".join(CHARACTERS[k] for k in solution.character[cipher.text])
    right = sum(a == b for a, b in zip(read.lower(), text, strict=True)) / len(text)
    assert right > 0.6
    again = solve(cipher)
    assert np.array_equal(solution.character, again.character)


def test_signs_that_stand_alone_are_no_words() -> None:
    """A formula font lends one sign after a letter of another font; words stand together."""
    blank = np.zeros((3, len(CHARACTERS)), np.float32)
    known, code = np.array([NUMBER["a"], -1, -1]), np.array([97, 2, 3])
    lent = Cipher(np.array([0, 1, 0, 0, 2, 0]), known, np.array([0, 1, 1]), code, blank)
    words = Cipher(np.array([1, 2, 1, 0, 2, 1]), known, np.array([0, 1, 1]), code, blank)
    assert repair._together(lent, 1) == 0.0
    assert repair._together(words, 1) == 1.0
