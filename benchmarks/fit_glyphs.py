"""Make src/goldsmith/extract/glyphs.npz: a small network that says which character a glyph is.

    python benchmarks/fit_glyphs.py [--without NAME] [--output FILE]

Each style of the typefaces at hand (those in the typst package, DejaVu if installed, the standard
fonts inside pdfium) is typeset at several sizes, one character at a time, and cut out of the page
exactly as `extract.marks` does it. One hidden layer, trained with sheared, thinned and thickened
copies. Styles whose name holds NAME are left out and measured: the held-out figure. What ships is
trained on all of them. Deterministic: seeds are fixed, one thread.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pypdfium2
import torch
import typst
from numpy.typing import NDArray

from goldsmith.extract.glyphs import CHARACTERS
from goldsmith.extract.marks import MEASURES, SIDE, read_marks
from goldsmith.extract.marks import pictures as pictures_of

SIZES = (7.5, 9, 11, 14, 20)
HIDDEN = 192
FAMILIES = (
    "Libertinus Serif",
    "New Computer Modern",
    "DejaVu Sans Mono",
    "DejaVu Sans",
    "DejaVu Serif",
)
STANDARD = [
    f"{family}{style}"
    for family, styles in {
        "Helvetica": ("", "-Bold", "-Oblique", "-BoldOblique"),
        "Times": ("-Roman", "-Bold", "-Italic", "-BoldItalic"),
        "Courier": ("", "-Bold", "-Oblique", "-BoldOblique"),
        "Garamond": ("", "-Bold"),
        "Verdana": ("", "-Bold"),
    }.items()
    for style in styles
]


def typst_styles() -> dict[str, list[bytes]]:
    styles = {}
    single = [c for c in CHARACTERS if len(c) == 1 and c != " "]
    for family in FAMILIES:
        for style in ("normal", "italic"):
            for weight in (400, 700):
                pages = []
                for size in SIZES:
                    body = " ".join(f'#"{_quoted(c)}"' for c in single)
                    body += " " + " ".join(
                        f"#text(ligatures: true)[{c}]" for c in CHARACTERS if len(c) > 1
                    )
                    source = (
                        "#set page(width: 500pt, height: auto, margin: 12pt)\n"
                        f'#set text(font: "{family}", size: {size}pt, style: "{style}", '
                        f"weight: {weight}, fallback: false, spacing: 300%)\n"
                        "#set smartquote(enabled: false)\n" + body
                    )
                    pages.append(typst.compile(source.encode()))
                styles[f"{family} {style} {weight}"] = pages
    return styles


def _quoted(character: str) -> str:
    return character.replace("\\", "\\\\").replace('"', '\\"')


def standard_style(name: str, size: float) -> bytes:
    """A PDF that shows the characters of Windows-1252 in a font it does not embed."""
    codes = [c for c in range(33, 256) if _windows(c) in CHARACTERS]
    shows = []
    for number, code in enumerate(codes):
        x, y = 20 + number % 20 * 2 * size, 980 - number // 20 * 2 * size
        shows.append(f"BT /F {size} Tf {x:.2f} {y:.2f} Td <{code:02x}> Tj ET")
    stream = "\n".join(shows).encode()
    flags = 34 if name.startswith(("Times", "Garamond")) else 32
    weight = 160 if "Bold" in name else 80
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 900 1000]/Contents 4 0 R"
        b"/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        f"<</Type/Font/Subtype/TrueType/BaseFont/{name}/Encoding/WinAnsiEncoding"
        f"/FontDescriptor 6 0 R>>".encode(),
        f"<</Type/FontDescriptor/FontName/{name}/Flags {flags}/StemV {weight}"
        f"/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700>>".encode(),
    ]
    if name.split("-")[0] in ("Helvetica", "Times", "Courier"):
        objects[4] = (
            f"<</Type/Font/Subtype/Type1/BaseFont/{name}/Encoding/WinAnsiEncoding>>".encode()
        )
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj" % number + body + b"endobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1,
        start,
    )


def _windows(code: int) -> str:
    try:
        return bytes([code]).decode("cp1252")
    except UnicodeDecodeError:
        return ""


def pictures(content: bytes) -> tuple[NDArray[np.float32], list[str]]:
    document = pypdfium2.PdfDocument(content)
    found, labels = [], []
    for page in document:
        text_page = page.get_textpage()
        marks = read_marks(text_page.raw)
        seen: dict[tuple[float, ...], list[int]] = {}
        for place, box in enumerate(marks.box.tolist()):
            seen.setdefault(tuple(box), []).append(place)
        groups = list(seen.values())
        texts = ["".join(chr(int(marks.code[p])) for p in places) for places in groups]
        kept = [k for k, text in enumerate(texts) if text in CHARACTERS and text != " "]
        places = np.array([groups[k][0] for k in kept], np.int64)
        one = pictures_of(page.raw, marks, places)
        ink = one[:, : SIDE * SIDE].any(axis=1)
        found.append(one[ink])
        labels += [texts[k] for k, has in zip(kept, ink.tolist(), strict=True) if has]
    return np.concatenate(found), labels


def without_tofu(
    x: NDArray[np.float32], labels: list[str]
) -> tuple[NDArray[np.float32], list[str]]:
    """Leave out the box that a font shows for what it lacks: one picture of many characters."""
    keys = [row.tobytes() for row in np.round(x[:, : SIDE * SIDE] * 4)]
    many: dict[bytes, set[str]] = {}
    for key, label in zip(keys, labels, strict=True):
        many.setdefault(key, set()).add(label)
    kept = [k for k, key in enumerate(keys) if len(many[key]) < 5]
    return x[kept], [labels[k] for k in kept]


def varied(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Sheared, thinner or thicker, slightly moved copies, with jittered measures."""
    n = len(x)
    image = x[:, : SIDE * SIDE].reshape(n, 1, SIDE, SIDE)
    shear = (
        (torch.rand(n, generator=generator) - 0.5)
        * 0.5
        * (torch.rand(n, generator=generator) < 0.5)
    )
    sx = 1 + (torch.rand(n, generator=generator) - 0.5) * 0.12
    sy = 1 + (torch.rand(n, generator=generator) - 0.5) * 0.12
    tx = (torch.rand(n, generator=generator) - 0.5) * 0.08
    ty = (torch.rand(n, generator=generator) - 0.5) * 0.08
    theta = torch.stack(
        [torch.stack([sx, shear, tx], 1), torch.stack([torch.zeros(n), sy, ty], 1)], 1
    )
    grid = torch.nn.functional.affine_grid(theta, image.shape, align_corners=False)
    image = torch.nn.functional.grid_sample(image, grid, align_corners=False)
    power = torch.exp((torch.rand(n, 1, 1, 1, generator=generator) - 0.5) * 1.2)
    image = image.clamp(1e-4, 1) ** power
    image = (image + 0.05 * torch.randn(image.shape, generator=generator)).clamp(0, 1)
    scale = torch.exp(0.12 * torch.randn(n, 1, generator=generator))
    measures = x[:, SIDE * SIDE :] * scale + 0.02 * torch.randn(n, MEASURES, generator=generator)
    return torch.cat([image.reshape(n, -1), measures], 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--without", default="")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--epochs", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    styles: dict[str, list[bytes]] = typst_styles()
    for name in STANDARD:
        styles[name] = [standard_style(name, size) for size in SIZES]
    train: list[NDArray[np.float32]] = []
    train_labels: list[str] = []
    held: list[NDArray[np.float32]] = []
    held_labels: list[str] = []
    for name, pages in styles.items():
        for page in pages:
            x, labels = without_tofu(*pictures(page))
            if arguments.without and arguments.without in name:
                held.append(x)
                held_labels += labels
            else:
                train.append(x)
                train_labels += labels
    number = {character: k for k, character in enumerate(CHARACTERS)}
    x = torch.from_numpy(np.concatenate(train))
    y = torch.tensor([number[label] for label in train_labels])
    print(len(x), "glyphs of", len(styles), "styles", file=sys.stderr)
    generator = torch.Generator().manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(SIDE * SIDE + MEASURES, HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, len(CHARACTERS)),
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, arguments.epochs)
    for _ in range(arguments.epochs):
        for batch in torch.randperm(len(x), generator=generator).split(256):
            loss = torch.nn.functional.cross_entropy(
                net(varied(x[batch], generator)), y[batch], label_smoothing=0.02
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    with torch.no_grad():
        print("train", float((net(x).argmax(1) == y).float().mean()), file=sys.stderr)
        if held:
            hx = torch.from_numpy(np.concatenate(held))
            hy = torch.tensor([number[label] for label in held_labels])
            out = net(hx)
            print(
                json.dumps(
                    {
                        "held_out": arguments.without,
                        "glyphs": len(hx),
                        "right": round(float((out.argmax(1) == hy).float().mean()), 4),
                        "among_five": round(
                            float((out.topk(5).indices == hy[:, None]).any(1).float().mean()), 4
                        ),
                    }
                )
            )
    if arguments.output:
        first, last = net[0], net[2]
        np.savez_compressed(
            arguments.output,
            w1=first.weight.detach().numpy().T.astype(np.float16),
            b1=first.bias.detach().numpy().astype(np.float16),
            w2=last.weight.detach().numpy().T.astype(np.float16),
            b2=last.bias.detach().numpy().astype(np.float16),
        )


if __name__ == "__main__":
    main()
