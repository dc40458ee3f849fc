"""Writing a line again from its marks, with the characters that damaged codes really stand for.

The white space of the raw line is kept where its characters and the marks agree one by one; where
they do not, as when the codes of glyphs happen to be those of spaces and line breaks, the line is
put together from left to right. What the verdicts say nothing about stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from goldsmith.extract.characters import Frame
from goldsmith.extract.damage import not_text
from goldsmith.extract.marks import Marks
from goldsmith.extract.reading import Line

SPACES = frozenset([9, 10, 13, 32, 0xA0, 0x202F, 0x3000, *range(0x2000, 0x200C)])


@dataclass(frozen=True)
class Verdict:
    """What became of one font.

    ``wrong`` is the share of its characters that are wrong, ``route`` how they were found, and
    ``mapping`` gives the character and its probability for each code. A font that is ``lost`` is no
    text and could not be deciphered: its codes stand for themselves with probability 0.
    """

    wrong: float
    route: str
    lost: bool
    mapping: dict[int, tuple[str, float]]


def written(marks: Marks, table: list[Verdict | None]) -> list[tuple[str, float]]:
    """The text of each mark and the probability of being right; sound fonts as they are."""
    result: list[tuple[str, float]] = []
    for code, font in zip(marks.code.tolist(), marks.font.tolist(), strict=True):
        verdict = table[font]
        if verdict is not None and verdict.lost:
            result.append((" " if code in SPACES else _plain(code), 0.0))
        elif verdict is not None and code in verdict.mapping:
            result.append(verdict.mapping[code])
        elif verdict is not None and (not_text(chr(code)) or code < 32):
            result.append(("\ufffd", 0.0))
        elif code in (2, 0xFFFE):
            result.append(("-", 1.0))
        else:
            result.append((" " if code in SPACES else _plain(code), 1.0))
    return result


def _plain(code: int) -> str:
    return "\ufffd" if code == 0 or 0xD800 <= code < 0xE000 or code > 0x10FFFF else chr(code)


def owners(marks: Marks, lines: list[Line], frame: Frame) -> NDArray[np.int64]:
    """The line each mark stands on, or -1: the smallest box that holds its middle."""
    x = (marks.box[:, 0] + marks.box[:, 2]) / 2
    y = (marks.box[:, 1] + marks.box[:, 3]) / 2
    a, b, c, d, e, f = frame.shown
    across, down = a * x + c * y + e, b * x + d * y + f
    owner = np.full(len(marks.code), -1, np.int64)
    area = np.full(len(marks.code), np.inf)
    for number, line in enumerate(lines):
        if line.box is None or line.engine != "pdfium":
            continue
        x0, y0, x1, y1 = line.box
        inside = (across >= x0 - 1) & (across <= x1 + 1) & (down >= y0 - 1) & (down <= y1 + 1)
        inside &= (x1 - x0) * (y1 - y0) < area
        owner[inside] = number
        area[inside] = (x1 - x0) * (y1 - y0)
    return owner


def rewritten(
    line: Line,
    marks: Marks,
    places: NDArray[np.int64],
    written: list[tuple[str, float]],
    route: str,
) -> Line:
    """The line with its characters put right; its white space stays where characters agree."""
    upright = bool(marks.upright[places].all())
    left = marks.box[places, 0]
    drawn = places[np.lexsort((places, left))] if upright else places
    raised = line.raised
    hidden = any(int(marks.code[p]) in SPACES and written[p][0] != " " for p in places.tolist())
    for order in () if hidden else (drawn, places):
        kept = [place for place in order.tolist() if int(marks.code[place]) not in SPACES]
        claimed = "".join(_claimed(int(marks.code[place])) for place in kept)
        if claimed == "".join(line.text.split()):
            text, sure = _exchanged(line.text, [written[place] for place in kept])
            break
    else:
        shown = len("".join(line.text.split()))
        if len(places) > 1.5 * shown + 2 and not hidden:
            return line  # a tall box that holds the marks of other lines too
        text, sure = _spaced(marks, drawn.tolist(), written)
    confidence = round(float(np.mean(sure)), 3) if sure else 0.0
    if len(text) != len(line.text):
        raised = ()
    return line._replace(text=text, raised=raised, engine=route, confidence=confidence)


def _claimed(code: int) -> str:
    return "-" if code in (2, 0xFFFE) else _plain(code)


def _exchanged(text: str, fresh: list[tuple[str, float]]) -> tuple[str, list[float]]:
    """``text`` with its visible characters exchanged in order; white space at the ends goes."""
    source = iter(fresh)
    pieces: list[str] = []
    sure: list[float] = []
    for character in text:
        if character.isspace() and ord(character) in SPACES:
            pieces.append(character)
        else:
            piece, probability = next(source)
            pieces.append(piece)
            if piece != " ":
                sure.append(probability)
    return "".join(pieces).strip(), sure


def _spaced(
    marks: Marks, places: list[int], written: list[tuple[str, float]]
) -> tuple[str, list[float]]:
    """The characters of a line from left to right, with white space where the pen jumps."""
    text, right = "", float(marks.room[places[0], 1]) if places else 0.0
    sure: list[float] = []
    for place in places:
        piece, probability = written[place]
        gap, size = float(marks.room[place, 0]) - right, float(marks.size[place])
        if piece != " ":
            if gap > 0.15 * size and text and not text.endswith((" ", "\t")):
                text += "\t" if gap > 2 * size else " "
            sure.append(probability)
        right = max(right, float(marks.room[place, 1]))
        if piece != " " or not text.endswith((" ", "\t")):
            text += piece
    return text.strip(), sure
