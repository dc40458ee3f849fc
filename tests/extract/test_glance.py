"""The first look at doubted fonts: sound ones are cleared, damaged ones are not."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pypdfium2
import pytest
from conftest import Extract, Typeset, texts
from test_repair import PAGE, TEXT, permutation, remapped

from goldsmith.extract.files import PDF
from goldsmith.extract.glance import is_lost, sound, spread
from goldsmith.extract.opened import OpenPages
from goldsmith.extract.pdf import _text_layers
from goldsmith.extract.repair import Run


@contextmanager
def opened(content: bytes) -> Iterator[tuple[OpenPages, list[Run]]]:
    """The loaded pages of a PDF, and what each font says on each of them."""
    document = pypdfium2.PdfDocument(content)
    pages = OpenPages(document)
    runs: list[Run] = []
    for number in range(1, len(document) + 1):
        page = pages.page(number)
        assert page
        _text_layers([page], runs)
        pages.release(number)
    yield pages, runs
    pages.close()
    document.close()


def test_a_font_is_sound_until_its_codes_are_changed(typeset: Typeset) -> None:
    content = typeset(PAGE + TEXT)
    for one, expected in ((content, True), (remapped(content, permutation(3)), False)):
        with opened(one) as (pages, runs):
            fonts = {font for _, font, _ in runs}
            assert (sound(pages, runs, fonts) == fonts) is expected


def test_only_the_changed_font_stays_in_doubt(typeset: Typeset) -> None:
    content = typeset(PAGE + TEXT + f"\n\n#strong[{TEXT}]")
    with opened(remapped(content, permutation(4), only="Bold")) as (pages, runs):
        fonts = {font for _, font, _ in runs}
        bold = {font for font in fonts if "Bold" in font}
        assert bold
        assert sound(pages, runs, fonts) == fonts - bold


def test_pages_beyond_a_batch_come_in_order(typeset: Typeset, extract: Extract) -> None:
    body = "\n#pagebreak()\n".join(f"Page {number} of the book" for number in range(1, 24))
    tables = extract(typeset(PAGE + body), PDF)
    assert tables["lines"]["page"].to_pylist() == list(range(1, 24))
    assert texts(tables) == [f"Page {number} of the book" for number in range(1, 24)]


@pytest.mark.parametrize("searching", [True, False])
def test_the_search_for_garbage_is_as_it_was(
    typeset: Typeset, extract: Extract, searching: bool
) -> None:
    content, before = typeset(PAGE + TEXT), gc.isenabled()
    (gc.enable if searching else gc.disable)()
    try:
        extract(content, PDF)
        assert gc.isenabled() is searching
    finally:
        (gc.enable if before else gc.disable)()


def test_places_are_spread_evenly() -> None:
    assert spread(3, 5) == [0, 1, 2]
    assert spread(10, 5) == [0, 2, 4, 6, 8]
    assert spread(0, 5) == []


def test_language_is_not_lost() -> None:
    assert not is_lost(TEXT)
    assert is_lost("\ufffd\x01\x02" * 40)
