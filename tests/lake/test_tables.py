import shutil

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.errors import LakeError
from goldsmith.lake import Lake, table_digest
from goldsmith.lake.schemas import KEYS, SCHEMAS, SHARED


def score(subject="p-1", stage="screen", value=1.0):
    return {
        "subject": subject,
        "document": "d-1",
        "name": "grade",
        "value": value,
        "stage": stage,
        "scorer": "rules-1",
    }


def scores(*rows):
    return pa.Table.from_pylist(list(rows), schema=SCHEMAS["scores"])


def passage(order, text):
    span = {"at": 0, "length": len(text), "line": "l-1", "order": 0, "start": 0, "end": len(text)}
    return {
        "id": f"p-{order}",
        "document": "d-1",
        "order": order,
        "kind": "paragraph",
        "level": 0,
        "heading_path": ["A", "B"],
        "text": text,
        "spans": [span | {"page": 1} | dict.fromkeys(("x0", "y0", "x1", "y1"), 1.5)],
    }


def test_every_table_has_a_key_of_its_own_columns():
    assert set(KEYS) == set(SCHEMAS)
    for name, key in KEYS.items():
        assert set(key) <= set(SCHEMAS[name].names)


def test_an_unwritten_table_is_empty_with_the_right_schema(tmp_path):
    assert Lake(tmp_path).read("chunks").schema == SCHEMAS["chunks"]


def test_rows_come_back_in_key_order_whatever_order_they_were_written_in(tmp_path):
    lake = Lake(tmp_path)
    rows = [passage(order, f"text {order}") for order in (2, 0, 1)]
    digest = lake.replace("passages", pa.Table.from_pylist(rows, schema=SCHEMAS["passages"]))
    back = lake.read("passages")
    assert back.to_pylist() == sorted(rows, key=lambda row: row["order"])
    assert table_digest(back) == digest == lake.digest("passages")


def test_a_stage_replaces_only_its_own_rows_of_a_shared_table(tmp_path):
    lake = Lake(tmp_path)
    lake.replace("scores", scores(score(stage="screen")), "screen")
    lake.replace("scores", scores(score("p-2", stage="grade")), "grade")
    before = lake.digest("scores:grade")
    lake.replace("scores", scores(), "screen")
    assert lake.read("scores")["subject"].to_pylist() == ["p-2"]
    assert lake.digest("scores:grade") == before
    with pytest.raises(ValueError, match="rows of another stage"):
        lake.replace("scores", scores(score(stage="screen")), "grade")


def test_the_same_rows_make_no_new_commit(tmp_path):
    lake = Lake(tmp_path)
    table = scores(score())
    lake.replace("scores", table, "screen")
    version = DeltaTable(str(tmp_path / "scores")).version()
    lake.replace("scores", table, "screen")
    assert DeltaTable(str(tmp_path / "scores")).version() == version


def test_an_earlier_version_can_be_read_until_it_is_vacuumed(tmp_path):
    lake = Lake(tmp_path)
    lake.replace("scores", scores(score(value=1.0)), "screen")
    version = DeltaTable(str(tmp_path / "scores")).version()
    lake.replace("scores", scores(score(value=2.0)), "screen")
    assert lake.read("scores", version=version)["value"].to_pylist() == [1.0]
    lake.vacuum()
    assert lake.read("scores")["value"].to_pylist() == [2.0]
    with pytest.raises(LakeError):
        lake.read("scores", version=version)


@pytest.mark.parametrize("damage", ["log", "data"])
def test_a_corrupt_table_is_named_with_the_next_command(tmp_path, damage):
    lake = Lake(tmp_path)
    lake.replace("scores", scores(score()), "screen")
    pattern = "_delta_log/*.json" if damage == "log" else "*.parquet"
    for path in (tmp_path / "scores").glob(pattern):
        path.write_bytes(b"\x00not what it was")
    with pytest.raises(LakeError, match=r"'scores'.*goldsmith run"):
        lake.read("scores")


def test_a_folder_left_by_a_crash_before_the_first_commit_is_no_table(tmp_path):
    lake = Lake(tmp_path)
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "part.parquet").write_bytes(b"half")
    assert not lake.exists("scores")
    lake.replace("scores", scores(score()), "screen")
    assert lake.read("scores").num_rows == 1
    shutil.rmtree(tmp_path / "scores")


def test_other_columns_than_the_schema_are_refused(tmp_path):
    with pytest.raises(ValueError, match="columns differ"):
        Lake(tmp_path).replace("documents", pa.table({"id": ["d-1"]}))


values = st.one_of(st.none(), st.text(max_size=5))
rows = st.lists(
    st.fixed_dictionaries(
        {
            "s": values,
            "n": st.one_of(st.none(), st.integers(-9, 9)),
            "l": st.one_of(st.none(), st.lists(values, max_size=3)),
            "b": st.one_of(st.none(), st.booleans()),
        }
    ),
    max_size=6,
)
SCHEMA = pa.schema(
    [("s", pa.string()), ("n", pa.int32()), ("l", pa.list_(pa.string())), ("b", pa.bool_())]
)


@given(rows, rows)
def test_digests_are_equal_exactly_when_the_rows_are(left, right):
    a, b = (pa.Table.from_pylist(r, schema=SCHEMA) for r in (left, right))
    assert (table_digest(a) == table_digest(b)) == (left == right)


@given(rows, st.integers(0, 6))
def test_a_digest_does_not_depend_on_chunks_or_offsets(content, cut):
    table = pa.Table.from_pylist(content, schema=SCHEMA)
    pieces = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    padded = pa.concat_tables([table, table]).combine_chunks().slice(len(content))
    assert table_digest(pieces) == table_digest(table) == table_digest(padded)


def test_shared_tables_say_which_stage_wrote_a_row():
    assert all("stage" in SCHEMAS[name].names for name in SHARED)
