"""Documents that go wrong in known ways: a scan, a broken text layer, a near copy, gibberish.

Each is made from a typeset document or from source text, always the same way: random choices come
from a generator seeded with the document's name.
"""

from __future__ import annotations

import io
import random
import re
import string
import zlib

import numpy as np
import pypdfium2
from PIL import Image, ImageFilter

DOTS_PER_INCH = 150
JPEG_QUALITY = 38


def scan(pdf: bytes, name: str) -> bytes:
    """A PDF of page images: slightly turned, soft, noisy, unevenly lit, no text layer."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    pages = []
    with pypdfium2.PdfDocument(pdf) as document:
        for page in document:
            size = page.get_size()
            image = page.render(scale=DOTS_PER_INCH / 72, grayscale=True).to_pil().convert("L")
            angle = float(generator.uniform(0.25, 0.8)) * (1 if generator.random() < 0.5 else -1)
            image = image.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=250)
            image = image.filter(ImageFilter.GaussianBlur(0.55))
            grey = np.asarray(image, dtype=np.float64)
            shade = np.linspace(0, generator.uniform(6, 14), grey.shape[1])[None, :]
            noise = generator.normal(0, 5.0, grey.shape)
            grey = np.clip(28 + grey * 0.86 - shade + noise, 0, 255).astype(np.uint8)
            specks = generator.random(grey.shape) < 0.00004
            grey[specks] = 60
            stream = io.BytesIO()
            Image.fromarray(grey).save(stream, "JPEG", quality=JPEG_QUALITY, optimize=True)
            pages.append((size, grey.shape, stream.getvalue()))
    return _image_pdf(pages)


def _image_pdf(pages: list[tuple[tuple[float, float], tuple[int, ...], bytes]]) -> bytes:
    """One JPEG a page, nothing else; written by hand so that it holds no date."""
    kids = " ".join(f"{3 + 3 * index} 0 R" for index in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
    ]
    for index, ((width, height), shape, jpeg) in enumerate(pages):
        first = 3 + 3 * index
        drawing = f"{width:.2f} 0 0 {height:.2f} 0 0 cm /Scan Do".encode()
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.2f} {height:.2f}] "
            f"/Resources << /XObject << /Scan {first + 1} 0 R >> >> "
            f"/Contents {first + 2} 0 R >>".encode(),
            f"<< /Type /XObject /Subtype /Image /Width {shape[1]} /Height {shape[0]} "
            f"/ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode "
            f"/Length {len(jpeg)} >>\nstream\n".encode() + jpeg + b"\nendstream",
            f"<< /Length {len(drawing)} >>\nstream\n".encode() + drawing + b"\nendstream",
        ]
    out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n"
    return out + trailer.encode() + f"startxref\n{out.rindex(b'xref')}\n%%EOF\n".encode()


def permute_text_layer(pdf: bytes, name: str) -> bytes:
    """Swap the letters that each font's ToUnicode map gives; the glyphs stay as they are.

    New map streams are appended as an incremental update, so the original bytes stay in place.
    """
    generator = random.Random(name)
    swaps = {}
    for letters in (string.ascii_lowercase, string.ascii_uppercase):
        mixed = list(letters)
        while any(a == b for a, b in zip(mixed, letters, strict=True)):
            generator.shuffle(mixed)
        swaps.update(zip(letters, mixed, strict=True))
    maps = sorted({int(number) for number in re.findall(rb"/ToUnicode (\d+) 0 R", pdf)})
    if not maps:
        raise ValueError(f"{name}: typst wrote no ToUnicode map that this build can find")
    out, places = pdf + b"\n", {}
    for number in maps:
        start = re.search(rb"(?:^|\n)%d 0 obj" % number, pdf)
        assert start is not None
        begin = pdf.index(b"stream", start.end()) + len(b"stream")
        begin += 2 if pdf[begin : begin + 2] == b"\r\n" else 1
        raw = pdf[begin : pdf.index(b"endstream", begin)]
        if b"FlateDecode" in pdf[start.end() : begin]:
            raw = zlib.decompressobj().decompress(raw)
        packed = zlib.compress(_swap_targets(raw, swaps), 9)
        places[number] = len(out)
        out += f"{number} 0 obj\n<< /Length {len(packed)} /Filter /FlateDecode >>\n".encode()
        out += b"stream\n" + packed + b"\nendstream\nendobj\n"
    before = int(re.findall(rb"startxref\s+(\d+)", pdf)[-1])
    root = re.findall(rb"/Root (\d+) 0 R", pdf)[-1].decode()
    size = int(re.findall(rb"/Size (\d+)", pdf)[-1])
    table = "".join(f"{n} 1\n{place:010d} 00000 n \n" for n, place in sorted(places.items()))
    trailer = f"trailer\n<< /Size {size} /Root {root} 0 R /Prev {before} >>\n"
    end = f"startxref\n{len(out)}\n%%EOF\n"
    return out + (f"xref\n{table}" + trailer + end).encode()


def _swap_targets(cmap: bytes, swaps: dict[str, str]) -> bytes:
    """In each `<glyph> <text>` pair the text's ASCII letters are replaced."""

    def swap(match: re.Match[bytes]) -> bytes:
        text = bytes.fromhex(match[2].decode()).decode("utf-16-be")
        mixed = "".join(swaps.get(letter, letter) for letter in text)
        return match[1] + mixed.encode("utf-16-be").hex().upper().encode() + b">"

    return re.sub(rb"(<[0-9A-Fa-f]+>\s*<)([0-9A-Fa-f]+)>(?=\s*\n)", swap, cmap)


def second_edition(text: str, edits: list[tuple[str, str]], title: str) -> tuple[str, float]:
    """A near copy of a chapter: words replaced by the list of edits, one paragraph moved down.

    Returns the text and the share of words that changed. Formulas, code, tables and the front
    matter stay as they are, but for the title.
    """
    head, _, body = text[4:].partition("\n---\n")
    old_title = re.search(r"^title: (.+)$", head, re.MULTILINE)
    assert old_title is not None
    head = head.replace(old_title[0], f"title: {title}")
    body = body.replace(f"# {old_title[1]}\n", f"# {title}\n", 1)
    paragraphs = body.split("\n\n")
    words = changed = 0
    for index, paragraph in enumerate(paragraphs):
        words += len(paragraph.split())
        if not paragraph.strip()[:1].isalpha() or paragraph.startswith("Table:"):
            continue
        for old, new in edits:
            paragraph, count = re.subn(rf"\b{re.escape(old)}\b(?![^$]*\$[^$]*$)", new, paragraph)
            changed += count * max(len(old.split()), len(new.split()))
        paragraphs[index] = paragraph
    prose = [i for i, text in enumerate(paragraphs) if text.strip()[:1].isalpha()]
    prose = [i for i in prose if "[^" not in paragraphs[i] and "Table:" not in paragraphs[i]]
    source, target = prose[len(prose) // 3], prose[len(prose) // 2]
    moved = paragraphs.pop(source)
    paragraphs.insert(target, moved)
    return f"---\n{head}\n---\n" + "\n\n".join(paragraphs), changed / words


def gibberish(name: str, words: int) -> str:
    """Source text of random words: letters as frequent as in English, in no order at all."""
    generator = random.Random(name)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    weights = [1 / (rank + 2) for rank in range(26)]
    paragraphs: list[str] = []
    left = words
    while left > 0:
        count = min(left, generator.randint(45, 80))
        said = [
            "".join(generator.choices(letters, weights, k=generator.randint(2, 11)))
            for _ in range(count)
        ]
        paragraphs.append(" ".join(said).capitalize() + ".")
        left -= count
    return "---\ntitle: Xqv Rtzeo Wnpl\n---\n\n" + "\n\n".join(paragraphs) + "\n"
