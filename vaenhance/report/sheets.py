"""Images side by side, with captions.

Not for choosing or cropping what is shown: the caller does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vaenhance.report.text import font, plain

Pixels = NDArray[np.uint8]

_DARK = (28, 28, 30)  # neutral, so that it tints no judgement
_CAPTION = (225, 225, 228)
_CAPTION_SIZE, _SMALLEST_CAPTION = 13, 9


def sheet(
    rows: Sequence[Sequence[NDArray[Any]]],
    *,
    labels: Sequence[str] | None = None,
    gap: int = 4,
) -> Pixels:
    """Put images side by side on a dark ground.

    Args:
        rows: Images row by row: (H, W, 3) or (H, W), uint8 or float in [0, 1].
            Rows may differ in length; columns and rows are as wide and high as
            their largest image, and smaller ones stand in the middle.
        labels: None, or one caption for each column (above the first row), or
            one for each image (above it). Captions too wide for their column
            are set smaller, then cut.
        gap: Pixels between images and around them.

    Returns:
        The sheet, uint8 (H, W, 3).

    Raises:
        ValueError: There is no image, an image has another shape, or the
            number of labels fits neither columns nor images.
    """
    cells = [[_as_rgb(image) for image in row] for row in rows]
    count = sum(len(row) for row in cells)
    if count == 0:
        raise ValueError("a sheet expected at least one image. Received: none")
    columns = max(len(row) for row in cells)
    captions = _captions([len(row) for row in cells], columns, labels)
    widths = [
        max(row[column].shape[1] for row in cells if column < len(row))
        for column in range(columns)
    ]
    heights = [max((cell.shape[0] for cell in row), default=0) for row in cells]
    bands = [_CAPTION_SIZE + 6 if any(row) else 0 for row in captions]
    canvas = Image.new(
        "RGB",
        (
            sum(widths) + gap * (columns + 1),
            sum(heights) + sum(bands) + gap * (len(cells) + 1),
        ),
        _DARK,
    )
    draw = ImageDraw.Draw(canvas)
    top = gap
    for row, texts, height, band in zip(cells, captions, heights, bands, strict=True):
        left = gap
        for cell, text, width in zip(row, texts, widths, strict=False):
            _draw_caption(draw, text, (left, top, width, band))
            x = left + (width - cell.shape[1]) // 2
            y = top + band + (height - cell.shape[0]) // 2
            canvas.paste(Image.fromarray(cell), (x, y))
            left += width + gap
        top += band + height + gap
    return np.asarray(canvas)


def _as_rgb(image: NDArray[Any]) -> Pixels:
    """Any image we are given -> uint8 (H, W, 3)."""
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] not in (1, 3) or image.size == 0:
        raise ValueError(f"expected an image (H, W, 3). Received: {image.shape}")
    if image.dtype != np.uint8:
        if image.dtype.kind != "f":
            raise ValueError(f"expected uint8 or float. Received: {image.dtype}")
        image = np.rint(np.clip(np.nan_to_num(image), 0.0, 1.0) * 255.0)
    shape = (*image.shape[:2], 3)
    return np.ascontiguousarray(np.broadcast_to(image.astype(np.uint8), shape))


def _captions(
    lengths: Sequence[int], columns: int, labels: Sequence[str] | None
) -> list[list[str]]:
    """One text for each image; empty where there is none."""
    if labels is None:
        return [[""] * length for length in lengths]
    if len(labels) == sum(lengths):
        texts = iter(labels)
        return [[next(texts) for _ in range(length)] for length in lengths]
    if len(labels) == columns:
        blank = [[""] * length for length in lengths[1:]]
        return [list(labels)[: lengths[0]], *blank]
    raise ValueError(
        f"expected {columns} labels (one a column) or {sum(lengths)} (one an image). "
        f"Received: {len(labels)}"
    )


def _draw_caption(
    draw: ImageDraw.ImageDraw, text: str, place: tuple[int, int, int, int]
) -> None:
    """Centre the text above its image, smaller or cut where the column is narrow."""
    left, top, width, band = place
    text = plain(text)
    size = _CAPTION_SIZE
    while size > _SMALLEST_CAPTION and draw.textlength(text, font(size)) > width:
        size -= 1
    chosen = font(size)
    if draw.textlength(text, chosen) > width:
        while text and draw.textlength(text + "...", chosen) > width:
            text = text[:-1]
        text = text + "..." if text else ""
    if text:
        centre = (left + width / 2, top + band / 2 - 1)
        draw.text(centre, text, _CAPTION, chosen, anchor="mm")
