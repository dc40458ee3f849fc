"""Reading a picture of a page with RapidOCR (PP-OCR in ONNX; the weights are in its wheel).

One engine a process, made at its first use, with two threads. What it finds is put into reading
order like a text layer, after taking out the page's skew (the order only; boxes stay where they
are). A page that lies on its side or on its head is turned and read again. What the engine is not
sure of is not text: nothing is made up on an empty page.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from goldsmith.extract.characters import Floats
from goldsmith.extract.layout import reading_order
from goldsmith.extract.reading import Box, Line
from goldsmith.extract.rows import block_numbers, make_rows, separate
from goldsmith.extract.segments import Segments

MINIMUM_CONFIDENCE = 0.5
_DOUBTFUL = 0.75  # mean confidence below which another direction is tried
_MARGIN = 0.25  # of a line's height around a region that is cut out of a page
_BORDER = 12  # pixels of paper around it: the text detector wants some
_SIZE = 0.8  # type size in box heights


@dataclass(frozen=True)
class Found:
    """k pieces of text: quads (k, 4, 2) in pixels clockwise from top left, texts, confidences."""

    quads: Floats
    texts: list[str]
    confidences: list[float]

    @property
    def weight(self) -> float:
        """Characters, weighted with confidence: how much was read."""
        pairs = zip(self.texts, self.confidences, strict=True)
        return sum(len(text) * confidence**2 for text, confidence in pairs)


def read_picture(image: NDArray[np.uint8], scale: float, page: int) -> list[Line]:
    """Return the lines on a (height, width, 3) BGR picture made at ``scale`` pixels a point."""
    found = _turned(image, 0)
    if not found.texts:
        return []
    sides = np.linalg.norm(found.quads[:, 1] - found.quads[:, 0], axis=1)
    heights = np.linalg.norm(found.quads[:, 3] - found.quads[:, 0], axis=1)
    if float(np.median(heights / np.maximum(sides, 1.0))) > 1.5:
        found = max([found, _turned(image, 1), _turned(image, 3)], key=lambda f: f.weight)
    elif float(np.mean(found.confidences)) < _DOUBTFUL:
        found = max([found, _turned(image, 2)], key=lambda f: f.weight)
    return _lines(found, scale, page)


def read_regions(
    image: NDArray[np.uint8], scale: float, page: int, boxes: list[Box]
) -> list[list[Line]]:
    """Return the lines in each region of a page's picture; ``boxes`` in points as displayed.

    Boxes that lie under each other as lines of a block are cut out together, with a margin, and
    what is read goes to the box that holds its middle; one that holds nothing gets no lines.
    """
    result: list[list[Line]] = [[] for _ in boxes]
    for group in _clusters(boxes):
        edges = np.array([boxes[number] for number in group])
        margin = max(float(np.median(edges[:, 3] - edges[:, 1])) * _MARGIN, 2.0)
        x0, y0 = np.maximum((edges[:, :2].min(axis=0) - margin) * scale, 0).astype(int)
        x1, y1 = np.ceil((edges[:, 2:].max(axis=0) + margin) * scale).astype(int)
        cut = image[y0:y1, x0:x1]
        if min(cut.shape[:2], default=0) < 4:
            continue
        paper = np.full((cut.shape[0] + 2 * _BORDER, cut.shape[1] + 2 * _BORDER, 3), 255, np.uint8)
        paper[:] = np.median(cut.reshape(-1, 3), axis=0).astype(np.uint8)
        paper[_BORDER:-_BORDER, _BORDER:-_BORDER] = cut
        dx, dy = (float(x0) - _BORDER) / scale, (float(y0) - _BORDER) / scale
        for line in read_picture(paper, scale, page):
            assert line.box is not None
            a, b, c, d = line.box
            box = round(a + dx, 2), round(b + dy, 2), round(c + dx, 2), round(d + dy, 2)
            home = _home(box, boxes, group)
            if home is not None:
                result[home].append(line._replace(box=box))
    return result


def _clusters(boxes: list[Box]) -> list[list[int]]:
    """Boxes that follow each other closely, in their given order."""
    groups: list[list[int]] = []
    for number, (x0, y0, x1, y1) in enumerate(boxes):
        if groups:
            a, b, c, d = boxes[groups[-1][-1]]
            beside = min(c, x1) - max(a, x0) > 0.3 * min(c - a, x1 - x0)
            if beside and -(d - b) < y0 - d < 1.2 * max(d - b, y1 - y0):
                groups[-1].append(number)
                continue
        groups.append([number])
    return groups


def _home(box: Box, boxes: list[Box], group: list[int]) -> int | None:
    """The box of the group whose rows the middle of ``box`` lies on, or None."""
    middle = (box[1] + box[3]) / 2
    for number in group:
        x0, y0, x1, y1 = boxes[number]
        if y0 <= middle <= y1 and min(box[2], x1) - max(box[0], x0) > 0:
            return number
    return None


@cache
def _engine() -> Any:
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.max_side_len": 4000,
            "Global.text_score": MINIMUM_CONFIDENCE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 2,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _turned(image: NDArray[np.uint8], quarters: int) -> Found:
    """Read the picture turned by quarters (counter-clockwise); quads in the picture's own frame."""
    turned = np.ascontiguousarray(np.rot90(image, quarters))
    result = _engine()(turned)
    boxes, texts, scores = (getattr(result, name, None) for name in ("boxes", "txts", "scores"))
    if boxes is None or not texts or not scores:
        return Found(np.zeros((0, 4, 2), np.float32), [], [])
    quads: Floats = np.asarray(boxes, np.float32).reshape(-1, 4, 2)
    height, width = image.shape[:2]
    x, y = quads[:, :, 0], quads[:, :, 1]
    if quarters == 1:
        quads = np.stack([width - y, x], axis=2)
    elif quarters == 2:
        quads = np.stack([width - x, height - y], axis=2)
    elif quarters == 3:
        quads = np.stack([y, height - x], axis=2)
    return Found(quads, [str(text) for text in texts], [float(score) for score in scores])


def _lines(found: Found, scale: float, page: int) -> list[Line]:
    quads = found.quads / scale
    along = quads[:, 1] - quads[:, 0]
    length = np.linalg.norm(along, axis=1)
    angle = float(np.median(np.arctan2(along[:, 1], along[:, 0])[length >= np.median(length)]))
    cosine, sine = np.cos(-angle), np.sin(-angle)
    turn = np.array([[cosine, -sine], [sine, cosine]], np.float32)
    upright = quads @ turn.T
    x0, y0 = upright.min(axis=1).T
    x1, y1 = upright.max(axis=1).T
    high = y1 - y0
    weight = np.array([max(len(text), 1) for text in found.texts])
    band = (y0 + 0.1 * high, y1 - 0.1 * high)
    size = np.maximum(high * _SIZE, 1.0)
    s = Segments(x0, x1, *band, y1 - 0.25 * high, size, weight)
    lines: list[Line] = []
    block = 0
    for group in reading_order(s):
        rows = make_rows(s, group)
        blocks = block_numbers(s, rows, block, tolerance=0.18)
        block = blocks[-1] + 1
        for row, number in zip(rows, blocks, strict=True):
            text, right = "", 0.0
            for member in row.members:
                gap = float(x0[member]) - right
                text += (separate(gap, row.size, 1) or " ") if text else ""
                text += found.texts[member].strip()
                right = float(x1[member])
            votes = [found.confidences[member] for member in row.members]
            if not text.strip():
                continue
            lines.append(
                Line(
                    page=page,
                    block=number,
                    text=text,
                    box=_box(quads[row.members]),
                    size=round(float(np.median(size[row.members])), 1),
                    engine="rapidocr",
                    confidence=round(float(np.average(votes, weights=weight[row.members])), 3),
                )
            )
    return lines


def _box(quads: Floats) -> Box:
    (x0, y0), (x1, y1) = quads.reshape(-1, 2).min(axis=0), quads.reshape(-1, 2).max(axis=0)
    return round(float(x0), 2), round(float(y0), 2), round(float(x1), 2), round(float(y1), 2)
