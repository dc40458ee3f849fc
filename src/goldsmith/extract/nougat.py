"""Reading pictures of pages with a generator in the manner of Nougat (Blecher et al. 2023).

Any `VisionEncoderDecoderModel` of transformers whose decoder writes Markdown, by folder or name:
``extract.ocr_engine = "nougat"`` and ``extract.nougat``. Weights are read from safetensors only and
no code of a checkpoint is run. Decoding is greedy, in batches of pages, one engine a process.

A generator writes on whatever it is shown, so what it says is believed within bounds only. A page
without ink is never shown to it. Writing stops when it goes round in circles, and the circle is cut
off (the authors look at the variance of the logits; we look at the tokens themselves). A page whose
tokens are improbable on average, or which has more characters than its ink could write, is not
read: the text layer stands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from goldsmith.errors import UserError
from goldsmith.extract.markdown import read_markdown
from goldsmith.extract.reading import Line, Page
from goldsmith.extract.render import has_ink, picture
from goldsmith.project import ExtractSettings

BATCH = 4  # pages that are read together
MINIMUM_CONFIDENCE = 0.4  # geometric mean of the probabilities of a page's tokens
_LONGEST_CIRCLE = 64  # tokens
_ROUNDS = 3  # of the same tokens make a circle, or as many as make up _SHORTEST tokens
_SHORTEST = 12
_INK_A_CHARACTER = 0.3  # square points; a full stop of a nine-point type has about as much
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Picture:
    """A page to be read: (height, width, 3) BGR at ``scale`` pixels a point."""

    page: int
    image: NDArray[np.uint8]
    scale: float


@dataclass(frozen=True)
class _Engine:
    model: Any
    tokenizer: Any
    height: int
    width: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    longest: int


def read_scans(
    document: Any,
    numbers: list[int],
    pages: list[Page],
    lines: list[Line],
    settings: ExtractSettings,
) -> tuple[list[Page], list[Line]]:
    """Return the pages and lines of a PDF with the pages of ``numbers`` read, where they could be.

    The lines of a page that was read stay, marked ``replaced``, before the new ones.
    """
    assert settings.nougat is not None
    read: dict[int, list[Line]] = {}
    for start in range(0, len(numbers), BATCH):
        pictures: list[Picture] = []
        for number in numbers[start : start + BATCH]:
            handle = pdfium.FPDF_LoadPage(document.raw, number - 1)
            if handle:
                image, scale = picture(handle, settings.ocr_dots_per_inch / 72)
                pdfium.FPDF_ClosePage(handle)
                pictures.append(Picture(number, image, scale))
        read |= read_pictures(settings.nougat, pictures)
    by_page: dict[int, list[Line]] = {}
    for line in lines:
        gone = line.page in read
        by_page.setdefault(line.page, []).append(line._replace(replaced=True) if gone else line)
    for number, found in read.items():
        first = max((line.block for line in by_page.get(number, ())), default=-1) + 1
        fresh = [line._replace(block=line.block + first) for line in found]
        by_page[number] = by_page.get(number, []) + fresh
    result = [replace(p, route="nougat") if read.get(p.number) else p for p in pages]
    return result, [line for number in sorted(by_page) for line in by_page[number]]


def read_pictures(checkpoint: str, pictures: list[Picture]) -> dict[int, list[Line]]:
    """Return the lines of each page that could be read; pages without ink have none.

    Raises UserError when the checkpoint cannot be used.
    """
    shown = [shot for shot in pictures if has_ink(shot.image)]
    result: dict[int, list[Line]] = {}
    if not shown:
        return result
    engine = _engine(checkpoint)
    for start in range(0, len(shown), BATCH):
        batch = shown[start : start + BATCH]
        for shot, (text, confidence) in zip(batch, _written(engine, batch), strict=True):
            if confidence < MINIMUM_CONFIDENCE or len(text) > _room(shot):
                continue
            lines = [
                line._replace(page=shot.page, engine="nougat", confidence=round(confidence, 3))
                for line in read_markdown(text.encode("utf-8")).lines
            ]
            if lines:
                result[shot.page] = lines
    return result


def without_circle(tokens: list[int]) -> list[int]:
    """Return the tokens with a circle at their end cut down to its first round."""
    length = len(tokens)
    for period in range(1, min(_LONGEST_CIRCLE, length // 2) + 1):
        rounds = 1
        last = tokens[length - period :]
        while (rounds + 1) * period <= length:
            if tokens[length - (rounds + 1) * period : length - rounds * period] != last:
                break
            rounds += 1
        if rounds >= _ROUNDS and rounds * period >= _SHORTEST:
            return tokens[: length - (rounds - 1) * period]
    return tokens


def check(checkpoint: str | None) -> None:
    """Raise UserError unless a local folder holds what is needed; hub names pass."""
    if not checkpoint:
        raise UserError("extract.ocr_engine is nougat: set extract.nougat to a folder or hub name")
    folder = Path(checkpoint).expanduser()
    if not folder.is_dir():
        if checkpoint.startswith((".", "/", "~")) or checkpoint.count("/") != 1:
            raise UserError(f"{checkpoint}: no such folder; set extract.nougat to a checkpoint")
        return
    config = folder / "config.json"
    if not config.is_file():
        raise UserError(f"{checkpoint}: has no config.json; set extract.nougat to a checkpoint")
    try:
        kind = json.loads(config.read_text("utf-8")).get("model_type")
    except (ValueError, AttributeError) as error:
        raise UserError(f"{checkpoint}: config.json is not JSON ({error})") from error
    if kind != "vision-encoder-decoder":
        raise UserError(f"{checkpoint}: is a {kind}, not a vision-encoder-decoder")
    if not any(folder.glob("*.safetensors")):
        raise UserError(f"{checkpoint}: has no .safetensors; convert its weights first")


@cache
def _engine(checkpoint: str) -> _Engine:
    check(checkpoint)
    try:
        import torch
        from transformers import AutoTokenizer, VisionEncoderDecoderModel
    except ImportError as error:
        raise UserError("nougat needs transformers: pip install 'transformers>=5.23,<6'") from error
    torch.set_num_threads(1)
    source = (
        str(Path(checkpoint).expanduser()) if Path(checkpoint).expanduser().is_dir() else checkpoint
    )
    try:
        model = VisionEncoderDecoderModel.from_pretrained(
            source, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        )
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise UserError(
            f"{checkpoint}: cannot be loaded ({first}); check extract.nougat"
        ) from error
    model.eval()
    size = model.config.encoder.image_size
    height, width = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    look = Path(source) / "preprocessor_config.json"
    stored = json.loads(look.read_text("utf-8")) if look.is_file() else {}
    return _Engine(
        model,
        tokenizer,
        height,
        width,
        tuple(stored.get("image_mean", _MEAN)),
        tuple(stored.get("image_std", _DEVIATION)),
        int(getattr(model.config.decoder, "max_position_embeddings", 1024)) - 2,
    )


def _written(engine: _Engine, batch: list[Picture]) -> list[tuple[str, float]]:
    """Text and confidence of each page."""
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Circles(StoppingCriteria):  # type: ignore[misc]
        """Stops a page that goes round in circles; looked at every few tokens."""

        def __call__(self, ids: Any, scores: Any, **_: object) -> Any:
            rows = ids.tolist()
            done = [len(row) % 8 == 0 and without_circle(row) != row for row in rows]
            return torch.tensor(done, device=ids.device)

    shown = torch.from_numpy(np.stack([_prepared(engine, shot.image) for shot in batch]))
    with torch.inference_mode():
        written = engine.model.generate(
            pixel_values=shown,
            max_new_tokens=engine.longest,
            do_sample=False,
            num_beams=1,
            output_scores=True,
            return_dict_in_generate=True,
            stopping_criteria=StoppingCriteriaList([Circles()]),
        )
        steps = engine.model.compute_transition_scores(
            written.sequences, written.scores, normalize_logits=True
        )
    skipped = written.sequences.shape[1] - steps.shape[1]
    ends = {engine.tokenizer.eos_token_id, engine.model.generation_config.eos_token_id}
    result: list[tuple[str, float]] = []
    for row, scores in zip(written.sequences.tolist(), steps.tolist(), strict=True):
        tokens = row[skipped:]
        end = next((at for at, token in enumerate(tokens) if token in ends), len(tokens))
        tokens = without_circle(tokens[:end])
        text = engine.tokenizer.decode(tokens, skip_special_tokens=True).strip()
        sure = float(np.exp(np.mean(scores[: len(tokens)]))) if tokens else 0.0
        result.append((text, sure))
    return result


def _prepared(engine: _Engine, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The page without its margins, fitted into the model's size on white: (3, height, width)."""
    from PIL import Image

    ink = image.min(axis=2) < 200
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if len(rows) and len(columns):
        image = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    page = Image.fromarray(np.ascontiguousarray(image[:, :, ::-1]))
    scale = min(engine.width / page.width, engine.height / page.height)
    size = max(int(page.width * scale), 1), max(int(page.height * scale), 1)
    sheet = Image.new("RGB", (engine.width, engine.height), "white")
    corner = (engine.width - size[0]) // 2, (engine.height - size[1]) // 2
    sheet.paste(page.resize(size, Image.Resampling.BILINEAR), corner)
    paper: NDArray[np.float32] = np.asarray(sheet, np.float32) / np.float32(255)
    shades = (paper - np.array(engine.mean, np.float32)) / np.array(engine.deviation, np.float32)
    return np.ascontiguousarray(shades.transpose(2, 0, 1), np.float32)


def _room(shot: Picture) -> float:
    """How many characters the ink of a page could be."""
    dark = float((shot.image.min(axis=2) < 128).sum())
    return dark / shot.scale**2 / _INK_A_CHARACTER
