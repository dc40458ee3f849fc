"""PDFs whose glyphs have names: a Type 1 program is written from the outlines of Times.

Name, look and ToUnicode map of a glyph are independent of each other. No truth but the text itself.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator

import pypdfium2.raw as pdfium

Change = Callable[[str], str]
Command = tuple[str, list[tuple[float, float]]]

FIRST = 33  # code of the first character
_POINTS = " period . comma , semicolon ; colon : hyphen - parenleft ( parenright ) exclam !"
_DIGITS = "zero one two three four five six seven eight nine"
_ADOBE = {
    " ": "space",
    **dict(zip(_POINTS.split()[1::2], _POINTS.split()[::2], strict=True)),
    **dict(zip("0123456789", _DIGITS.split(), strict=True)),
}


def adobe(character: str) -> str:
    """The name that the Adobe Glyph List has for a character."""
    if character.isascii() and character.isalpha():
        return character
    return _ADOBE.get(character) or f"uni{ord(character):04X}"


def named_pdf(
    text: str, name: Change, said: Change | None, drawn: Change = str, *, program: bool = True
) -> bytes:
    """One page of lines in a font with a glyph for each character of the text.

    The glyph of a character is called ``name`` of it, looks like ``drawn`` of it, and its map
    claims ``said`` of it (None: there is no map). Without ``program`` nothing is embedded, and it
    looks as it is called.
    """
    used = sorted(set(text) - {"\n"})
    code = {c: FIRST + number for number, c in enumerate(used)}
    names = [name(c) for c in used]
    glyphs = outlines([drawn(c) for c in used])
    rows = " ".join(f"<{''.join(f'{code[c]:02x}' for c in row)}> Tj T*" for row in text.split("\n"))
    bars = "\n".join(f"<{code[c]:02x}> <{ord(said(c)):04x}>" for c in used) if said else ""
    table = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def "
        "1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"{len(used)} beginbfchar\n{bars}\nendbfchar endcmap end end"
    )
    widths = " ".join(str(round(width)) for width, _ in glyphs)
    clear, secret = type1(names, glyphs)
    body = clear + secret
    file = "/FontFile 7 0 R" if program else ""
    return assembled(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 560 400] /Contents 4 0 R "
            b"/Resources << /Font << /F 5 0 R >> >> >>",
            _stream(f"BT /F 10 Tf 13 TL 20 380 Td {rows} ET".encode()),
            f"<< /Type /Font /Subtype /Type1 /BaseFont /Shapes /FirstChar {FIRST} "
            f"/LastChar {FIRST - 1 + len(used)} /Widths [{widths}] /FontDescriptor 6 0 R "
            f"/Encoding << /Type /Encoding /Differences [{FIRST} /{' /'.join(names)}] >> "
            f"{'/ToUnicode 8 0 R' if said else ''} >>".encode(),
            b"<< /Type /FontDescriptor /FontName /Shapes /Flags 4 /ItalicAngle 0 /Ascent 800 "
            b"/Descent -200 /CapHeight 700 /StemV 80 /FontBBox [-200 -250 1100 950] "
            + f"{file} >>".encode(),
            _stream(body, f"/Length1 {len(clear)} /Length2 {len(secret)} /Length3 0"),
            _stream(table.encode()),
        ]
    )


def assembled(objects: list[bytes]) -> bytes:
    """A PDF of numbered objects, the first of them the catalogue."""
    output = b"%PDF-1.7\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(output))
        output += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    size, start = len(objects) + 1, len(output)
    output += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, rows)
    return output + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


def outlines(characters: list[str]) -> list[tuple[float, list[Command]]]:
    """Widths and outlines of characters in Times, a thousand units to the em."""
    document = pdfium.FPDF_CreateNewDocument()
    font = pdfium.FPDFText_LoadStandardFont(document, b"Times-Roman")
    found = []
    for character in characters:
        width = ctypes.c_float()
        pdfium.FPDFFont_GetGlyphWidth(font, ord(character), 1000.0, width)
        path = pdfium.FPDFFont_GetGlyphPath(font, ord(character), 1000.0)
        found.append((width.value, list(_commands(path)) if path else []))
    pdfium.FPDFFont_Close(font)
    pdfium.FPDF_CloseDocument(document)
    return found


def _commands(path: object) -> Iterator[Command]:
    bend: list[tuple[float, float]] = []
    for number in range(pdfium.FPDFGlyphPath_CountGlyphSegments(path)):
        segment = pdfium.FPDFGlyphPath_GetGlyphPathSegment(path, number)
        x, y = ctypes.c_float(), ctypes.c_float()
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        point = 1000 * x.value, 1000 * y.value
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_BEZIERTO:
            bend.append(point)
            if len(bend) == 3:
                yield "curve", bend
                bend = []
        else:
            yield ("move" if kind == pdfium.FPDF_SEGMENT_MOVETO else "line"), [point]


def type1(names: list[str], glyphs: list[tuple[float, list[Command]]]) -> tuple[bytes, bytes]:
    """The clear and the encrypted part of a Type 1 font program (Adobe, 1990)."""
    codes = "".join(f"dup {FIRST + n} /{name} put\n" for n, name in enumerate(names))
    clear = (
        "%!PS-AdobeFont-1.0: Shapes\n11 dict begin\n/FontInfo 1 dict dup begin end readonly def\n"
        "/FontName /Shapes def\n/PaintType 0 def\n/FontType 1 def\n"
        "/FontMatrix [0.001 0 0 0.001 0 0] readonly def\n/Encoding 256 array\n"
        f"0 1 255 {{1 index exch /.notdef put}} for\n{codes}readonly def\n"
        "/FontBBox {-200 -250 1100 950} readonly def\ncurrentdict end\ncurrentfile eexec\n"
    ).encode()
    body = (
        b"dup /Private 8 dict dup begin\n/RD {string currentfile exch readstring pop} executeonly "
        b"def\n/ND {noaccess def} executeonly def\n/NP {noaccess put} executeonly def\n"
        b"/BlueValues [] def\n/password 5839 def\n"
        b"2 index /CharStrings %d dict dup begin\n" % (len(names) + 1)
    )
    everything = [(".notdef", (500.0, [])), *zip(names, glyphs, strict=True)]
    for name, (width, commands) in everything:
        drawn = _encrypted(_charstring(width, commands), 4330)
        body += b"/%s %d RD %s ND\n" % (name.encode(), len(drawn), drawn)
    body += b"end\nend\nreadonly put\nnoaccess put\ndup /FontName get exch definefont pop\n"
    return clear, _encrypted(body + b"mark currentfile closefile\n", 55665)


def _charstring(width: float, commands: list[Command]) -> bytes:
    output = _number(0) + _number(width) + b"\x0d"  # hsbw
    x = y = 0
    started = False
    for kind, points in commands:
        if kind == "move" and started:
            output += b"\x09"  # closepath
        started = True
        for px, py in points:
            output += _number(px - x) + _number(py - y)
            x, y = round(px), round(py)
        output += {"move": b"\x15", "line": b"\x05", "curve": b"\x08"}[kind]
    return output + (b"\x09" if started else b"") + b"\x0e"


def _number(value: float) -> bytes:
    whole = round(value)
    return (
        bytes([whole + 139])
        if -107 <= whole <= 107
        else b"\xff" + whole.to_bytes(4, "big", signed=True)
    )


def _encrypted(plain: bytes, key: int) -> bytes:
    output = bytearray()
    for byte in b"\0\0\0\0" + plain:
        output.append(byte ^ (key >> 8))
        key = ((output[-1] + key) * 52845 + 22719) & 0xFFFF
    return bytes(output)


def _stream(content: bytes, more: str = "") -> bytes:
    return f"<< /Length {len(content)} {more} >>\nstream\n".encode() + content + b"\nendstream"
