"""The layout of a real paper, ours from its PDF against the hand-labelled set's, line by line."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from goldsmith.extract import ExtractStage
from goldsmith.extract.files import PDF
from goldsmith.project import ExtractSettings
from goldsmith.refine.line_tagger import layout_of
from goldsmith.refine.lines import read_lines

DATA = Path(__file__).parents[2].parent / "shared/data"
PAPER = "0807.3577"


def bare(text: str) -> str:
    return re.sub(r"\W", "", text).lower()


def test_the_same_layout_from_a_pdf_as_in_the_set() -> None:
    papers = sorted(DATA.glob(f"extraction/scholarly-pdfs/**/*{PAPER}*.pdf"))
    if not papers:
        pytest.skip("shared/data is not beside the repository")
    table = pq.read_table(DATA / "lines/segmentation.parquet")
    table = table.filter(pc.match_substring(table["doc_id"], PAPER))
    content = papers[0].read_bytes()
    row = {"id": "d-1", "uri": "p.pdf", "media_type": PDF, "size": len(content), "content": content}
    stage = ExtractStage(ExtractSettings(ocr="never"))
    lines = stage.run({"files": pa.Table.from_pylist([row])})["lines"]
    ours = layout_of(read_lines(lines))
    here = [bare(text) for text in table["text"].to_pylist()]
    there = [bare(text) for text in ours.texts]
    blocks = difflib.SequenceMatcher(None, here, there, autojunk=False).get_matching_blocks()
    one = np.concatenate([np.arange(block.a, block.a + block.size) for block in blocks])
    two = np.concatenate([np.arange(block.b, block.b + block.size) for block in blocks])
    assert len(one) > 0.75 * len(there)  # equations are cut into lines in other ways
    size = {"HIGHERFONT": 1, "LOWERFONT": -1}
    theirs = {
        "opens": [value == "BLOCKSTART" for value in table["block_status"].to_pylist()],
        "new_font": [value == "NEWFONT" for value in table["font_status"].to_pylist()],
        "size": [size.get(value, 0) for value in table["font_size_status"].to_pylist()],
        "bold": [bool(value) for value in table["bold"].to_pylist()],
        "italic": [bool(value) for value in table["italic"].to_pylist()],
    }
    least = {"opens": 0.8, "new_font": 0.88, "size": 0.94, "bold": 0.94, "italic": 0.88}
    for name, values in theirs.items():
        agreement = np.mean(np.array(values)[one] == getattr(ours, name)[two])
        assert agreement >= least[name], (name, agreement)
    first = np.array(table["page_index"].to_pylist())[one]
    assert np.mean(first - first[0] == ours.page[two] - ours.page[two[0]]) > 0.95
