"""Pages read by a generator: a tiny checkpoint with random weights, made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import Extract, Typeset
from hypothesis import given
from hypothesis import strategies as st

from goldsmith.errors import UserError
from goldsmith.extract import ExtractStage, nougat
from goldsmith.extract.files import PDF
from goldsmith.project import ExtractSettings

pytest.importorskip("transformers", reason="transformers is not installed")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Donut encoder and an mBART decoder as Nougat has them, with a few thousand weights."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        DonutSwinConfig,
        MBartConfig,
        PreTrainedTokenizerFast,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
    )

    torch.manual_seed(0)
    encoder = DonutSwinConfig(
        image_size=[64, 48],
        patch_size=4,
        embed_dim=8,
        depths=[1, 1],
        num_heads=[2, 2],
        window_size=4,
    )
    decoder = MBartConfig(
        vocab_size=40,
        d_model=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=16,
        max_position_embeddings=64,
        is_decoder=True,
        add_cross_attention=True,
        tie_word_embeddings=False,
    )
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    model = VisionEncoderDecoderModel(config=config)
    model.generation_config.decoder_start_token_id = 0
    model.generation_config.eos_token_id = 2
    model.generation_config.pad_token_id = 1
    words = ["<s>", "<pad>", "</s>", "<unk>", *(f"word{k}" for k in range(36))]
    tokenizer = Tokenizer(models.WordLevel({w: k for k, w in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    folder = tmp_path_factory.mktemp("checkpoint")
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
    ).save_pretrained(folder)
    return folder


def inked(seed: int) -> np.ndarray:
    image = np.full((400, 300, 3), 255, np.uint8)
    image[50 + 10 * seed : 300, 40:260:3] = 0
    return image


def test_pages_are_read_in_batches_and_alike_alone(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nougat, "MINIMUM_CONFIDENCE", 0.0)
    pictures = [nougat.Picture(number, inked(number), 1.0) for number in range(1, 7)]
    together = nougat.read_pictures(str(checkpoint), pictures)
    assert set(together) == {1, 2, 3, 4, 5, 6}
    alone = nougat.read_pictures(str(checkpoint), pictures[3:4])
    assert alone[4][0].text == together[4][0].text
    assert alone[4][0].engine == "nougat"
    assert alone[4][0].page == 4
    assert 0.0 < alone[4][0].confidence <= 1.0


def test_a_page_without_ink_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(checkpoint: str) -> object:
        raise AssertionError("the model was loaded for a blank page")

    monkeypatch.setattr(nougat, "_engine", never)
    blank = np.full((400, 300, 3), 255, np.uint8)
    assert nougat.read_pictures("anything", [nougat.Picture(1, blank, 1.0)]) == {}


def test_what_is_improbable_or_longer_than_its_ink_is_not_read(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = nougat.Picture(1, inked(1), 1.0)
    monkeypatch.setattr(nougat, "MINIMUM_CONFIDENCE", 0.999)
    assert nougat.read_pictures(str(checkpoint), [picture]) == {}
    monkeypatch.setattr(nougat, "MINIMUM_CONFIDENCE", 0.0)
    dots = np.full((400, 300, 3), 255, np.uint8)
    dots[10:15, 10:15] = 0
    assert nougat.read_pictures(str(checkpoint), [nougat.Picture(1, dots, 10.0)]) == {}


@given(
    st.lists(st.integers(0, 3), max_size=40), st.lists(st.integers(4, 9), min_size=1, max_size=10)
)
def test_circles_are_cut_to_one_round(start: list[int], circle: list[int]) -> None:
    cut = nougat.without_circle(start + circle * 12)
    assert len(cut) <= len(start) + len(circle)
    assert cut[: len(start)] == start
    assert nougat.without_circle(cut) == cut


def test_text_that_does_not_go_round_stays() -> None:
    assert nougat.without_circle(list(range(50))) == list(range(50))
    assert nougat.without_circle([7, 7, 7, 1, 2, 3] * 2) == [7, 7, 7, 1, 2, 3] * 2


def test_a_scan_is_read_by_the_chosen_engine(
    checkpoint: Path, typeset: Typeset, extract: Extract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nougat, "MINIMUM_CONFIDENCE", 0.0)
    drawn = typeset(
        "#set page(width: 200pt, height: 100pt)\n#rect(width: 100%, height: 50%, fill: black)\n"
        "#pagebreak()\n#v(1pt)"
    )
    tables = extract(drawn, PDF, ocr="auto", ocr_engine="nougat", nougat=str(checkpoint))
    assert tables["pages"]["route"].to_pylist() == ["nougat", "empty"]
    assert set(tables["lines"]["engine"].to_pylist()) == {"nougat"}
    assert set(tables["lines"]["page"].to_pylist()) == {1}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, "no such folder"),
        (lambda folder: folder.mkdir(), "config.json"),
        (lambda folder: write(folder, '{"model_type": "bert"}'), "bert"),
        (lambda folder: write(folder, '{"model_type": "vision-encoder-decoder"}'), "safetensors"),
        (lambda folder: write(folder, "{"), "not JSON"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_said_before_the_run(
    tmp_path: Path, make: object, words: str
) -> None:
    folder = tmp_path / "model"
    make(folder)  # type: ignore[operator]
    with pytest.raises(UserError, match=words):
        ExtractStage(ExtractSettings(ocr_engine="nougat", nougat=str(folder)))


def test_the_engine_needs_a_checkpoint() -> None:
    with pytest.raises(UserError, match=r"extract\.nougat"):
        ExtractStage(ExtractSettings(ocr_engine="nougat"))


def write(folder: Path, config: str) -> None:
    folder.mkdir()
    (folder / "config.json").write_text(config)
