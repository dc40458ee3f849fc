from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from goldsmith.engine.text import TextStream

from .conftest import ByteVocabulary

BYTES = ByteVocabulary()


def run(ids: list[int], stops: tuple[str, ...], prompt: list[int]) -> tuple[list[str], bool]:
    stream = TextStream(BYTES, prompt, stops)
    pieces = []
    for token in ids:
        pieces.append(stream.push(token))
        if stream.stopped:
            return pieces, True
    pieces.append(stream.flush())
    return pieces, stream.stopped


@given(st.text(max_size=60), st.text(min_size=1, max_size=3))
def test_pieces_join_to_the_text(text: str, prompt: str) -> None:
    pieces, _ = run(BYTES.encode(text), (), BYTES.encode(prompt))
    assert "".join(pieces) == text
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in text


@given(st.lists(st.integers(0, 259), max_size=60))
def test_pieces_of_any_bytes_join_to_their_decoding(ids: list[int]) -> None:
    pieces, _ = run(ids, (), BYTES.encode("x"))
    assert "".join(pieces) == BYTES.decode(ids)


@given(
    st.text(alphabet="abé€", max_size=40),
    st.lists(st.text(alphabet="abé€", min_size=1, max_size=4), max_size=3),
)
def test_nothing_of_a_stop_string_is_shown(text: str, stops: list[str]) -> None:
    pieces, stopped = run(BYTES.encode(text), tuple(stops), BYTES.encode("x"))
    shown = "".join(pieces)
    found = [stop for stop in stops if stop in text]
    assert stopped == bool(found)
    # The stop that is complete first ends the text; what stands before it is shown.
    if found:
        end = min(text.index(stop) + len(stop) for stop in found)
        first = [stop for stop in found if text.index(stop) + len(stop) == end]
        assert shown == text[: min(text.index(stop) for stop in first)]
    else:
        assert shown == text
