"""Made papers: every line has its true label, the same seed gives the same pages."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("typst", reason="typst is not installed")

import made_pages as made
from harness import HANDBOOK
from made_pieces import LABELS

from goldsmith.project import RefineSettings
from goldsmith.refine import Tag

SEEDS = range(12)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return made.paragraphs_of(HANDBOOK / "source")


@pytest.fixture(scope="module")
def papers(texts: list[str]) -> list[made.Made]:
    found = [made.make(texts, seed) for seed in SEEDS]
    return [paper for paper in found if paper is not None]


def squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def test_most_papers_can_be_labelled_and_have_every_part(papers: list[made.Made]) -> None:
    assert len(papers) >= len(SEEDS) // 2
    seen = Counter(label for paper in papers for label in paper.labels)
    assert set(seen) == set(LABELS)
    for paper in papers:
        assert len(paper.labels) == len(paper.lines) == len(paper.hand_labels)
        assert {"TITLE", "AUTHOR", "HEADING", "CONTENT", "REFERENCE"} <= set(paper.labels)


def test_labels_say_what_was_typeset(papers: list[made.Made]) -> None:
    for paper in papers:
        typeset: dict[str, str] = {}
        for label, text in paper.pieces:
            typeset[label] = typeset.get(label, "") + squeezed(text)
        for line, label in zip(paper.lines, paper.labels, strict=True):
            text = squeezed(line.text)
            if label == "PAGE_NUMBER":
                assert re.fullmatch(r"(?:Page)?S?(?:\d+|[ivxlcdm]+)(?:(?:of)?\d+)?", text), text
            elif label in ("TITLE", "AUTHOR", "ABSTRACT", "REFERENCE", "FOOTER"):
                words = [squeezed(word).rstrip("123") for word in line.text.split()]
                known = sum(word in typeset[label] for word in words)
                assert known >= 0.8 * len(words), (label, line.text)


def test_a_seed_gives_the_same_paper(texts: list[str], papers: list[made.Made]) -> None:
    first = papers[0]
    again = made.make(texts, int(first.name.removeprefix("made-")))
    assert again is not None
    assert again.pdf == first.pdf
    assert again.labels == first.labels
    assert len({paper.pdf for paper in papers}) == len(papers)


def test_a_line_of_two_inks_is_not_guessed_at(papers: list[made.Made]) -> None:
    line = papers[0].lines[0]
    middle = (line.x0 + line.x1) / 2, (line.y0 + line.y1) / 2
    inks = [LABELS.index(name) for name in ("CONTENT", "REFERENCE", "HEADER", "PAGE_NUMBER")]
    letters = made.np.array([(*middle, ink) for ink in inks])
    assert made.label_of(line, letters[:2]) == ""
    assert made.label_of(line, letters[2:]) == "HEADER"
    assert made.label_of(line, letters[3:]) == "PAGE_NUMBER"
    assert made.label_of(line, letters[:0]) == ""


def test_titles_authors_and_appendices_are_found(papers: list[made.Made]) -> None:
    for paper in papers:
        tags = Tag(RefineSettings()).run(paper.tables)["tags"].column("label").to_pylist()
        title = [n for n, label in enumerate(paper.labels) if label == "TITLE"]
        assert [n for n, label in enumerate(tags) if label == "TITLE"] == title
        running = [tag for tag, label in zip(tags, paper.labels, strict=True) if label == "CONTENT"]
        assert running.count("AUTHOR") == 0


def test_the_tagger_can_learn_from_them(texts: list[str], tmp_path: Path) -> None:
    pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    pytest.importorskip("torch", reason="torch is not installed")
    import fit_line_tagger as fit

    (tmp_path / "corpus/manuals").mkdir(parents=True)
    (tmp_path / "retrieval/scifact").mkdir(parents=True)
    rows = "\n".join(json.dumps({"abstract": [text]}) for text in texts)
    (tmp_path / fit.TEXTS[0]).write_bytes(gzip.compress(rows.encode()))
    found = fit.read_made(tmp_path, 2)
    assert len(found) == 2
    for paper in found:
        targets = fit.targets_of(paper)
        assert len(targets) == len(paper.layout.texts)
        assert {"kept", "front", "reference"} <= {fit.line_model.CLASSES[n] for n in targets}
    assert fit.read_made(tmp_path, 0) == []
