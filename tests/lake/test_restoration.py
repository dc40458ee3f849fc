"""Gold and rejects give the raw lines back, and a line that is not the original is told."""

from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.errors import UserError
from goldsmith.lake import Lake, restore
from goldsmith.lake.ids import content_id
from goldsmith.lake.schemas import SCHEMAS

BOX = dict.fromkeys(("x0", "y0", "x1", "y1"), 0.0)


def rows_of(name, rows):
    schema = SCHEMAS[name]
    return pa.Table.from_pylist([dict.fromkeys(schema.names) | row for row in rows], schema=schema)


def write(lake, texts, pieces, copies=0):
    """Pieces: (line number, start, end, whether kept). No table of lines is written at all."""
    size = sum(map(len, texts))
    files = [{"id": "d-1", "uri": "a.pdf", "status": "ok", "characters": size}]
    files += [{"id": "d-1", "uri": f"copy{n}.pdf", "status": "duplicate"} for n in range(copies)]
    lake.replace("documents", rows_of("documents", files))
    spans, text, rejects = [], "", []
    for number, start, end, kept in pieces:
        line = content_id("line", "d-1", 1 + number // 2, number, texts[number])
        place = {"line": line, "order": number, "page": 1 + number // 2}
        place |= {"start": start, "end": end}
        part = texts[number][start:end]
        if kept:
            spans.append(place | {"at": len(text), "length": end - start} | BOX)
            text += part + " "
        else:
            rejects.append(
                place
                | {"id": f"r-{number}-{start}", "document": "d-1", "text": part}
                | {"stage": "clean", "replacement": "XXX"}
            )
    chunks = [{"id": "c-1", "document": "d-1", "order": 0, "text": text, "spans": spans}]
    lake.replace("chunks", rows_of("chunks", chunks))
    lake.replace("rejects", rows_of("rejects", rejects), "clean")


@given(st.data())
def test_any_partition_gives_the_lines_back(tmp_path_factory, data):
    texts = data.draw(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5))
    pieces = []
    for number, text in enumerate(texts):
        cuts = sorted(data.draw(st.sets(st.integers(1, len(text)), max_size=3)) | {0, len(text)})
        pieces += [(number, start, end, data.draw(st.booleans())) for start, end in pairwise(cuts)]
    extra = data.draw(st.lists(st.sampled_from(pieces), max_size=2))  # overlaps of chunks
    pieces += [piece for piece in extra if piece[3]]
    lake = Lake(tmp_path_factory.mktemp("lake"))
    write(lake, texts, pieces)
    (file,) = restore(lake)
    assert file.identical
    assert [line.text for line in file.lines] == texts
    hole = data.draw(st.sampled_from(pieces))
    write(lake, texts, [piece for piece in pieces if piece != hole])
    (file,) = restore(lake)
    assert not file.identical


def test_a_copy_has_the_lines_of_the_first(tmp_path):
    lake = Lake(tmp_path)
    write(lake, ["hello", "world"], [(0, 0, 5, True), (1, 0, 5, False)], copies=1)
    first, copy = restore(lake)
    assert (first.uri, copy.uri) == ("a.pdf", "copy0.pdf")
    assert first.lines == copy.lines
    assert copy.identical
    assert [line.page for line in copy.lines] == [1, 1]
    assert next(restore(lake, "copy0.pdf")).uri == "copy0.pdf"
    with pytest.raises(UserError, match="no such document"):
        next(restore(lake, "b.pdf"))


def test_a_changed_character_is_told(tmp_path):
    lake = Lake(tmp_path)
    write(lake, ["hello", "world"], [(0, 0, 5, True), (1, 0, 5, False)])
    rows = lake.read("rejects").to_pylist()
    rows[0]["text"] = "w0rld"
    lake.replace("rejects", rows_of("rejects", rows), "clean")
    (file,) = restore(lake)
    assert [line.identical for line in file.lines] == [True, False]
    assert not file.identical
