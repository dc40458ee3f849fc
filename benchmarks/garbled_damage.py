"""PDFs with wrong tables of codes, made from sound ones; what `garbled.py` deciphers.

Only ToUnicode maps are changed, so every page looks as before. The same seed makes the same damage.
"""

from __future__ import annotations

import io
import random
import re
import string

import pypdf


def damaged(content: bytes, damage: str, seed: int) -> tuple[bytes, set[str]]:
    """The PDF with maps of codes made wrong, and the fonts whose maps they are."""
    chance = random.Random(f"damage {seed}")
    writer = pypdf.PdfWriter(io.BytesIO(content))
    fonts = [
        one
        for one in writer._objects
        if isinstance(one, pypdf.generic.DictionaryObject) and "/ToUnicode" in one
    ]
    if len(fonts) > 1 and chance.random() < 0.35:
        fonts = chance.sample(fonts, 1)
    touched: set[str] = set()
    for font in fonts:
        if damage == "missing":
            del font["/ToUnicode"]
        else:
            stream = font["/ToUnicode"].get_object()
            stream.set_data(rewritten(stream.get_data(), damage, chance))
        touched.add(str(font["/BaseFont"]).lstrip("/").removesuffix("-Identity-H"))
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue(), touched


def rewritten(cmap: bytes, damage: str, chance: random.Random) -> bytes:
    """A ToUnicode map whose characters are replaced by others, one by one."""
    found = re.findall(rb"(?m)^<([0-9A-Fa-f]+)> <([0-9A-Fa-f]+)>$", cmap)
    used = sorted(
        {c for _, to in found for c in bytes.fromhex(to.decode()).decode("utf-16-be")} - {" "}
    )
    table = dict(zip(used, used, strict=True))
    if damage == "shift":
        step = chance.choice((-29, -3, -1, 1, 2, 5, 13, 29, 64))
        table = {c: chr(ord(c) + step) if ord(c) + step > 32 else c for c in used}
    elif damage == "permutation":
        table = dict(zip(used, chance.sample(used, len(used)), strict=True))
    elif damage == "letters":
        low, high = list(string.ascii_lowercase), list(string.ascii_uppercase)
        table = dict(zip(low + high, chance.sample(low, 26) + chance.sample(high, 26), strict=True))
    elif damage == "partial":
        some = [c for c in used if chance.random() < 0.5]
        table |= dict(zip(some, chance.sample(some, len(some)), strict=True))

    def one(match: re.Match[bytes]) -> bytes:
        text = bytes.fromhex(match[2].decode()).decode("utf-16-be")
        moved = "".join(table.get(c, c) for c in text).encode("utf-16-be").hex().upper()
        return b"<" + match[1] + b"> <" + moved.encode() + b">"

    return re.sub(rb"(?m)^<([0-9A-Fa-f]+)> <([0-9A-Fa-f]+)>$", one, cmap)
