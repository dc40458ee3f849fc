"""Lines as MultiMarkdown, with a tagger's labels and without."""

from __future__ import annotations

import pyarrow as pa
from conftest import WORDS, Extract, Typeset

from goldsmith.extract import to_mmd
from goldsmith.extract.files import HTML, PDF

PAGE = '#set page(width: 400pt, height: 500pt, margin: 40pt)\n#set text(size: 10pt, lang: "en")\n'


def test_hints_of_a_format_are_enough(extract: Extract) -> None:
    page = (
        "<h1>Title</h1><p>Some text.</p><ul><li>one</li><li>two</li></ul><h2>Part</h2>"
        "<table><tr><td>a</td><td>b</td></tr><tr><td>1</td><td>2</td></tr></table>"
        "<pre>x = 1\n  y = 2</pre>"
    )
    mmd = to_mmd(extract(page.encode(), HTML)["lines"])
    for part in ("# Title\n", "Some text.\n", "## Part\n", "| a | b |\n|---|---|\n| 1 | 2 |\n"):
        assert part in mmd
    assert "```\nx = 1\n  y = 2\n```" in mmd


def labelled(lines: pa.Table, **labels: str) -> dict[str, str]:
    """Labels of the lines whose text begins with the given words."""
    return {
        row["id"]: label
        for row in lines.to_pylist()
        for start, label in labels.items()
        if row["text"].startswith(start)
    }


def test_labels_choose_the_form_and_furniture_goes(typeset: Typeset, extract: Extract) -> None:
    source = (
        PAGE + f"Running head\n\n#text(16pt)[Chapter]\n\n{WORDS}\n\n#text(12pt)[Section]\n\nEnd"
    )
    lines = extract(typeset(source), PDF)["lines"]
    labels = labelled(lines, Running="HEADER", Chapter="HEADING", Section="HEADING")
    mmd = to_mmd(lines, labels)
    assert mmd.startswith("# Chapter\n\nThe river")
    assert "## Section\n\nEnd" in mmd
    assert "Running" not in mmd


def test_words_divided_at_line_ends_are_joined(typeset: Typeset, extract: Extract) -> None:
    source = (
        '#set page(width: 120pt, height: 200pt, margin: 20pt)\n#set text(size: 10pt, lang: "en",'
        " hyphenate: true)\n#set par(justify: true)\nInternationalization of extraordinary"
        " typographical considerations\n"
    )
    mmd = to_mmd(extract(typeset(source), PDF)["lines"])
    assert mmd == "Internationalization of extraordinary typographical considerations\n"


def test_an_equation_is_set_apart_and_keeps_its_parts_together(
    typeset: Typeset, extract: Extract
) -> None:
    source = PAGE + f"{WORDS}\n\n$ sum_(k=1)^n (a + b)/(c + d) = x $\n\n{WORDS}"
    lines = extract(typeset(source), PDF)["lines"].to_pylist()
    (formula,) = [row["text"] for row in lines if "=" in row["text"]]
    joined = "".join(formula.split())
    assert all(part in joined for part in ("∑", "𝑎+𝑏", "𝑐+𝑑", "=𝑥"))
    assert joined.index("𝑎+𝑏") < joined.index("𝑐+𝑑") < joined.index("=𝑥")
    assert "river" not in formula
