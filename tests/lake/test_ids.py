from hypothesis import given
from hypothesis import strategies as st

from goldsmith.lake import content_id, kind_of


def test_an_id_says_what_it_is_and_never_changes():
    assert content_id("chunk", "d-1", 3, "text") == "c-955c3031d8e27af85946"
    assert kind_of("c-955c3031d8e27af85946") == "chunk"
    assert kind_of("c-short") is None
    assert kind_of("handbook.pdf") is None


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_other_parts_give_other_ids(left, right):
    same = content_id("line", *left) == content_id("line", *right)
    assert same == (left == right)
