"""Replies are kept: nothing is asked twice, half a line is none, documents are forgotten."""

import pytest
from small_gold import chunk_rows

from goldsmith.cli.replies import forget_replies, remembering
from goldsmith.datasets import write_examples
from goldsmith.project import DatasetSettings

SAYS = "Number {0} stands here for all to see."
CHUNKS = chunk_rows([[(f"Before it. {SAYS.format(n)} After it.", 0)] for n in range(6)])
DOCUMENTS = {chunk["text"]: chunk["document"] for chunk in CHUNKS}
WHOLE = DatasetSettings(validation=0.0)


class Model:
    """Writes one right and one wrong pair a chunk, and breaks down after some."""

    def __init__(self, patience=99):
        self.patience, self.asked = patience, []

    def __call__(self, messages):
        if len(self.asked) == self.patience:
            raise ConnectionError("gone")
        text = messages[-1]["content"]
        self.asked.append(text)
        said = text.partition(". ")[2].partition(" After")[0]
        right = f'{{"question": "What of {len(text)} {said[7]}?", "answer": "{said}"}}'
        return f'{right}\n{{"question": "Why?", "answer": "Because of nine things."}}'


def examples(model, path, name="m"):
    writer = remembering(model, path, name, DOCUMENTS)
    return write_examples(CHUNKS, writer, name, WHOLE, 0)


@pytest.mark.parametrize("torn", [0, 1, 30])
def test_killed_anywhere_it_goes_on_and_gives_the_same(tmp_path, torn):
    wanted = write_examples(CHUNKS, Model(), "m", WHOLE, 0)
    assert (len(wanted[0]), len(wanted[1])) == (6, 6)
    path, first, second = tmp_path / "replies.jsonl", Model(patience=3), Model()
    with pytest.raises(ConnectionError):
        examples(first, path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - torn])
    assert examples(second, path) == wanted
    assert len(first.asked) + len(second.asked) == 6 + bool(torn)
    whole, third = path.read_bytes(), Model(patience=0)
    assert examples(third, path) == wanted
    assert path.read_bytes() == whole
    with pytest.raises(ConnectionError):
        examples(third, path, "another model")


def test_what_was_written_of_a_document_is_forgotten(tmp_path):
    path, model = tmp_path / "replies.jsonl", Model()
    assert forget_replies(path, {"d"}) == 0
    examples(model, path)
    gone = CHUNKS[0]["document"]
    assert forget_replies(path, {gone}) == 3
    assert gone not in path.read_text()
    examples(model, path)
    assert model.asked[6:] == [c["text"] for c in CHUNKS if c["document"] == gone]
