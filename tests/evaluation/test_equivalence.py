import shutil
from dataclasses import replace

import pytest
import torch

from goldsmith.errors import ModelError, UserError
from goldsmith.evaluation import compare_export, require_equivalence
from goldsmith.models import Decoder, ModelConfig, load_model, save_model
from goldsmith.project import ServeSettings
from goldsmith.training import load_adapter
from goldsmith.training.adapter_files import save_adapter, save_merged
from goldsmith.training.adapters import BITFIT, AdapterSpec, PromptSpec, attach, attach_prompt

CONFIG = ModelConfig(
    vocabulary=61, width=32, layers=2, heads=4, key_value_heads=2, head_dim=8, hidden=48, context=64
)
PROMPTS = [[1, 5, 9, 30], list(range(60)), [7] * 20, []]


class Bytes:
    bos = None

    def decode(self, ids):
        return "".join(map(chr, ids))


@pytest.fixture
def folders(tmp_path):
    """A base, an adapter on it, and both merged."""
    model = Decoder(CONFIG, seed=1)
    save_model(model, tmp_path / "base")
    attach(model, AdapterSpec(4, 12.0), seed=2)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    save_adapter(model, tmp_path / "adapter", "../base")
    save_merged(model, tmp_path / "merged", None)
    return tmp_path


def compared(folders, prompts=PROMPTS):
    trained = load_model(folders / "base")
    load_adapter(trained, folders / "adapter")
    return compare_export(
        trained, folders / "merged", Bytes(), prompts, ServeSettings(batch=4, context=48)
    )


def test_an_export_equals_what_was_trained(folders):
    found = compared(folders)
    assert found.holds
    assert found.prompts == 3
    assert found.tokens == (4 + 16 - 1) + (48 - 1) + (20 + 16 - 1)
    assert 0 <= max(found.gaps.values()) < 1e-4
    require_equivalence(found, folders / "merged")


@pytest.fixture
def prompted(tmp_path):
    """A base, a prompt for it, and a folder with both."""
    model = Decoder(CONFIG, seed=1)
    save_model(model, tmp_path / "base")
    attach_prompt(model, PromptSpec(6), seed=2)
    with torch.no_grad():
        model.prompt.rows += 0.5 * torch.randn(6, 32, generator=torch.Generator().manual_seed(3))
    save_adapter(model, tmp_path / "adapter", "../base")
    save_merged(model, tmp_path / "merged", None)
    return tmp_path


def test_a_prompt_is_served_as_it_was_trained(prompted):
    found = compared(prompted)
    assert found.holds
    # Prompts and answers have what the virtual tokens leave of the context.
    assert found.tokens == (4 + 16 - 1) + (42 - 1) + (20 + 16 - 1)
    assert 0 <= max(found.gaps.values()) < 1e-4


def test_a_folder_whose_prompt_is_another_or_gone_is_refused(prompted):
    model = load_model(prompted / "base")
    load_adapter(model, prompted / "adapter")
    with torch.no_grad():
        model.prompt.rows[2] += 1.0
    save_merged(model, prompted / "merged", None)
    with pytest.raises(ModelError, match=r"the first tensor that differs is 'prompt\.rows'"):
        require_equivalence(compared(prompted), prompted / "merged")
    shutil.rmtree(prompted / "merged/prompt")
    found = compared(prompted)
    assert found.tensor == "prompt.rows"
    assert min(found.gaps.values()) > 0.001


def test_trained_biases_are_served_as_they_were_trained(tmp_path):
    model = Decoder(replace(CONFIG, family="qwen2", qkv_bias=True), seed=1)
    save_model(model, tmp_path / "base")
    attach(model, BITFIT, seed=2)
    with torch.no_grad():
        for number, layer in enumerate(model.layers):
            layer.attention.value.bias += 0.5 + number
    save_adapter(model, tmp_path / "adapter", "../base")
    save_merged(model, tmp_path / "merged", None)
    found = compared(tmp_path)
    assert found.holds
    assert 0 <= max(found.gaps.values()) < 1e-4
    save_model(load_model(tmp_path / "base"), tmp_path / "merged")
    found = compared(tmp_path)
    assert found.tensor == "layers.0.attention.value.bias"
    assert min(found.gaps.values()) > 0.01


@pytest.mark.parametrize("change", [0.3, 1000.0])
def test_the_first_tensor_that_differs_is_named(folders, change):
    model = load_model(folders / "merged")
    with torch.no_grad():
        for number in (0, 1):
            model.layers[number].attention.value.weight[3, 4] += change
    save_model(model, folders / "merged")
    found = compared(folders)
    assert not found.holds
    with pytest.raises(ModelError, match=r"layers\.0\.attention\.value\.weight.*train it again"):
        require_equivalence(found, folders / "merged")


def test_a_model_without_its_adapter_is_refused(folders):
    save_model(load_model(folders / "base"), folders / "merged")
    found = compared(folders)
    assert found.gaps["export"] > 0.01
    assert found.gaps["engine"] > 0.01
    assert found.tensor.startswith("layers.0.")


def test_without_a_prompt_there_is_nothing_to_compare(folders):
    with pytest.raises(UserError, match="no prompt"):
        compared(folders, [[]])
