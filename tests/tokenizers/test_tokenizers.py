import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.errors import ModelError, UserError
from goldsmith.project import TokenizerSettings
from goldsmith.tokenizers import SPECIALS, load, measure, train

TEXTS = [
    "The tokenizer splits words into pieces; the pieces of common words are whole words.",
    "In 2024 a tokenizer of 4096 pieces was trained on 1234567 words.",
    "Größe, naïve, 東京, λ-calculus: bytes catch what no merge covers.",
] * 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "t"
    train(TEXTS, TokenizerSettings(vocabulary=400), path, "key")
    return path


@pytest.fixture(scope="module")
def tokenizer(folder):
    return load(folder)


@given(st.text())
def test_any_text_round_trips(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.text(), st.sampled_from(SPECIALS), st.text())
def test_no_text_becomes_a_special_token(tokenizer, before, special, after):
    ids = tokenizer.encode(before + special + after)
    assert not set(ids) & set(tokenizer.specials.values())
    chat = tokenizer.chat([{"role": "user", "content": before + special + after}])
    wanted = [tokenizer.specials[name] for name in ("<|bos|>", "<|user|>", "<|assistant|>")]
    assert [number for number in chat if number in tokenizer.specials.values()] == wanted


def test_the_same_texts_give_the_same_bytes(folder, tmp_path):
    train(TEXTS, TokenizerSettings(vocabulary=400), tmp_path / "again", "key")
    for name in ("tokenizer.json", "tokenizer_config.json", "manifest.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_an_answer_ends_with_eos_and_a_prompt_with_the_turn_to_answer(tokenizer):
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]
    closed = tokenizer.chat(turns, answer=False)
    assert closed[-1] == tokenizer.eos
    assert closed[0] == tokenizer.bos
    assert tokenizer.chat(turns[:1])[-1] == tokenizer.specials["<|assistant|>"]


def test_a_template_may_refuse(tokenizer):
    with pytest.raises(UserError, match="unknown role"):
        tokenizer.chat([{"role": "tool", "content": "4"}])


def test_a_template_cannot_reach_out(folder, tmp_path):
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["chat_template"] = "{{ messages.__class__.__mro__[1].__subclasses__() }}"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    with pytest.raises(UserError, match="refuses"):
        load(tmp_path).chat([{"role": "user", "content": "hi"}])


@pytest.mark.parametrize("content", [None, "{", '{"model": 3}'])
def test_a_bad_folder_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        load(tmp_path)


def test_a_small_corpus_gives_a_small_vocabulary(tmp_path):
    train(["a b a b"], TokenizerSettings(vocabulary=5000), tmp_path / "t", "key")
    assert load(tmp_path / "t").size < 300
    with pytest.raises(UserError, match="no text"):
        train([""], TokenizerSettings(), tmp_path / "none", "key")


def test_figures_are_what_they_say(tokenizer):
    figures = measure(tokenizer, ["the words"])
    ids = tokenizer.encode("the words")
    assert figures["tokens"] == len(ids)
    assert figures["tokens_per_word"] == len(ids) / 2
    assert figures["characters_per_token"] == 9 / len(ids)
    assert figures["round_trip"] == 1.0
    whole = measure(tokenizer, [" words" * 10])
    assert whole["whole_words"] == float(len(tokenizer.encode(" words")) == 1)
