"""Every character of every raw line is accounted for, whatever the lines hold."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldsmith.lake.ids import content_id
from goldsmith.lake.restoration import document_lines
from goldsmith.lake.schemas import KINDS, LABELS, REJECT_RULES, SCHEMAS
from goldsmith.project import RefineSettings
from goldsmith.refine import Chunk, Clean, Divide, Tag, check_cover
from goldsmith.refine.segments import reject_passage

from .made import line, lines_table, tags_table

PIECES = st.sampled_from(
    [
        "The low-rank matrix", "a net-", "work of ﬁne eﬀects", "[1, 2]", "[3]–[5]", "(Lee, 2019)",
        "(Smith et al., 2020; Lee, 2019)", "  ", "\t", " ", "\x00", "\u00ad", "e\u0301", "Ã©",
        "â€™",
        "a.b@example.org", "oﬃce@example.org", "4007070753690781", "780-999-2181", "x = y + 2",
        "• item", "1. One", "References", "[1] Lee, A. (2019).", "Page 3 of 9", "42", "Table 1.",
        "𝑥 ∈ [0, 1]", "\uf0b7", "日本語", "\n", "-", "word-", "Wort", "\ufeff", "a  b", "",
        "Ren´e", "Schro ¨der", "M ¨obius", "´",
        "roads¹", "known [3] and [4].", "(see Lee, 2019; Wu et al., 2021)", "goods.[1]", "low-",
        "eﬃ-", "cient", "self-",
    ]
)  # fmt: skip
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=5).map(" ".join)


@st.composite
def documents(draw: st.DrawFn) -> list[dict]:
    rows = []
    for order in range(draw(st.integers(0, 12))):
        text = draw(TEXTS).encode("utf-8", "ignore").decode()
        raised = []
        if len(text) > 2 and draw(st.booleans()):
            start = draw(st.integers(0, len(text) - 1))
            raised = [{"start": start, "end": draw(st.integers(start, len(text)))}]
        rows.append(
            line(
                text,
                order,
                page=1 + order // 4,
                block=draw(st.integers(0, 2)),
                y0=100.0 + 14 * (order % 4),
                y1=111.0 + 14 * (order % 4),
                x1=draw(st.sampled_from([0.0, 300.0, 540.0])),
                size=draw(st.sampled_from([8.0, 11.0, 14.0])),
                weight=draw(st.sampled_from([400, 700])),
                engine=draw(st.sampled_from(["pdfium", "html", "text"])),
                replaced=draw(st.sampled_from([False, False, False, True])),
                hint=draw(st.sampled_from([None, None, None, "heading:2", "table", "code"])),
                raised=raised,
            )
        )
    return rows


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.lists(st.sampled_from(LABELS), min_size=12, max_size=12), st.booleans())
def test_cover_is_exact(rows: list[dict], labels: list[str], own: bool) -> None:
    lines = lines_table(rows)
    chosen = RefineSettings(references="keep", footnotes="keep") if own else RefineSettings()
    tags = Tag(chosen).run({"lines": lines})["tags"]
    assert set(tags.column("label").to_pylist()) <= set(LABELS)
    if own:
        tags = tags_table(rows, labels[: len(rows)])
    divisions = Divide(chosen).run({"lines": lines})["divisions"]
    made = Clean(chosen).run({"lines": lines, "tags": tags, "divisions": divisions})
    assert check_cover(lines, made["passages"], made["rejects"]) == []
    assert made["passages"].schema == SCHEMAS["passages"]
    assert made["rejects"].schema == SCHEMAS["rejects"]
    identifiers = made["rejects"].column("id").to_pylist()
    assert len(set(identifiers)) == len(identifiers)
    assert set(made["rejects"].column("rule").to_pylist()) <= set(REJECT_RULES["clean"])
    assert set(made["passages"].column("kind").to_pylist()) <= set(KINDS)
    for passage in made["passages"].to_pylist():
        assert passage["text"].strip(" \n") == passage["text"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents(), st.lists(st.sampled_from(LABELS), min_size=12, max_size=12), st.data())
def test_lines_come_back_from_chunks_and_rejects(
    rows: list[dict], labels: list[str], data: st.DataObject
) -> None:
    for row in rows:
        parts = (row["document"], row["page"], row["order"], row["text"])
        row["id"] = content_id("line", *parts)
    chosen = RefineSettings(chunk_tokens=32, chunk_overlap=20)
    lines = lines_table(rows)
    tables = {"lines": lines, "tags": tags_table(rows, labels[: len(rows)])}
    made = Clean(chosen).run(tables | Divide(chosen).run({"lines": lines}))
    passages = made["passages"].to_pylist()
    gone = [passage for passage in passages if data.draw(st.integers(0, 3)) == 0]
    rejected = [
        row for one in gone for row in reject_passage(one, "deduplicate", "exact", 1.0, "p")
    ]
    later = pa.Table.from_pylist(rejected, SCHEMAS["rejects"])
    tables = {"passages": made["passages"], "rejects:cut": later.slice(0, 0)}
    chunks = Chunk(chosen).run(tables | {"rejects:deduplicate": later})["chunks"]
    rejects = pa.concat_tables([made["rejects"], later])
    found = document_lines("d-1", chunks, rejects)
    written = [row for row in rows if row["text"]]  # a line without characters has no account
    assert [(line.id, line.text) for line in found] == [(r["id"], r["text"]) for r in written]
    assert all(line.identical for line in found)


def test_check_cover_sees_each_kind_of_fault() -> None:
    rows = [line("Some words here.", 0), line("More of them.", 1)]
    lines = lines_table(rows)
    made = Clean(RefineSettings()).run(
        {"lines": lines, "tags": tags_table(rows, ["CONTENT", "HEADER"])}
    )
    passages, rejects = made["passages"], made["rejects"]
    assert check_cover(lines, passages, rejects) == []
    assert [p.what for p in check_cover(lines, passages, rejects.slice(0, 0))] == [
        "covered by nothing"
    ]
    twice = check_cover(lines, passages, pa.concat_tables([rejects, rejects]))
    assert len(twice) == 1
    assert "covered twice" in twice[0].what
    wrong = rejects.to_pylist()
    wrong[0]["text"] = "Mare of them."
    told = check_cover(lines, passages, pa.Table.from_pylist(wrong, rejects.schema))
    assert "holds another text" in told[0].what
    moved = passages.to_pylist()
    moved[0]["spans"][0]["start"] = 1
    assert check_cover(lines, pa.Table.from_pylist(moved, passages.schema), rejects)
    strange = rejects.to_pylist()
    strange[0]["line"] = "l-none"
    told = check_cover(lines, passages, pa.Table.from_pylist(strange, rejects.schema))
    assert any("no such line" in problem.what for problem in told)
