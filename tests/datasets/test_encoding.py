import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.datasets import Encoded, InstructionBatches, decode_row, encode_example, prove_stop
from goldsmith.errors import UserError
from goldsmith.tokenizers import SPECIALS, load

TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(SPECIALS)


def talk(*texts):
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


TALKS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3).map(
    lambda pairs: talk(*(text for pair in pairs for text in pair))
)


@given(TALKS)
def test_exactly_the_answers_and_their_eos_are_learned(tokenizer, messages):
    encoded = encode_example(messages, tokenizer)
    learned = [i for i, on in zip(encoded.ids, encoded.learned, strict=True) if on]
    wanted = []
    for message in messages:
        if message["role"] == "assistant":
            wanted += [*tokenizer.encode(message["content"]), tokenizer.eos]
    assert learned == wanted
    assert prove_stop(encoded, tokenizer, len(encoded.ids)) is None
    assert "longer" in prove_stop(encoded, tokenizer, len(encoded.ids) - 1)


def with_template(tokenizer, folder, template):
    (folder / "tokenizer.json").write_bytes((tokenizer._source / "tokenizer.json").read_bytes())
    config = {"eos_token": "<|eos|>", "pad_token": "<|pad|>", "chat_template": template}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return load(folder)


def test_what_a_template_writes_after_eos_is_not_learned(tokenizer, tmp_path):
    template = (
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|eos|>\n\n{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    encoded = encode_example(talk("a", "b"), with_template(tokenizer, tmp_path, template))
    learned = [i for i, on in zip(encoded.ids, encoded.learned, strict=True) if on]
    assert learned == [*tokenizer.encode("b"), tokenizer.eos]
    assert not encoded.learned[-1]


def test_an_answer_without_eos_is_not_trained_on(tokenizer, tmp_path):
    template = (
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    other = with_template(tokenizer, tmp_path, template)
    reason = prove_stop(encode_example(talk("a", "b"), other), other, 100)
    assert reason == "an answer does not end in EOS"
    with pytest.raises(UserError, match="1 an answer does not end in EOS"):
        batches([talk("a", "b")], other)


def test_a_template_that_rewrites_turns_is_refused(tokenizer, tmp_path):
    template = (
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content if loop.last else 'gone' }}<|eos|>"
        "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    with pytest.raises(UserError, match="only appends"):
        encode_example(talk("a", "b", "c", "d"), with_template(tokenizer, tmp_path, template))


CHATML = (
    "{% for m in messages %}{{ m.role + '\\n' + m.content + eos_token + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant\\n' }}{% endif %}"
)


def test_an_answer_that_begins_with_a_line_break_is_encoded_as_it_is_asked_for(tokenizer, tmp_path):
    other = with_template(tokenizer, tmp_path, CHATML)
    messages = talk("q", "\n\n\n\n  b", "c", "\nd")
    encoded = encode_example(messages, other)
    learned = [i for i, on in zip(encoded.ids, encoded.learned, strict=True) if on]
    assert other.decode(learned) == "\n\n\n\n  b\nd"
    assert learned.count(other.eos) == 2
    assert prove_stop(encoded, other, 100) is None
    asked = other.chat(messages[:1], answer=True)
    assert list(encoded.ids[: len(asked)]) == asked
    assert not any(encoded.learned[: len(asked)])


def test_the_token_that_ends_answers_instead_of_eos_is_named(tokenizer, tmp_path):
    other = with_template(tokenizer, tmp_path, CHATML.replace("eos_token", "'<|pad|>'"))
    reason = prove_stop(encode_example(talk("a", "b"), other), other, 100)
    assert reason == "an answer does not end in EOS but in <|pad|>; set eos_token to it"


def test_a_row_can_be_looked_at_with_its_mask(tokenizer):
    made = batches([talk("q", "first answer"), talk("w", "b")], tokenizer, size=1)
    stretches = decode_row(made.batch(0), 0, tokenizer)
    assert [(each.text, each.kind, each.segment) for each in stretches] == [
        ("<|bos|><|user|>q<|assistant|>", "read", 0),
        ("first answer", "learned", 0),
        ("<|eos|>", "stop", 0),
        ("<|bos|><|user|>w<|assistant|>", "read", 1),
        ("b", "learned", 1),
        ("<|eos|>", "stop", 1),
        ("", "padding", -1),
    ]
    assert sum(each.tokens for each in stretches) == 64


def test_only_questions_teach_nothing(tokenizer):
    encoded = encode_example(talk("Who?"), tokenizer)
    assert "nothing to learn" in prove_stop(encoded, tokenizer, 100)
    first = Encoded((tokenizer.eos, 9), (True, False))
    assert "nothing to learn" in prove_stop(first, tokenizer, 100), "nothing predicts the first"


def batches(talks, tokenizer, split="train", **options):
    rows = [{"messages": messages, "split": split} for messages in talks]
    return InstructionBatches(rows, tokenizer, **{"sequence": 64, "size": 2, "seed": 3} | options)


@given(st.lists(TALKS, min_size=1, max_size=8), st.integers(0, 20))
def test_packing_keeps_every_example_whole_and_apart(tokenizer, talks, step):
    made = batches(talks, tokenizer, sequence=200)
    again = batches(talks[::-1], tokenizer, sequence=200)
    seen = []
    for number in range(made.rows("train")):
        tokens, targets, segments = made._packed["train"].row(number)
        assert np.array_equal(tokens, again._packed["train"].row(number)[0])
        for segment in sorted(set(segments.tolist()) - {-1}):
            here = np.flatnonzero(segments == segment)
            assert (np.diff(here) == 1).all()
            learned = targets[here[:-1]] >= 0
            assert (targets[here[:-1]][learned] == tokens[here[1:]][learned]).all()
            assert targets[here[-1]] == -100, "nothing is predicted across examples"
            seen.append((tuple(tokens[here].tolist()), (False, *learned.tolist())))
        assert (targets[segments == -1] == -100).all()
    wanted = [encode_example(each, tokenizer) for each in talks]
    assert sorted(seen) == sorted((each.ids, each.learned) for each in wanted)
    first, second = made.batch(step), again.batch(step)
    assert np.array_equal(first.tokens, second.tokens)
    assert (first.positions[:, 0] == 0).all()


def test_what_is_too_long_is_counted_and_validation_is_apart(tokenizer):
    rows = [
        {"messages": talk("q", "a" * 500), "split": "train"},
        {"messages": talk("q", "short"), "split": "train"},
        {"messages": talk("q", "held out"), "split": "validation"},
    ]
    made = InstructionBatches(rows, tokenizer, sequence=64, size=2, seed=0)
    assert made.left_out == {"longer than 64 tokens": 1}
    assert made.examples == {"train": 1, "validation": 1}
    [batch] = made.validation()
    assert tokenizer.decode(batch.tokens[0][batch.targets[0] >= 0].tolist()) != ""
    assert "held out" in tokenizer.decode(batch.tokens[0].tolist())
    assert "held out" not in tokenizer.decode(made.batch(0).tokens.ravel().tolist())
