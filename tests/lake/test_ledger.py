from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.errors import LedgerError
from goldsmith.lake import Lake, take_stock
from goldsmith.lake.schemas import SCHEMAS

BOX = dict.fromkeys(("x0", "y0", "x1", "y1"), 0.0)


def rows_of(name, rows):
    schema = SCHEMAS[name]
    full = [dict.fromkeys(schema.names) | row for row in rows]
    return pa.Table.from_pylist(full, schema=schema)


def write(lake, texts, pieces, copies=0):
    """Pieces: (line number, start, end, fate) with fate kept, removed or merged."""
    files = [{"id": "d-1", "uri": "a.pdf", "status": "ok"}]
    files += [{"id": "d-1", "uri": f"copy{n}.pdf", "status": "duplicate"} for n in range(copies)]
    lake.replace("documents", rows_of("documents", files))
    lines = [
        {"id": f"l-{n}", "document": "d-1", "order": n, "text": t} for n, t in enumerate(texts)
    ]
    lake.replace("lines", rows_of("lines", lines))
    places = [({"line": f"l-{n}", "start": s, "end": e}, fate) for n, s, e, fate in pieces]
    spans = [place | {"at": 0, "length": 1, "page": 1} | BOX for place, f in places if f == "kept"]
    chunks = [{"id": "c-1", "document": "d-1", "order": 0, "spans": spans}]
    lake.replace("chunks", rows_of("chunks", chunks))
    rejects = [
        place
        | {"id": f"r-{n}", "document": "d-1", "stage": "clean"}
        | {"merged_into": "d-2" if fate == "merged" else None}
        for n, (place, fate) in enumerate(places)
        if fate != "kept"
    ]
    lake.replace("rejects", rows_of("rejects", rejects), "clean")


def test_every_character_has_one_fate(tmp_path):
    lake = Lake(tmp_path)
    pieces = [(0, 0, 3, "kept"), (0, 3, 5, "removed"), (1, 0, 2, "merged"), (1, 2, 4, "kept")]
    write(lake, ["héllo", "wörd"], pieces, copies=1)
    ledger = take_stock(lake)
    first, copy = ledger.accounts
    assert (first.input, first.kept, first.removed, first.merged) == (9, 5, 2, 2)
    assert (copy.uri, copy.input, copy.merged) == ("copy0.pdf", 9, 9)
    assert ledger.balanced
    ledger.require_balance()


@pytest.mark.parametrize(
    ("pieces", "lost", "twice"),
    [
        ([(0, 0, 4, "kept")], 1, 0),
        ([(0, 0, 5, "kept"), (0, 4, 5, "removed")], 0, 1),
        ([(0, 0, 4, "kept"), (0, 3, 4, "merged")], 1, 1),  # the sums agree, the characters do not
        ([(0, 0, 5, "removed"), (0, 0, 1, "removed")], 0, 1),
    ],
)
def test_a_character_lost_or_counted_twice_stops_the_run(tmp_path, pieces, lost, twice):
    lake = Lake(tmp_path)
    write(lake, ["hello"], pieces)
    account = take_stock(lake).accounts[0]
    assert (account.lost, account.twice) == (lost, twice)
    with pytest.raises(LedgerError, match=r"a\.pdf: the ledger does not balance"):
        take_stock(lake).require_balance()


@given(st.data())
def test_any_partition_balances_and_any_hole_is_found(tmp_path_factory, data):
    texts = data.draw(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4))
    pieces = []
    for number, text in enumerate(texts):
        cuts = sorted(data.draw(st.sets(st.integers(1, len(text)), max_size=3)) | {0, len(text)})
        for start, end in pairwise(cuts):
            fate = data.draw(st.sampled_from(["kept", "removed", "merged"]))
            pieces.append((number, start, end, fate))
    lake = Lake(tmp_path_factory.mktemp("lake"))
    write(lake, texts, pieces)
    assert take_stock(lake).balanced
    hole = data.draw(st.sampled_from(pieces))
    write(lake, texts, [piece for piece in pieces if piece != hole])
    assert take_stock(lake).accounts[0].lost == hole[2] - hole[1]
