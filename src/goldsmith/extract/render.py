"""Pictures of PDF pages, for OCR, for people, and for reports.

The number of pixels is bounded whatever the page says about its size: a page of kilometres is
rendered at a smaller scale, not in more memory.
"""

from __future__ import annotations

import ctypes
import io
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from goldsmith.errors import UserError

MAXIMUM_PIXELS = 24_000_000  # A4 at 500 dots per inch; 72 MB while it is being made
_SMALLEST_SIDE = 16


def render_page(path: Path, page: int, scale: float) -> bytes:
    """Return a page (from 1) of a PDF file as PNG; ``scale`` is pixels a point, 1.0 = 72 dpi.

    The picture has MAXIMUM_PIXELS at the most, at a smaller scale if need be. Raises UserError
    when the file or the page cannot be read.
    """
    from PIL import Image

    try:
        document = pypdfium2.PdfDocument(path)
    except (pypdfium2.PdfiumError, OSError) as error:
        raise UserError(f"{path.name}: cannot be rendered ({error}); check the file") from error
    try:
        handle = pdfium.FPDF_LoadPage(document.raw, page - 1) if page >= 1 else None
        if not handle:
            raise UserError(f"{path.name}: has no page {page} that can be rendered")
        try:
            image, _ = picture(handle, scale)
        finally:
            pdfium.FPDF_ClosePage(handle)
    finally:
        document.close()
    output = io.BytesIO()
    Image.fromarray(image[:, :, ::-1]).save(output, "PNG", optimize=False)
    return output.getvalue()


def picture(page: Any, scale: float, *, annotated: bool = True) -> tuple[NDArray[np.uint8], float]:
    """Return a loaded page as (height, width, 3) BGR on white, and the scale it really has."""
    width = max(float(pdfium.FPDF_GetPageWidthF(page)), 1.0)
    height = max(float(pdfium.FPDF_GetPageHeightF(page)), 1.0)
    scale = min(max(scale, 0.01), (MAXIMUM_PIXELS / (width * height)) ** 0.5)
    columns = min(max(round(width * scale), _SMALLEST_SIDE), MAXIMUM_PIXELS // _SMALLEST_SIDE)
    rows = min(max(round(height * scale), _SMALLEST_SIDE), MAXIMUM_PIXELS // columns)
    image = np.full((rows, columns, 3), 255, np.uint8)
    address = ctypes.c_void_p(image.ctypes.data)
    bitmap = pdfium.FPDFBitmap_CreateEx(columns, rows, pdfium.FPDFBitmap_BGR, address, columns * 3)
    if bitmap:
        flags = pdfium.FPDF_ANNOT if annotated else 0
        pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, columns, rows, 0, flags)
        pdfium.FPDFBitmap_Destroy(bitmap)
    return image, scale


def has_ink(image: NDArray[np.uint8]) -> bool:
    """Whether anything stands out from the background of the picture."""
    grey = image[:, :, 1]
    paper = int(np.median(grey[::4, ::4]))
    marks = np.abs(grey.astype(np.int16) - paper) > 60
    return int(marks.sum()) > max(20, grey.size // 200_000)
