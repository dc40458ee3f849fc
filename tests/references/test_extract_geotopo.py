"""The text layer against a book's hand-made text (GeoTopo, 117 pages, German mathematics)."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import pytest

from goldsmith.extract.pdf import read_pdf
from goldsmith.project import ExtractSettings

fuzz = pytest.importorskip("rapidfuzz.distance", reason="rapidfuzz is not installed")

DEFAULT = Path(__file__).parents[2].parent / "shared" / "data"
DATA = Path(os.environ.get("GOLDSMITH_TEST_DATA", DEFAULT)) / "extraction"


def normalised(text: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"(?<=\w)-\s*\n\s*(?=[a-zäöüß])", "", text)
    return re.sub(r"\s+", " ", text)


def test_geotopo_text_is_the_book() -> None:
    folder = DATA / "geotopo"
    if not folder.is_dir():
        pytest.skip(f"no {folder.name} below GOLDSMITH_TEST_DATA")
    reading = read_pdf(
        (folder / "GeoTopo-komprimiert.pdf").read_bytes(), ExtractSettings(ocr="never")
    )
    ours = normalised("\n".join(line.text for line in reading.lines))
    truth = normalised((folder / "GeoTopo-book.txt").read_text("utf-8"))
    assert fuzz.Indel.normalized_similarity(ours, truth) >= 0.95
