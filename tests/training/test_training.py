"""That training learns, keeps its best step, leaves the base alone, and says where it broke."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import toy
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.errors import ModelError
from goldsmith.models import load_model
from goldsmith.pipeline.artifact import read_manifest
from goldsmith.project import ModelSettings
from goldsmith.training.adapter_files import load_adapter
from goldsmith.training.loop import validation_loss
from goldsmith.training.pretraining import model_config
from goldsmith.training.schedule import FLOOR, learning_rate


def rows_of(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").open()]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_pretraining_learns_and_writes_a_whole_folder(tmp_path, precision):
    train = toy.TRAIN.model_copy(update={"steps": 60, "precision": precision})
    outcome = toy.run_pretrain(tmp_path, toy.ToyBatches(), train)
    rows = rows_of(tmp_path / "base")
    assert rows[0]["loss"] == pytest.approx(np.log(toy.VOCABULARY), abs=0.2)
    assert outcome.validation_loss < 0.75 * rows[0]["loss"]
    assert outcome.tokens == rows[-1]["tokens"] == 60 * 4 * 12
    assert set(rows[3]) == {
        "step", "loss", "validation_loss", "learning_rate", "gradient_norm", "tokens"
    }  # fmt: skip
    model = load_model(tmp_path / "base")
    assert model.embedding.weight.dtype == torch.float32
    assert (model.config.bos, model.config.eos, model.config.pad) == (0, (1,), 2)
    assert validation_loss(model, toy.ToyBatches()) == pytest.approx(outcome.validation_loss)
    assert (tmp_path / "base" / "tokenizer.json").is_file()
    assert read_manifest(tmp_path / "base")["fingerprint"] == "toy"


class Worsening(toy.ToyBatches):
    """Held-out batches that what is learned makes worse: targets no rule predicts."""

    def validation(self):
        batch = super()._make(1)
        wrong = (batch.targets + 12) % toy.VOCABULARY
        yield toy.ToyBatch(
            batch.tokens,
            np.where(batch.targets < 0, -100, wrong),
            batch.segments,
            batch.positions,
        )


def test_the_best_step_is_kept_not_the_last(tmp_path):
    train = toy.TRAIN.model_copy(update={"steps": 60})
    outcome = toy.run_pretrain(tmp_path, Worsening(), train)
    losses = {
        r["step"]: r["validation_loss"] for r in rows_of(tmp_path / "base") if r["step"] % 4 == 0
    }
    assert outcome.best_step == min(losses, key=losses.get) < 60
    kept = validation_loss(load_model(tmp_path / "base"), Worsening())
    assert kept == pytest.approx(min(losses.values())) == pytest.approx(outcome.validation_loss)


class NothingHeldOut(toy.ToyBatches):
    def validation(self):
        return iter(())


def test_nothing_held_out_keeps_the_last_step(tmp_path):
    outcome = toy.run_pretrain(tmp_path, NothingHeldOut())
    assert (outcome.best_step, outcome.validation_loss) == (12, None)
    assert rows_of(tmp_path / "base")[-1]["validation_loss"] is None


def test_tuning_learns_and_leaves_the_base_alone(tmp_path):
    train = toy.TRAIN.model_copy(
        update={"tune_steps": 60, "lora_rank": 8, "tune_learning_rate": 2e-2}
    )
    outcome = toy.run_tune(tmp_path, toy.ToyBatches(), train)
    base, merged = load_model(tmp_path / "start"), load_model(tmp_path / "merged")
    before = validation_loss(base, toy.ToyBatches())
    assert outcome.validation_loss < 0.9 * before
    assert validation_loss(merged, toy.ToyBatches()) == pytest.approx(
        outcome.validation_loss, abs=1e-5
    )
    after = merged.state_dict()
    for name, weight in base.state_dict().items():
        frozen = "norm" in name or name.startswith(("embedding", "head"))
        assert torch.equal(weight, after[name]) is frozen, name
    load_adapter(base, tmp_path / "adapter")
    tokens = torch.arange(10)[None]
    torch.testing.assert_close(base(tokens), merged(tokens), atol=1e-5, rtol=1e-4)
    config = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "../start"
    assert (tmp_path / "merged/tokenizer.json").is_file()


def test_an_adapter_of_another_model_is_refused(tmp_path):
    toy.run_tune(tmp_path, toy.ToyBatches())
    toy.run_pretrain(tmp_path, toy.ToyBatches())
    config = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
    config["r"] = 5
    (tmp_path / "adapter/adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="another shape"):
        load_adapter(load_model(tmp_path / "base"), tmp_path / "adapter")
    with pytest.raises(ModelError, match="not a LoRA adapter"):
        load_adapter(load_model(tmp_path / "base"), tmp_path / "base")


def test_a_loss_that_is_not_finite_stops_and_names_the_step(tmp_path):
    wild = toy.TRAIN.model_copy(update={"learning_rate": 1e38, "warmup": 0, "checkpoint_every": 1})
    with pytest.raises(ModelError, match=r"pretrain: step 2 has loss .* checkpoint of step 1"):
        toy.run_pretrain(tmp_path, toy.ToyBatches(), wild)
    assert not (tmp_path / "base").exists()
    assert json.loads((tmp_path / "checkpoints/state.json").read_text())["step"] == 1


def test_threads_are_given_back(tmp_path):
    before = torch.get_num_threads()
    toy.run_pretrain(tmp_path, toy.ToyBatches(), toy.TRAIN.model_copy(update={"threads": 3}))
    assert torch.get_num_threads() == before


def test_a_width_that_heads_do_not_divide_is_refused(tmp_path):
    tokenizer = toy.make_tokenizer(tmp_path)
    with pytest.raises(ModelError, match=r"model\.width 20 does not divide into 8 heads"):
        model_config(ModelSettings(width=20, heads=8), tokenizer, 16)
    with pytest.raises(ModelError, match=r"tokenizer\.json: tokenizer is missing"):
        model_config(ModelSettings(), tmp_path / "nowhere", 16)


@given(st.integers(1, 500), st.integers(0, 600), st.sampled_from(["cosine", "linear", "wsd"]))
def test_learning_rate_rises_then_falls_to_a_tenth(steps, warmup, schedule):
    rates = [learning_rate(step, steps, 2.0, warmup, schedule) for step in range(steps)]
    top = rates.index(max(rates))
    assert all(0 < rate <= 2.0 for rate in rates)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) == 2.0
    if steps > 2:
        assert rates[-1] == pytest.approx(2.0 * FLOOR)
