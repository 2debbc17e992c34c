"""Sizes of results, and results that shrink to what they came from.

Everything goes strip by strip, so that beside the input and the result little is in
memory. No network in here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo, tiling

Pixels = NDArray[np.float32]
Size = tuple[int, int]  # (height, width)

UP = "bicubic"  # of back-projection, and what strength 0 is
# Back-projections. Detail near the limit of the small image's resolution comes back
# slowest.
ROUNDS = 10


def target_size(size: tuple[int, ...], factor: float) -> Size:
    """Returns (height, width) times a factor, rounded, at least a pixel."""
    height, width = (max(1, math.floor(side * factor + 0.5)) for side in size[:2])
    return height, width


def make_consistent(result: NDArray[Any], image: NDArray[Any]) -> None:
    """Changes a larger image so that it shrinks to the smaller one (back-projection).

    The error of the shrunk result is enlarged by a bicubic filter and taken away, again
    and again (Irani & Peleg 1991). All of this is linear, so the rounds run on the
    small image, and the large one is changed once.

    Args:
        result: (h, w, C) uint8, uint16 or float32; is changed.
        image: (H, W, C) of the same type: what it came from.
    """
    size, large = image.shape[:2], result.shape[:2]
    shrunk = photo.resized_strips(_strips_of(result), large, size, UP)
    missing = tiling.to_float(image) - _whole(shrunk, image.shape)
    change = np.zeros_like(missing)
    for _ in range(ROUNDS):
        enlarged = ((r.start, rows_of(change, large, r)) for r in _cuts(large))
        again = photo.resized_strips(enlarged, large, size, UP)
        change += missing - _whole(again, image.shape)
    for rows in _cuts(large):
        values = tiling.to_float(result[rows]) + rows_of(change, large, rows)
        result[rows] = tiling.from_float(values, result.dtype)


def rows_of(image: NDArray[Any], target: Size, rows: slice) -> Pixels:
    """Returns rows of an image in another size, bicubic."""
    size = image.shape[0], image.shape[1]
    needed = photo.rows_needed(rows, size[0], target[0], UP)
    part = tiling.to_float(image[needed])
    return photo.resized_rows(part, needed.start, size, target, rows, UP)


def _strips_of(image: NDArray[Any]) -> Iterator[tuple[int, Pixels]]:
    for rows in _cuts(image.shape):
        yield rows.start, tiling.to_float(image[rows])


def _whole(strips: Iterator[tuple[int, Pixels]], shape: tuple[int, ...]) -> Pixels:
    return tiling.collected(strips, shape, np.dtype(np.float32))


def _cuts(shape: tuple[int, ...]) -> list[slice]:
    return photo.strips(shape[0], shape[1])
