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
CHATML = """
{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nBe brief.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages if message.role != 'system' %}
    {%- if tools %}{{ tools | tojson(indent=2) }}{% endif %}
    {{- '<|im_start|>' + message.role + '\\n' }}{{ message.content + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""
LLAMA_2 = """
{%- if messages[0]['role'] == 'system' %}
    {%- set rest = messages[1:] %}{% set system = messages[0]['content'] %}
{%- else %}
    {%- set rest = messages %}{% set system = false %}
{%- endif %}
{%- for message in rest %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('roles must alternate user/assistant/...') }}
    {%- endif %}
    {%- if loop.first and system is not false %}
        {%- set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + message['content'] %}
    {%- else %}{%- set content = message['content'] %}{%- endif %}
    {%- if message['role'] == 'user' %}
        {{- bos_token + '[INST] ' + content.strip() + ' [/INST]' }}
    {%- else %}{{- ' ' + content.strip() + ' ' + eos_token }}{%- endif %}
{%- endfor %}
"""
LLAMA_3 = """
{{- bos_token }}
{%- if not date_string is defined %}{%- set date_string = '26 Jul 2024' %}{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{{- 'Today: ' + date_string + '\\n' if tools is none else '' }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
    {{- message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""
MISTRAL = """
{%- set ns = namespace(count=0) %}
{{- bos_token }}
{%- for message in messages %}
    {%- if message.role == 'system' %}{% set ns.system = message.content %}{% continue %}{% endif %}
    {%- if message.role == 'user' %}
        {%- set ns.count = ns.count + 1 %}
        {{- '[INST] ' ~ (ns.system ~ '\\n\\n' if ns.count == 1 and ns.system is defined else '') }}
        {{- message.content ~ ' [/INST]' }}
    {%- else %}{% generation %}{{ ' ' ~ message.content ~ eos_token }}{% endgeneration %}{% endif %}
{%- endfor %}
{{ unk_token }}|{{ cls_token is defined }}|{{ messages | tojson }}
"""
GEMMA = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{% set role = 'model' %}"
    "{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)
OTHER_TEMPLATES = [
    "{% for m in messages %}\n  {% if loop.first %}[S]{% endif %}\n"
    "{{ m.content | trim }}[{{ m.role }}]"
    "{% endfor %}",
    "{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}"
    "{{ m | tojson }}{{ eos_token }}{% endfor %}",
    CHATML,
    LLAMA_2,
    LLAMA_3,
    MISTRAL,
    GEMMA,
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
