"""The committed handbook against its truth: what the truth says must be so in the PDFs.

These read only `pdf/` and `truth/`; the last ones also build, where typst is installed.
"""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pypdfium2
import pytest

from goldsmith.lake.schemas import LABELS
from goldsmith.project import load_settings

HANDBOOK = Path(__file__).parents[2] / "examples" / "handbook"
MODULES = ("build", "markup", "specials", "truth", "typeset")
Rows = list[dict[str, Any]]


def rows(name: str) -> Rows:
    text = (HANDBOOK / "truth" / f"{name}.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def fold(text: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    return re.sub(r"[\s\u00ad\u0002\u2010\ufffe-]", "", text)


def words(text: str) -> set[tuple[str, ...]]:
    split = text.lower().split()
    return {tuple(split[at : at + 5]) for at in range(len(split) - 4)}


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    return {row["file"]: row for row in rows("documents")}


@pytest.fixture(scope="module")
def pages(documents: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """The text layer of each page, as pdfium reads it."""
    read = {}
    for file in documents:
        with pypdfium2.PdfDocument(HANDBOOK / file) as document:
            read[file] = [page.get_textpage().get_text_range() for page in document]
    return read


def of_kind(documents: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [row for row in documents.values() if row["kind"] == kind]


def body(row: dict[str, Any]) -> str:
    return "\n".join(block["text"] for block in row["body"])


def test_every_pdf_has_a_row_and_its_pages(
    documents: dict[str, dict[str, Any]], pages: dict[str, list[str]]
) -> None:
    assert {f"pdf/{path.name}" for path in (HANDBOOK / "pdf").iterdir()} == set(documents)
    assert {file: len(texts) for file, texts in pages.items()} == {
        file: row["pages"] for file, row in documents.items()
    }
    assert sum((HANDBOOK / file).stat().st_size for file in documents) < 3 * 2**20


def test_body_blocks_stand_on_their_page(
    documents: dict[str, dict[str, Any]], pages: dict[str, list[str]]
) -> None:
    for kind in ("chapter", "near_duplicate", "foreign", "gibberish"):
        for row in of_kind(documents, kind):
            for block in row["body"]:
                if block["kind"] in ("heading", "caption", "code"):
                    page = fold(pages[row["file"]][block["page"] - 1])
                    assert fold(block["text"]) in page, (row["file"], block)


def test_furniture_stands_on_its_page(
    documents: dict[str, dict[str, Any]], pages: dict[str, list[str]]
) -> None:
    for row in of_kind(documents, "chapter"):
        kinds = {each["kind"] for each in row["furniture"]}
        assert {"running_head", "page_number", "citation_mark"} <= kinds, row["file"]
        for each in row["furniture"]:
            if each["kind"] in ("running_head", "page_number"):
                assert each["text"] in pages[row["file"]][each["page"] - 1]


def test_marks_are_not_in_the_body(documents: dict[str, dict[str, Any]]) -> None:
    for row in of_kind(documents, "chapter"):
        told = body(row)
        for mark in row["furniture"]:
            if mark["kind"] == "footnote_mark":
                assert mark["context"], row["file"]
                assert f"{mark['context']}{mark['text']}" not in told
            elif mark["kind"] == "citation_mark":
                assert f" {mark['text']}" not in told


def test_questions_are_answered_on_the_stated_page(
    documents: dict[str, dict[str, Any]], pages: dict[str, list[str]]
) -> None:
    for row in rows("questions"):
        if not row["answerable"]:
            assert row["answer"] is row["passage"] is row["page"] is None
            continue
        document = documents[row["document"]]
        assert row["answer"] in row["passage"]
        assert any(row["passage"] in block["text"] for block in document["body"]), row["id"]
        assert row["page"] in row["pages"]
        # footnote marks, floats and furniture may stand inside a passage; a plain run must be there
        if document["kind"] == "chapter" and len(row["pages"]) == 1:
            page = fold(pages[row["document"]][row["page"] - 1])
            assert any(fold(part) in page for part in parts(row["passage"])), row["id"]


def test_other_places_say_what_they_are_listed_for(
    documents: dict[str, dict[str, Any]], pages: dict[str, list[str]]
) -> None:
    for row in rows("questions"):
        assert row["answerable"] or row["also"] == []
        for place in row["also"]:
            assert set(place) == {"document", "passage", "pages"}
            document = documents[place["document"]]
            assert any(place["passage"] in block["text"] for block in document["body"]), row["id"]
            assert (place["document"], place["passage"]) != (row["document"], row["passage"])
            if len(place["pages"]) == 1:
                page = fold(pages[place["document"]][place["pages"][0] - 1])
                assert any(fold(part) in page for part in parts(place["passage"])), row["id"]


def test_every_copy_of_a_passage_is_listed(documents: dict[str, dict[str, Any]]) -> None:
    for row in rows("questions"):
        if row["answerable"]:
            said = {row["document"]} | {place["document"] for place in row["also"]}
            copies = {file for file, each in documents.items() if row["passage"] in body(each)}
            assert copies <= said, row["id"]


def parts(passage: str) -> Iterator[str]:
    yield passage
    split = passage.split()
    for at in range(0, max(1, len(split) - 5), 3):
        yield " ".join(split[at : at + 6])


def test_halves_share_no_section_and_no_passage() -> None:
    halves: dict[str, Rows] = {"train": [], "evaluate": []}
    for row in rows("questions"):
        halves[row["split"]].append(row)
    sections = [{(row["document"], row["section"]) for row in half} for half in halves.values()]
    assert not sections[0] & sections[1]
    for one in halves["train"]:
        for two in halves["evaluate"]:
            if one["passage"] and two["passage"]:
                assert not words(one["passage"]) & words(two["passage"]), (one["id"], two["id"])
    total = len(halves["train"]) + len(halves["evaluate"])
    assert 0.35 < len(halves["train"]) / total < 0.65
    for half in halves.values():
        assert any(not row["answerable"] for row in half)
        assert any(row["answerable"] for row in half)


def test_line_labels_are_ours_and_their_text_is_there(pages: dict[str, list[str]]) -> None:
    seen = set()
    for row in rows("lines"):
        assert row["label"] in LABELS
        seen.add(row["label"])
        if row["label"] in ("HEADING", "HEADER", "CAPTION", "REFERENCE"):
            assert fold(row["text"]) in fold(pages[row["file"]][row["page"] - 1])
    assert seen == set(LABELS) - {"FOOTER", "TOC", "TITLE", "AUTHOR", "ANNEX"}


def test_lines_cover_the_body(documents: dict[str, dict[str, Any]]) -> None:
    labelled: dict[str, int] = {}
    for row in rows("lines"):
        labelled[row["file"]] = labelled.get(row["file"], 0) + len(fold(row["text"]))
    for row in of_kind(documents, "chapter"):
        assert labelled[row["file"]] > 0.98 * len(fold(body(row))), row["file"]


def test_exact_copy_has_the_same_bytes(documents: dict[str, dict[str, Any]]) -> None:
    (copy,) = of_kind(documents, "exact_duplicate")
    original = HANDBOOK / copy["duplicate_of"]
    assert (HANDBOOK / copy["file"]).read_bytes() == original.read_bytes()


def test_near_copy_is_near_and_not_equal(documents: dict[str, dict[str, Any]]) -> None:
    (copy,) = of_kind(documents, "near_duplicate")
    one, two = words(body(copy)), words(body(documents[copy["duplicate_of"]]))
    assert 0.75 < len(one & two) / len(one | two) < 0.97


def test_scan_has_no_text_layer_and_an_image_a_page(
    documents: dict[str, dict[str, Any]], pages: dict[str, list[str]]
) -> None:
    (scan,) = of_kind(documents, "scan")
    assert scan["pages"] == 3
    assert not "".join(pages[scan["file"]]).strip()
    with pypdfium2.PdfDocument(HANDBOOK / scan["file"]) as document:
        for page in document:
            (image,) = page.get_objects()
            assert isinstance(image, pypdfium2.PdfImage)


def test_broken_layer_is_a_permutation_of_the_letters(
    documents: dict[str, dict[str, Any]], pages: dict[str, list[str]]
) -> None:
    (broken,) = of_kind(documents, "broken")
    layer = fold("".join(pages[broken["file"]]))
    first = next(block for block in broken["body"] if block["kind"] == "paragraph")
    said = fold(first["text"])
    assert said not in layer
    shape = "".join("a" if letter.isalpha() else letter for letter in said)
    at = "".join("a" if letter.isalpha() else letter for letter in layer).find(shape)
    assert at >= 0
    table: dict[str, str] = {}
    for true, found in zip(said, layer[at : at + len(said)], strict=True):
        assert table.setdefault(true, found) == found
        assert not true.isalpha() or true != found


def test_foreign_and_gibberish_say_so(documents: dict[str, dict[str, Any]]) -> None:
    (foreign,), (gibberish,) = of_kind(documents, "foreign"), of_kind(documents, "gibberish")
    english = {"the", "of", "and", "is", "that", "a"}
    assert {"der", "die", "und", "nicht"} <= set(body(foreign).lower().split())
    said = body(gibberish).lower().split()
    assert sum(word in english for word in said) < 0.02 * len(said)


def test_settings_of_the_example_are_valid() -> None:
    settings = load_settings(HANDBOOK / "goldsmith.toml")
    assert settings.dataset.questions is not None
    assert (HANDBOOK / settings.dataset.questions).is_file()


@pytest.fixture
def build(tmp_path: Path) -> Iterator[ModuleType]:
    """The build script on a copy of the sources with chapter 3 and what its questions name."""
    pytest.importorskip(
        "typst", reason="typesetting needs typst: pip install 'goldsmith[examples]'"
    )
    for path in HANDBOOK.glob("*.py"):
        shutil.copy(path, tmp_path)
    ignore = shutil.ignore_patterns("0[124579]-*", "1?-*", "0[1245-9].jsonl", "1?.jsonl")
    shutil.copytree(HANDBOOK / "source", tmp_path / "source", ignore=ignore)
    sys.path.insert(0, str(tmp_path))
    try:
        yield importlib.import_module("build")
    finally:
        sys.path.remove(str(tmp_path))
        for name in MODULES:
            sys.modules.pop(name, None)


def test_build_gives_the_committed_bytes_again(build: ModuleType, tmp_path: Path) -> None:
    assert build.main() == 0
    for name in ("03-tokenizers", "tokenizers-copy", "broken-lineage", "lesehilfe"):
        again = (tmp_path / "pdf" / f"{name}.pdf").read_bytes()
        assert again == (HANDBOOK / "pdf" / f"{name}.pdf").read_bytes(), name
    committed = {row["id"]: row for row in rows("questions")}
    made = (tmp_path / "truth" / "questions.jsonl").read_text("utf-8").splitlines()
    assert any(json.loads(line)["also"] for line in made)
    for line in made:
        row = json.loads(line)
        assert row == committed[row["id"]]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[@gage1994]", "[@nobody1994]", "nobody1994"),
        ("@tab-sizes shows", "@tab-size shows", "03-tokenizers.md:48: @tab-size"),
        ("compromise[^1]", "compromise[^2]", "footnote"),
        ("| 512 | 2.62 |", "| 512 |", "has 4 cells"),
        ("remarkable amount of influence", "great influence\nand more", "a paragraph is one line"),
        ("groups of up to three, taken", "groups of three, taken", "questions/03.jsonl:7"),
    ],
)
def test_a_mistake_in_a_source_is_named(
    build: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    said: str,
) -> None:
    path = tmp_path / "source" / "03-tokenizers.md"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    assert build.main() == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "pdf").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Bits per byte removes", "Bits per word removes", "questions/03.jsonl:6: pdf/06-pre"),
        ("pdf/06-pretraining.pdf", "pdf/06-nothing.pdf", "questions/03.jsonl:6: pdf/06-nothing"),
        ('"also": [{"document"', '"also": [{"file"', "'also' needs a list"),
        ('"also": [{"document"', '"others": [{"document"', "needs exactly the keys"),
        (
            '"answerable": false}',
            '"answerable": false, "also": [{"document": "pdf/03-tokenizers.pdf", "passage": "x"}]}',
            "not answerable, so no other passage",
        ),
    ],
)
def test_another_place_that_is_not_there_is_named(
    build: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    said: str,
) -> None:
    path = tmp_path / "source" / "questions" / "03.jsonl"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    assert build.main() == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "truth").exists()
