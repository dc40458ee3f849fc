"""Texts as a reader of page images would give them: a model of the errors, and the real thing.

The model draws, at a given share of characters, what readers do: take one character for another
that looks like it, drop one, add one, change its case, lose or add a space. The real thing draws
the text on a page, makes the image worse, and lets rapidocr read it.
"""

import random
import textwrap

import numpy as np
from rapidfuzz.distance import Levenshtein

LOOKS = {
    "l": "1I|", "1": "lI", "I": "l1", "i": "lj", "O": "0Q", "0": "O", "m": ("rn", "nn"),
    "w": ("vv",), "e": "co", "c": "eo", "o": "c0", "a": "os", "s": "5a", "5": "S", "h": "b",
    "n": ("u", "ri"), "u": ("n", "ii"), "t": "fl", "f": "t", "d": ("cl",), "S": "5", "B": "8",
    "8": "B", "g": "q9", "q": "g", "v": "y", "y": "v", ",": ".", ".": ",", "r": "i",
}  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def with_errors(text: str, rate: float, source: random.Random) -> str:
    """Return the text with errors at a share ``rate`` of its characters."""
    read = []
    for letter in text:
        if source.random() >= rate:
            read.append(letter)
            continue
        kind = source.random()
        if letter == " ":
            read.append("" if kind < 0.7 else "  ")
        elif kind < 0.12:
            pass
        elif kind < 0.22:
            read.append(letter + source.choice(LETTERS + " .,'"))
        elif kind < 0.27:
            read.append(letter.swapcase())
        elif kind < 0.7 and letter in LOOKS:
            read.append(source.choice(LOOKS[letter]))
        else:
            read.append(source.choice(LETTERS))
    return "".join(read)


def read_by_ocr(texts: list[str], source: random.Random) -> list[tuple[str, str, float]]:
    """Draw each text, worsen the image, read it: (text, reading, character error rate)."""
    from PIL import Image, ImageDraw, ImageFilter, ImageFont
    from rapidocr import RapidOCR

    if not texts:
        return []
    engine = RapidOCR()
    found = []
    for number, text in enumerate(texts):
        size = 26 - 2 * (number % 4)
        font = ImageFont.load_default(size)
        lines = textwrap.wrap(text, 78)
        page = Image.new("L", (size * 46, int(size * 1.5) * (len(lines) + 2)), 255)
        draw = ImageDraw.Draw(page)
        for row, line in enumerate(lines):
            draw.text((size, int(size * 1.5) * (row + 1)), line, fill=30, font=font)
        small = page.resize((page.width * 3 // 5, page.height * 3 // 5))
        small = small.filter(ImageFilter.GaussianBlur(0.4 + 0.3 * (number % 3)))
        grain = np.random.default_rng(source.randrange(1 << 30)).normal(0, 22, small.size[::-1])
        image = np.clip(np.asarray(small, float) + grain, 0, 255).astype(np.uint8)
        result = engine(np.repeat(image[:, :, None], 3, axis=2))
        reading = "\n".join(result.txts or ())
        rate = Levenshtein.normalized_distance("".join(text.split()), "".join(reading.split()))
        found.append((text, reading, rate))
    return found
