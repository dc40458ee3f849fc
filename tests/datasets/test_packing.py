import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.datasets import Encoded, PackedRows, best_fit

LENGTHS = st.lists(st.integers(1, 20), max_size=40)


@given(LENGTHS)
def test_every_number_once_none_too_long_and_never_two_rows_that_fit_into_one(lengths):
    rows = best_fit(lengths, 20)
    assert sorted(itertools.chain(*rows)) == list(range(len(lengths)))
    sums = sorted(sum(lengths[number] for number in row) for row in rows)
    assert all(total <= 20 for total in sums)
    assert len(sums) < 2 or sums[0] + sums[1] > 20


def _best(lengths, capacity):
    """The slow reference: of all rows with room the fullest, of equals the one last used."""
    rows, used = [], []
    for number in sorted(range(len(lengths)), key=lambda each: (-lengths[each], each)):
        open_rows = [
            row for row in used if sum(lengths[n] for n in rows[row]) + lengths[number] <= capacity
        ]
        row = max(
            open_rows, key=lambda r: (sum(lengths[n] for n in rows[r]), used.index(r)), default=None
        )
        if row is None:
            rows.append([])
            row = len(rows) - 1
        else:
            used.remove(row)
        rows[row].append(number)
        used.append(row)
    return rows


@given(LENGTHS)
def test_it_is_best_fit_by_falling_length(lengths):
    assert best_fit(lengths, 20) == _best(lengths, 20)


def test_what_cannot_fit_is_refused():
    with pytest.raises(ValueError, match="21 does not fit"):
        best_fit([3, 21], 20)


@given(LENGTHS)
def test_fill_is_the_share_of_tokens(lengths):
    examples = [Encoded((7,) * length, (True,) * length) for length in lengths]
    rows = PackedRows(examples, 20, 0)
    tokens = sum(int((rows.row(number)[0] == 7).sum()) for number in range(len(rows)))
    assert tokens == sum(lengths)
    assert rows.fill == (tokens / (20 * len(rows)) if lengths else 1.0)
    for number in range(len(rows)):
        _, _, segments = rows.row(number)
        assert np.array_equal(rows.batch([number]).segments[0], segments)
