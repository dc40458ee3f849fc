"""Our tokenizer folders and chat rendering against `transformers`."""

import pytest
from transformers import AutoTokenizer

from goldsmith.project import TokenizerSettings
from goldsmith.tokenizers import load, train

TEXTS = ["Packing puts several examples into one row; attention stays inside each of them."] * 5
CHATS = [
    [{"role": "user", "content": "What is packing?"}],
    [
        {"role": "system", "content": "Answer from the documents."},
        {"role": "user", "content": "What is packing?\n\nSay it briefly. "},
        {"role": "assistant", "content": "Several examples in one row."},
        {"role": "user", "content": "Größe? 東京 🙂"},
    ],
]
OTHER_TEMPLATES = [
    "{% for m in messages %}\n  {% if loop.first %}[S]{% endif %}\n"
    "{{ m.content | trim }}[{{ m.role }}]"
    "{% endfor %}",
    "{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}"
    "{{ m | tojson }}{{ eos_token }}{% endfor %}",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "t"
    train(TEXTS, TokenizerSettings(vocabulary=350), path, "key")
    return path


@pytest.mark.parametrize("messages", CHATS)
@pytest.mark.parametrize("template", [None, *OTHER_TEMPLATES])
@pytest.mark.parametrize("answer", [True, False])
def test_chats_are_rendered_and_encoded_alike(folder, tmp_path, messages, template, answer):
    theirs = AutoTokenizer.from_pretrained(str(folder))
    if template is not None:
        theirs.chat_template = template
        theirs.save_pretrained(str(tmp_path))
        folder = tmp_path
    ours = load(folder)
    options = {"add_generation_prompt": answer}
    text = theirs.apply_chat_template(messages, tokenize=False, **options)
    assert ours.render(messages, answer=answer) == text
    ids = theirs.apply_chat_template(messages, tokenize=True, return_dict=False, **options)
    assert ours.chat(messages, answer=answer) == ids


def test_text_is_encoded_alike_and_specials_are_known(folder):
    theirs, ours = AutoTokenizer.from_pretrained(str(folder)), load(folder)
    for text in (*TEXTS, " leading", "trailing ", "tabs\tand\n\nbreaks", "Größe 東京 🙂 12345"):
        assert ours.encode(text) == theirs.encode(text, add_special_tokens=False)
    assert (ours.bos, ours.eos, ours.pad) == (
        theirs.bos_token_id,
        theirs.eos_token_id,
        theirs.pad_token_id,
    )
