"""Before and after, side by side: crops of what a run has made.

Reads the files back, so the sheet shows what is on disk. Not for measuring.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo, report
from vaenhance.api_resize import rows_of
from vaenhance.errors import PhotoError
from vaenhance.metrics import luma
from vaenhance.tiling import from_float

SIDE = 384  # pixels a side of a crop, shown at 100 %
MOST = 8  # rows of a sheet

Pixels = NDArray[np.uint8]


def comparison(
    pairs: Sequence[tuple[Path, Path]], target: Path, *, max_megapixels: float = 512.0
) -> int:
    """Writes a PNG of crops, one row a photograph: before, after.

    The crop is where the photograph has most detail. What became larger stands beside
    its enlargement by a bicubic filter. Pairs that cannot be read again are left out.

    Args:
        pairs: input and output files; at most ``MOST`` are shown, evenly chosen.
        target: the PNG, replaced if it exists; its folder is made.
        max_megapixels: larger ones are left out.

    Returns:
        How many rows the sheet has; without any, nothing is written.

    Raises:
        PhotoError: the sheet cannot be written.
    """
    chosen = [
        pairs[i * len(pairs) // min(MOST, len(pairs))]
        for i in range(min(MOST, len(pairs)))
    ]
    rows, labels = [], []
    for before, after in chosen:
        try:
            crops = _crops(before, after, max_megapixels)
        except PhotoError:
            continue
        rows.append(crops)
        labels += [_printable(before.name), "enhanced"]
    if rows:
        sheet = report.sheet(rows, labels=labels)
        with contextlib.suppress(OSError):  # save_png says what is wrong with it
            target.parent.mkdir(parents=True, exist_ok=True)
        photo.save_png(sheet, target)
    return len(rows)


def _crops(before: Path, after: Path, max_megapixels: float) -> list[Pixels]:
    """Cuts the same place out of both; the photographs are not kept for it."""
    first = photo.read_pixels(before, max_megapixels=max_megapixels)
    second = photo.read_pixels(after, max_megapixels=max_megapixels)
    is_larger = first.shape != second.shape
    place = _most_detail(second if is_larger else first)
    after_crop = second[place].copy()
    if not is_larger:
        return [first[place].copy(), after_crop]
    rows, columns = place
    rows = slice(rows.start, min(rows.stop, second.shape[0]))
    strip = rows_of(first, (second.shape[0], second.shape[1]), rows)
    return [from_float(strip[:, columns], first.dtype), after_crop]


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name)


def _most_detail(image: Pixels) -> tuple[slice, slice]:
    """Returns the place of the crop with the steepest gradients."""
    height, width = image.shape[:2]
    best, place = -1.0, (slice(0, SIDE), slice(0, SIDE))
    for top in _places(height):
        for left in _places(width):
            candidate = slice(top, top + SIDE), slice(left, left + SIDE)
            # Every fourth pixel: noise counts less, edges count.
            gray = luma(image[candidate][::4, ::4].astype(np.float32) / 255)
            detail = sum(float(np.abs(np.diff(gray, axis=a)).sum()) for a in (0, 1))
            if detail > best:
                best, place = detail, candidate
    return place


def _places(length: int) -> list[int]:
    last = max(length - SIDE, 0)
    count = min(5, 1 + -(-last // (SIDE // 2)))
    return sorted({round(i * last / max(count - 1, 1)) for i in range(count)})
