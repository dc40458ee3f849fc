"""The web pages over plain HTTP: what a reader without JavaScript gets, and what nobody gets."""

from __future__ import annotations

import html
import io
from urllib.parse import quote

import pytest
from PIL import Image

from goldsmith.lake.ids import content_id
from goldsmith.server import library as library_module
from goldsmith.server.library import Library, MissingDocumentError

from .parts import HEIGHT, MARKDOWN, MARKDOWN_ID, PDF, PDF_ID, WIDTH, tables
from .test_robust import send


def page(address: str, path: str) -> tuple[int, str]:
    status, _, data = send(address, "GET", path)
    return status, html.unescape(data.decode())


def test_home_asks(address):
    status, text = page(address, "/")
    assert status == 200
    assert '<form class="ask" action="/ask" method="get"' in text
    assert "3 documents" in text


def test_an_answer_without_javascript(address):
    status, text = page(address, "/ask?q=" + quote("Who rebuilt the water wheel?"))
    assert status == 200
    assert PDF[1] in text
    assert f'src="/pages/{PDF_ID}/1.png"' in text
    assert f'<svg viewBox="0 0 {WIDTH}.0 {HEIGHT}.0"' in text
    assert text.count("<rect") >= 1


def test_a_posted_form_is_the_same(address):
    body = ("q=" + quote("Who rebuilt the water wheel?")).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, data = send(address, "POST", "/ask", body, headers)
    assert status == 200
    assert PDF[1] in html.unescape(data.decode())


def test_text_documents_show_the_cited_passage(address):
    _, text = page(address, "/ask?q=" + quote("When does the beekeeper inspect the hives?"))
    assert f"<mark>{MARKDOWN[1]}</mark>" in text
    assert MARKDOWN[0] in text
    assert f"/pages/{MARKDOWN_ID}" not in text


def test_a_refusal_is_said_plainly(address):
    status, text = page(address, "/ask?q=zyzzyva")
    assert status == 200
    assert "The documents do not answer this question." in text
    assert "<figure" not in text


def test_an_empty_question_goes_home(address):
    status, headers, _ = send(address, "GET", "/ask?q=%20")
    assert status == 303
    assert headers["Location"] == "/"


def test_text_from_outside_is_escaped(address):
    attack = "<script>alert(1)</script> water wheel"
    status, _, data = send(address, "GET", "/ask?q=" + quote(attack))
    assert status == 200
    assert b"<script>alert" not in data
    data = send(address, "GET", "/ask?q=" + quote("Who rebuilt the water wheel?"))[2]
    assert b"The mill &lt;at&gt; Holm" in data


def test_pages_load_nothing_from_elsewhere(address):
    for path in ("/", "/ask?q=mill", "/static/style.css", "/static/ask.js"):
        status, headers, data = send(address, "GET", path)
        assert status == 200
        text = data.decode().replace('xmlns="http://www.w3.org', "")
        assert "http://" not in text
        assert "https://" not in text
        assert headers["Content-Security-Policy"].startswith("default-src 'self'")


def test_a_page_picture(address):
    status, headers, data = send(address, "GET", f"/pages/{PDF_ID}/1.png")
    assert status == 200
    assert headers["Content-Type"] == "image/png"
    picture = Image.open(io.BytesIO(data))
    assert picture.width / picture.height == pytest.approx(WIDTH / HEIGHT, abs=0.01)
    assert send(address, "GET", f"/pages/{PDF_ID}/1.png")[2] == data


@pytest.mark.parametrize(
    "path",
    [
        f"{PDF_ID}/0.png",
        f"{PDF_ID}/2.png",
        f"{PDF_ID}/99999999999999999999.png",
        f"{MARKDOWN_ID}/1.png",
        "../1.png",
        "..%2f..%2fetc%2fpasswd/1.png",
        "mill.pdf/1.png",
        content_id("document", "broken") + "/1.png",
        content_id("document", "outside") + "/1.png",
    ],
)
def test_only_pages_of_the_workspace_are_served(address, path):
    status, _, data = send(address, "GET", f"/pages/{path}")
    assert status == 404
    assert b"secret" not in data


def test_kept_pictures_do_not_grow_without_end(tmp_path, folder, library, monkeypatch):
    monkeypatch.setattr(library_module, "MAXIMUM_CACHE", 1)
    cache = tmp_path / "pages"
    cache.mkdir()
    (cache / "d-old-1.png").write_bytes(b"old")
    fresh = Library(folder / "source", cache, **tables())
    fresh.picture(PDF_ID, 1)
    assert [file.name for file in cache.iterdir()] == [f"{PDF_ID}-1.png"]


def test_a_source_that_is_gone_is_said(tmp_path):
    with pytest.raises(MissingDocumentError, match=r"mill\.pdf"):
        Library(tmp_path, None, **tables()).picture(PDF_ID, 1)


def test_a_page_without_a_size_is_no_hindrance(tmp_path):
    rows = tables()
    rows["pages"] = [*rows["pages"], {**rows["pages"][0], "page": 9, "width": None, "height": None}]
    library = Library(tmp_path, None, **rows)
    assert library.size(PDF_ID, 9) is None
    assert library.size(PDF_ID, 1) is not None
