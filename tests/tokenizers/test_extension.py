import re
import xml.etree.ElementTree as ElementTree

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from goldsmith.errors import ModelError, UserError
from goldsmith.models import Decoder, ModelConfig, grow_vocabulary
from goldsmith.project import TokenizerSettings
from goldsmith.tokenizers import compare, domain_words, extend, load, picture, train

PLAIN = ["The cat sat on the mat and the dog ran after the cat in the sun."] * 6
DOMAIN = [
    "Electroencephalography shows seizures. An electroencephalography of the hippocampus is slow.",
    "The hippocampus is small; the hippocampus and electroencephalography, Größenwahnsinn.",
    "Größenwahnsinn is Größenwahnsinn.",
]


@pytest.fixture(scope="module", params=["bpe", "wordpiece", "unigram"])
def grown(request, tmp_path_factory):
    """An old folder, a new one, and what was added."""
    path = tmp_path_factory.mktemp("grown")
    settings = TokenizerSettings(kind=request.param, vocabulary=320)
    train(PLAIN, settings, path / "old", "key")
    words = domain_words(DOMAIN, load(path / "old"), 3)
    return path, words, extend(path / "old", words, DOMAIN, path / "new", "key")


def test_the_words_that_save_most_become_tokens_and_old_ids_stay(grown):
    path, words, extension = grown
    old, new = load(path / "old"), load(path / "new")
    assert set(words) == {"electroencephalography", "hippocampus", "Größenwahnsinn"}
    for word in words:
        [number] = new.encode(f" {word}")
        assert list(extension.pieces[number]) == old.encode(f" {word}")
    assert extension.tokens_before == sum(map(len, old.encode_many(DOMAIN)))
    assert extension.tokens_after == sum(map(len, new.encode_many(DOMAIN)))
    assert extension.saved > 0.3
    assert sorted(extension.pieces) == list(range(old.size, new.size))
    for number in range(old.size):
        assert new._core.id_to_token(number) == old._core.id_to_token(number)
    assert new.encode_many(PLAIN) == old.encode_many(PLAIN)
    theirs = AutoTokenizer.from_pretrained(str(path / "new"))
    assert theirs.encode(DOMAIN[1], add_special_tokens=False) == new.encode(DOMAIN[1])


@given(st.lists(st.sampled_from(["hippo", "campus", "Gr", "öße", " ", "electro", "x", "\n"])))
def test_a_grown_tokenizer_round_trips(grown, parts):
    tokenizer = load(grown[0] / "new")
    assert tokenizer.decode(tokenizer.encode("".join(parts))) == "".join(parts)


def test_what_is_one_token_already_is_not_added(grown, tmp_path):
    path, words, _ = grown
    with pytest.raises(UserError, match="nothing to add"):
        extend(path / "new", words, DOMAIN, tmp_path / "again", "key")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("tied", [True, False])
def test_new_rows_are_the_mean_of_their_pieces(tied):
    shape = {"width": 8, "layers": 1, "heads": 2, "key_value_heads": 1, "head_dim": 4}
    model = Decoder(ModelConfig(vocabulary=10, hidden=12, context=16, tied=tied, **shape), seed=1)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    logits = model(torch.tensor([[1, 2, 3]]))
    grow_vocabulary(model, {10: (1, 2), 11: (1, 1, 7)})
    names = ["embedding.weight"] + ([] if tied else ["head.weight"])
    after = dict(model.named_parameters())
    for name in names:
        assert torch.equal(after[name][:10], before[name])
        assert torch.allclose(after[name][10], before[name][[1, 2]].mean(0))
        assert torch.allclose(after[name][11], before[name][[1, 1, 7]].mean(0))
    assert model.config.vocabulary == 12
    assert torch.allclose(model(torch.tensor([[1, 2, 3]]))[..., :10], logits, atol=1e-6)
    with pytest.raises(ModelError, match="has 12 tokens"):
        grow_vocabulary(model, {12: (40,)})
    with pytest.raises(ModelError, match="gap"):
        grow_vocabulary(model, {13: (1,)})


def test_two_tokenizers_side_by_side_with_a_picture(grown):
    path = grown[0]
    found = compare(load(path / "old"), load(path / "new"), DOMAIN, ("old", "new & <grown>"))
    old, new = found.figures
    assert new["tokens_per_word"] < old["tokens_per_word"]
    assert new["characters_per_token"] > old["characters_per_token"]
    assert new["pieces_per_domain_word"] < old["pieces_per_domain_word"]
    assert old["coverage"] == new["coverage"] == 1.0
    cut = {word: (before, after) for word, before, after in found.words}
    assert cut["hippocampus"][1] == (" hippocampus",)
    assert "".join(cut["hippocampus"][0]) == " hippocampus"
    drawn = picture(found)
    root = ElementTree.fromstring(drawn)
    texts = [node.text for node in root.iter() if node.tag.endswith("text")]
    assert "new & <grown>" in texts
    bars = [float(w) for w in re.findall(r'width="([0-9.]+)" height', drawn)]
    assert max(bars) == 100.0
    assert min(bars) >= 0.0
