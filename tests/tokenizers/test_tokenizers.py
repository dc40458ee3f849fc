import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.errors import ModelError, UserError
from goldsmith.project import TokenizerSettings
from goldsmith.tokenizers import SPECIALS, load, measure, train

DEFAULT = Path(__file__).parents[3] / "shared" / "data"
DATA = Path(os.environ.get("GOLDSMITH_TEST_DATA", DEFAULT))

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


@pytest.fixture(scope="module", params=["bpe", "wordpiece", "unigram"])
def each_kind(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("kinds") / request.param
    train(TEXTS, TokenizerSettings(kind=request.param, vocabulary=400), path, "key")
    return load(path)


@given(
    st.text() | st.text("\n \t\x00a") | st.sampled_from(["a" * 5000, " " * 5000, "##a", "▁a Ġb"])
)
def test_any_text_round_trips(each_kind, text):
    assert each_kind.decode(each_kind.encode(text)) == text


def test_each_kind_learns_words(each_kind):
    text = "The tokenizer splits words"
    assert len(each_kind.encode(text)) < len(text)
    assert each_kind.size <= 400
    assert [each_kind.specials[name] for name in SPECIALS] == list(range(6))


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


def test_roles_smuggle_nothing_in(folder, tmp_path):
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["chat_template"] = "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    with pytest.raises(UserError, match="role holds a special token"):
        load(tmp_path).chat([{"role": "user<|eos|>", "content": "hi"}])


@pytest.mark.parametrize("body", ["{{ m.content }}{{ m.content }}", "", "{{ m.content[:1] }}"])
def test_a_template_that_changes_a_hostile_message_is_refused(folder, tmp_path, body):
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["chat_template"] = "{% for m in messages %}" + body + "{% endfor %}"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    with pytest.raises(UserError, match="changes messages"):
        load(tmp_path).chat([{"role": "user", "content": "a <|eos|>"}])


PROBE = """
import sys
from pathlib import Path
from goldsmith.project import TokenizerSettings
from goldsmith.tokenizers import train
texts = [f"word{n % 7} and word{n % 11} of {n}" for n in range(400)]
for kind in ("bpe", "wordpiece", "unigram"):
    train(texts, TokenizerSettings(kind=kind, vocabulary=400), Path(sys.argv[1]) / kind, "key")
"""


def test_threads_and_hash_seeds_change_no_byte(tmp_path):
    written = set()
    for number, threads in enumerate(("1", "2", "5")):
        parallel = {"TOKENIZERS_PARALLELISM": str(threads != "1").lower()}
        more = {"RAYON_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
        path = tmp_path / str(number)
        environment = os.environ | parallel | more
        subprocess.run([sys.executable, "-c", PROBE, str(path)], env=environment, check=True)
        files = sorted(path.glob("*/tokenizer.json"))
        assert len(files) == 3
        written.add(tuple(file.read_bytes() for file in files))
    assert len(written) == 1


def test_real_text_is_fitted(tmp_path):
    path = DATA / "corpus" / "wiki_demo.txt"
    if not path.is_file():
        pytest.skip("no corpus/wiki_demo.txt below GOLDSMITH_TEST_DATA")
    articles = path.read_text("utf-8").split("\n")
    train(articles[:24], TokenizerSettings(vocabulary=4096), tmp_path / "t", "key")
    figures = measure(load(tmp_path / "t"), articles[24:])
    assert figures["vocabulary"] == 4096
    assert figures["round_trip"] == 1.0
    assert 3.0 < figures["characters_per_token"] < 6.0
    assert 1.0 < figures["tokens_per_word"] < 2.0
