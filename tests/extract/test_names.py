"""Names of glyphs are believed where the glyphs look like them, and nowhere else."""

from __future__ import annotations

import unicodedata

import numpy as np
import pypdfium2
import pytest
from conftest import Extract
from hypothesis import given, settings
from hypothesis import strategies as st
from named import Change, adobe, named_pdf, outlines, type1
from test_repair import permutation

from goldsmith.extract.files import PDF
from goldsmith.extract.glyphs import CHARACTERS, NUMBER
from goldsmith.extract.hints import BORNE_OUT, weigh
from goldsmith.extract.marks import read_marks
from goldsmith.extract.names import Names, program_characters
from goldsmith.extract.opened import OpenPages

TEXT = (
    "In 1984 the bridge across the northern channel was closed for repairs, and\n"
    "every boat had to wait until the evening tide. Fishermen complained to the\n"
    "harbour office; nobody answered. In the winter of the great storm three\n"
    "vessels were lost within sight of the shore."
)
RUSSIAN = (
    "В деревне у реки стоял старый дом, и хозяин его каждое утро выходил на\n"
    "берег. Он смотрел, как туман поднимается над водой, и слушал, как кричат\n"
    "птицы. Соседи говорили, что он никогда не отвечал на вопросы."
)
TWINS = dict(zip("АВЕКМНОРСТХаеорсух", "ABEKMHOPCTXaeopcyx", strict=True))
NAMES = ["space", "a", "fi", "g23", "afii10017", "uni010D", "A.sc"]


def fresh(extract: Extract, content: bytes) -> tuple[str, set[str], list[float]]:
    """Text, engines and confidences of the lines that stand."""
    rows = [row for row in extract(content, PDF)["lines"].to_pylist() if not row["replaced"]]
    text = "\n".join(row["text"] for row in rows)
    return text, {row["engine"] for row in rows}, [row["confidence"] for row in rows]


def test_right_names_are_believed(extract: Extract) -> None:
    text, engines, sure = fresh(extract, named_pdf(TEXT, adobe, permutation(1)))
    assert (text, engines) == (TEXT, {"names"})
    assert min(sure) > 0.9


@pytest.mark.parametrize(
    "name",
    [lambda c: f"g{ord(c)}", lambda c: adobe(permutation(7)(c))],
    ids=["meaningless", "permuted"],
)
def test_wrong_names_are_not_believed(extract: Extract, name: Change) -> None:
    text, engines, _ = fresh(extract, named_pdf(TEXT, name, permutation(1)))
    assert engines == {"glyphs"}
    assert text == TEXT


def test_a_sound_map_is_not_asked_about_names(extract: Extract) -> None:
    content = named_pdf(TEXT, lambda c: adobe(permutation(7)(c)), str)
    assert fresh(extract, content)[:2] == (TEXT, {"pdfium"})


def test_letters_beyond_the_alphabet_are_known_by_name(extract: Extract) -> None:
    words = TEXT.replace("channel", "čhannel").replace("great", "greąt").replace("boat", "bożat")
    odd = dict(zip("čąż", "§©¶", strict=True))
    content = named_pdf(
        words,
        adobe,
        lambda c: odd.get(c, permutation(1)(c)),
        lambda c: unicodedata.normalize("NFKD", c)[0],
    )
    assert fresh(extract, content)[:2] == (words, {"names"})


def test_cyrillic_under_a_latin_map_is_known_by_name(extract: Extract) -> None:
    content = named_pdf(
        RUSSIAN,
        adobe,
        lambda c: c.encode("cp1251").decode("latin-1"),
        lambda c: c if c.isascii() else TWINS.get(c, "w"),
    )
    text, engines, sure = fresh(extract, content)
    assert (text, engines) == (RUSSIAN, {"names"})
    assert min(sure) > 0.9


def test_names_are_told_apart_from_bare_codes() -> None:
    content = named_pdf("aefgh", lambda c: {"g": "g1", "h": "uniE000"}.get(c, c), permutation(1))
    opened = OpenPages(pypdfium2.PdfDocument(content))
    page = opened.page(1)
    assert page is not None
    marks = read_marks(page.text)
    keys = {(marks.fonts[f], int(c)) for f, c in zip(marks.font, marks.code, strict=True)}
    names = Names()
    names.take(opened.document, page, keys)
    said = {ord(permutation(1)(c)): c for c in "aef"}
    assert {code: text for (_, code), text in names.encoded().items()} == said
    assert names.met == keys
    assert names.divided() == {}
    opened.close()


def test_a_code_of_two_glyphs_is_noticed() -> None:
    content = named_pdf("aaaef", adobe, lambda c: {"e": "z", "f": "y"}.get(c, "z"))
    opened = OpenPages(pypdfium2.PdfDocument(content))
    page = opened.page(1)
    assert page is not None
    marks = read_marks(page.text)
    names = Names()
    names.take(opened.document, page, {(marks.fonts[0], ord("z")), (marks.fonts[0], ord("y"))})
    assert names.divided() == {(marks.fonts[0], ord("z")): 0.75}
    assert set(names.encoded().values()) == {"f"}
    opened.close()


def program() -> bytes:
    return b"".join(type1(NAMES, outlines(["a"] * len(NAMES))))


def test_a_program_tells_its_characters_by_name() -> None:
    found = program_characters(program(), list(range(20)))
    assert found == {1: " ", 2: "a", 3: "fi", 5: "А", 6: "č", 7: "A"}
    assert program_characters(b"", [1]) == {}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.floats(0.1, 1.0))
def test_a_broken_program_has_no_names_or_some(seed: int, changes: int, kept: float) -> None:
    whole = bytearray(program())
    chance = np.random.default_rng(seed)
    for place in chance.integers(0, len(whole), changes).tolist():
        whole[place] = int(chance.integers(256))
    found = program_characters(bytes(whole[: int(len(whole) * kept)]), list(range(9)))
    assert all(0 <= glyph < 9 and text for glyph, text in found.items())


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_program_has_no_names(content: bytes) -> None:
    assert program_characters(content, [0, 1, 2]) == {}


def seen(letters: str) -> np.ndarray:
    """Looks of glyphs that look like these letters, and a little like some signs."""
    looks = np.full((len(letters), len(CHARACTERS)), -12.0, np.float32)
    looks[:, [NUMBER[c] for c in "@#$%&"]] = -5.0
    looks[np.arange(len(letters)), [NUMBER[c] for c in letters]] = -0.1
    return looks


@pytest.mark.parametrize(
    ("named", "believed"), [("nortesi", True), ("nortesx", True), ("ortesin", False)]
)
def test_names_weigh_by_what_the_font_shows(named: str, believed: bool) -> None:
    """One rare letter that looks otherwise is left to the solver; a permuted font is not."""
    letters = "nortesi"
    keys = [("A", k) for k in range(7)]
    occurs = np.array([9, 9, 9, 9, 9, 9, 1])
    reading = dict(zip(keys, named, strict=True))
    hints = weigh(keys, np.zeros(7, np.int64), occurs, seen(letters), [{}, reading])
    assert hints.fonts == ({0} if believed else set())
    assert hints.weighed == tuple(
        (k, NUMBER[c], BORNE_OUT) for k, c in enumerate(named) if believed
    )
