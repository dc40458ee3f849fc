"""HTML, DOCX, Markdown and plain text: their text, their hints, and their bombs."""

from __future__ import annotations

import io
import zipfile

import pyarrow as pa
import pytest
from conftest import Extract, docx, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from goldsmith.extract.docx import read_docx
from goldsmith.extract.files import DOCX, HTML, MARKDOWN, TEXT
from goldsmith.extract.html import read_html
from goldsmith.extract.markdown import read_markdown
from goldsmith.extract.reading import ReadingError
from goldsmith.extract.text import decode, read_text


def hints(tables: dict[str, pa.Table]) -> list[tuple[str, str]]:
    lines = tables["lines"]
    return list(zip(lines["hint"].to_pylist(), lines["text"].to_pylist(), strict=True))


def test_html(extract: Extract) -> None:
    page = """<html><head><title>A  page</title><style>p{}</style></head><body>
    <script>var x = "not text";</script><h2>Head<b>ing</b></h2>
    <p>One   para&shy;graph with <em>stress</em>,<br>and a break &amp; more.</p>
    <ul><li>first</li><li>second <p>inner</p></li></ul><p hidden>not shown</p>
    <p style="display: none">nor this</p>
    <table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2 <b>3</b></td></tr></table>
    <pre>x = 1
  y = 2</pre><div>loose text</div></body></html>"""
    tables = extract(page.encode(), HTML)
    assert hints(tables) == [
        ("heading:2", "Heading"),
        ("paragraph", "One para\xadgraph with stress,"),
        ("paragraph", "and a break & more."),
        ("list", "first"),
        ("list", "second"),
        ("list", "inner"),
        ("table", "a\tb"),
        ("table", "1\t2 3"),
        ("code", "x = 1"),
        ("code", "  y = 2"),
        ("paragraph", "loose text"),
    ]
    (document,) = tables["documents"].to_pylist()
    assert (document["title"], document["pages"], document["status"]) == ("A page", 1, "ok")
    assert document["characters"] == sum(map(len, texts(tables)))
    (page_row,) = tables["pages"].to_pylist()
    assert (page_row["route"], page_row["width"]) == ("markup", None)
    assert tables["lines"]["x0"].null_count == tables["lines"].num_rows


def test_html_uses_the_charset_it_declares(extract: Extract) -> None:
    page = '<meta charset="iso-8859-15"><p>10 €</p>'.encode("iso-8859-15")
    assert texts(extract(page, HTML)) == ["10 €"]


def test_html_nested_a_thousand_deep_keeps_its_text(extract: Extract) -> None:
    page = b"<div>" * 3000 + b"core" + b"</div>" * 3000
    assert "core" in "".join(texts(extract(page, HTML)))


def test_docx(extract: Extract) -> None:
    body = """
    <w:p><w:pPr><w:pStyle w:val="H1"/></w:pPr><w:r><w:t>Title</w:t></w:r></w:p>
    <w:p><w:r><w:t xml:space="preserve">Some </w:t></w:r><w:r><w:t>words</w:t></w:r>
      <w:del><w:r><w:delText>gone</w:delText><w:t>gone</w:t></w:r></w:del>
      <w:ins><w:r><w:t> added</w:t></w:r></w:ins></w:p>
    <w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>item</w:t></w:r></w:p>
    <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>
    <w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"""
    styles = """<w:styles SPACE><w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>
    </w:styles>"""
    notes = "<w:footnotes SPACE><w:footnote><w:p><w:r><w:t>a note</w:t></w:r></w:p></w:footnote></w:footnotes>"
    tables = extract(docx(body, word__styles=styles, word__footnotes=notes), DOCX)
    assert hints(tables) == [
        ("heading:1", "Title"),
        ("paragraph", "Some words added"),
        ("list", "item"),
        ("table", "a\tb"),
        ("paragraph", "a note"),
    ]


def test_docx_written_by_python_docx(extract: Extract) -> None:
    library = pytest.importorskip("docx", reason="python-docx is not installed")
    document = library.Document()
    document.add_heading("Results", 2)
    document.add_paragraph("A sentence.")
    document.add_paragraph("a point", style="List Bullet")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "x", "y"
    document.core_properties.title = "Report"
    output = io.BytesIO()
    document.save(output)
    tables = extract(output.getvalue(), DOCX)
    assert hints(tables) == [
        ("heading:2", "Results"),
        ("paragraph", "A sentence."),
        ("list", "a point"),
        ("table", "x\ty"),
    ]
    assert tables["documents"]["title"].to_pylist() == ["Report"]


def test_docx_bombs_are_refused() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<a>" + b" " * 80_000_000 + b"</a>")
    with pytest.raises(ReadingError, match="too large"):
        read_docx(bomb.getvalue())
    entity = '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><w>&b;</w>'
    with pytest.raises(ReadingError, match="DTD"):
        read_docx(docx("", word__styles=entity))


def test_docx_that_is_no_word_file() -> None:
    with pytest.raises(ReadingError, match="unreadable"):
        read_docx(b"PK\x03\x04 broken")
    with pytest.raises(ReadingError, match="encrypted"):
        read_docx(b"\xd0\xcf\x11\xe0" + b"\x00" * 600)
    whole = docx("<w:p><w:r><w:t>words</w:t></w:r></w:p>" * 50)
    for share in range(1, 10):
        with pytest.raises(ReadingError):
            read_docx(whole[: len(whole) * share // 10])


def test_markdown(extract: Extract) -> None:
    source = """---
author: nobody
---
# Title

A paragraph with *stress*, a [link](http://example.org) and `code`
on two lines.

- one
- two

| a | b |
|---|---|
| 1 | 2 |

```python
x = 1

y = 2
```

> quoted <b>text</b>
"""
    tables = extract(source.encode(), MARKDOWN)
    assert hints(tables) == [
        ("heading:1", "Title"),
        ("paragraph", "A paragraph with stress, a link and code"),
        ("paragraph", "on two lines."),
        ("list", "one"),
        ("list", "two"),
        ("table", "a\tb"),
        ("table", "1\t2"),
        ("code", "x = 1"),
        ("code", "y = 2"),
        ("paragraph", "quoted text"),
    ]
    assert tables["documents"]["title"].to_pylist() == ["Title"]


def test_text_keeps_lines_and_paragraphs(extract: Extract) -> None:
    tables = extract(b"one\r\ntwo\n\n\nthree\x0cfour", TEXT)
    assert texts(tables) == ["one", "two", "three", "four"]
    assert tables["lines"]["block"].to_pylist() == [0, 0, 1, 2]
    assert tables["lines"]["order"].to_pylist() == [0, 1, 2, 3]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_encodings(encoding: str) -> None:
    assert decode("naïve – “café”".encode(encoding)) == "naïve – “café”"


def test_white_space_only_is_an_empty_document(extract: Extract) -> None:
    tables = extract(b" \n\t\n", TEXT)
    assert tables["pages"]["route"].to_pylist() == ["empty"]
    assert tables["lines"].num_rows == 0


@given(st.binary(max_size=400))
@settings(max_examples=60, deadline=None)
def test_no_bytes_break_a_reader(content: bytes) -> None:
    for read in (read_text, read_markdown, read_html, read_docx):
        try:
            reading = read(content)
        except ReadingError:
            continue
        assert all("\n" not in line.text for line in reading.lines)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=200))
@settings(max_examples=60, deadline=None)
def test_plain_text_loses_nothing(text: str) -> None:
    reading = read_text(b"\xef\xbb\xbf" + text.encode())
    assert [line.text for line in reading.lines] == ([text] if text.strip() else [])
