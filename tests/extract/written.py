"""PDFs written by hand: pages of text and rules at known places, and forms with known values."""

from __future__ import annotations

from collections.abc import Sequence

Word = tuple[float, float, str]  # x, baseline from below, text


def text(words: Sequence[Word], size: float = 10) -> str:
    """The drawing of words in Helvetica, each a text object of its own."""
    return "\n".join(f"BT /F1 {size} Tf {x} {y} Td ({said}) Tj ET" for x, y, said in words)


def pdf(content: str, widgets: Sequence[str] = (), *, page: str = "") -> bytes:
    """One page, 400 by 300 points, with this drawing and these widgets (bodies of dictionaries)."""
    first = 6
    kids = " ".join(f"{first + number} 0 R" for number in range(len(widgets)))
    form = (
        f"/AcroForm << /Fields [{kids}] /DA (/F1 0 Tf 0 g) /DR << /Font << /F1 5 0 R >> >> >>"
        if widgets
        else ""
    )
    annotations = f"/Annots [{kids}]" if widgets else ""
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {form} >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 300] /Contents 4 0 R "
        f"/Resources << /Font << /F1 5 0 R >> >> {annotations} {page} >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        *(f"<< /Type /Annot /Subtype /Widget /P 3 0 R {widget} >>" for widget in widgets),
    ]
    output = b"%PDF-1.7\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(output))
        output += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    trailer = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R >>"
    return output + f"{trailer}\nstartxref\n{len(output)}\n%%EOF\n".encode()


def text_field(name: str, value: str, box: tuple[float, ...], more: str = "/Ff 0") -> str:
    return f"/FT /Tx /T ({name}) /V ({value}) {_rectangle(box)} /F 4 /DA (/F1 9 Tf 0 g) {more}"


def check_box(name: str, checked: bool, box: tuple[float, ...], more: str = "/Ff 0") -> str:
    state = "Yes" if checked else "Off"
    looks = "/AP << /N << /Yes << >> /Off << >> >> >>"
    return f"/FT /Btn /T ({name}) /V /{state} /AS /{state} {_rectangle(box)} /F 4 {looks} {more}"


def _rectangle(box: tuple[float, ...]) -> str:
    return f"/Rect [{' '.join(map(str, box))}]"
