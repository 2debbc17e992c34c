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
from vaenhance.errors import PhotoError
from vaenhance.metrics import luma

SIDE = 384  # pixels a side of a crop, shown at 100 %
MOST = 8  # rows of a sheet

Pixels = NDArray[np.uint8]


def comparison(
    pairs: Sequence[tuple[Path, Path]], target: Path, *, max_megapixels: float = 512.0
) -> int:
    """Writes a PNG of crops, one row a photograph: before, after.

    The crop is where the photograph has most detail. Pairs that cannot be read
    again, or are not of one size, are left out.

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
        if crops is not None:
            rows.append(crops)
            labels += [_printable(before.name), "enhanced"]
    if rows:
        sheet = report.sheet(rows, labels=labels)
        with contextlib.suppress(OSError):  # save_png says what is wrong with it
            target.parent.mkdir(parents=True, exist_ok=True)
        photo.save_png(sheet, target)
    return len(rows)


def _crops(before: Path, after: Path, max_megapixels: float) -> list[Pixels] | None:
    """Cuts the same place out of both; the photographs are not kept for it."""
    first = photo.read_pixels(before, max_megapixels=max_megapixels)
    second = photo.read_pixels(after, max_megapixels=max_megapixels)
    if first.shape != second.shape:
        return None
    place = _most_detail(first)
    return [first[place].copy(), second[place].copy()]


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
