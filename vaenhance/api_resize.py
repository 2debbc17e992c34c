"""Sizes of results, and results that shrink to what they came from.

A size between the scales of a model comes from the next larger one by a Lanczos
filter. Everything goes strip by strip, so that beside the input and the result little
is in memory. No network in here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo, tiling
from vaenhance.api_numbers import whole_size
from vaenhance.config import ModelConfig
from vaenhance.errors import UsageProblem

Pixels = NDArray[np.float32]
Strips = Iterator[tuple[int, Pixels]]  # (first row, (h, W, C)), from the top down
Size = tuple[int, int]  # (height, width)

DOWN = "lanczos"  # from the model's scale to the size that is wanted
UP = "bicubic"  # of back-projection, and what strength 0 is
# Back-projections. Detail near the limit of the small image's resolution comes back
# slowest.
ROUNDS = 10
# Where black or white cuts a result off, so many passes of fewer rounds follow, until
# the error (root mean square, [0, 1] units; 48 dB) is small. They overshoot, as
# projections onto convex sets may by up to 2. Black text on white, shrunk by a bicubic
# filter: 35 dB after one pass, 44 at four times the size and 47 at twice after these,
# and 1.4 dB nearer to the original.
PASSES, PASS_ROUNDS = 8, 3
OVERSHOT = 1.6
AGREED = 0.004


@dataclass(frozen=True)
class Aim:
    """The size of a result, and how a model gets there.

    Attributes:
        image: (height, width) of the input, pixels.
        result: of the result.
        scale: of the model's, the smallest that reaches it.
    """

    image: Size
    result: Size
    scale: int

    @property
    def large(self) -> Size:
        """Returns the size that the model gives."""
        return self.scale * self.image[0], self.scale * self.image[1]

    def fit(self, strips: Strips) -> Strips:
        """Brings strips of the model's size to that of the result."""
        if self.result == self.large:
            return strips
        return photo.resized_strips(strips, self.large, self.result, DOWN)


def aim_at(
    name: str,
    config: ModelConfig,
    shape: tuple[int, ...],
    scale: float | None = None,
    size: Size | None = None,
) -> Aim:
    """Decides how a model is to reach a size.

    Args:
        name: of the model, for the message.
        config: of the model.
        shape: of the input, (H, W, ...) pixels.
        scale: of the sides; without it and a size, the model's first.
        size: (height, width) instead.

    Raises:
        UsageProblem: none of the model's scales reaches it, or it is no size.
    """
    image = shape[0], shape[1]
    if size is None:
        result = target_size(image, float(scale or config.scales[0]))
    else:
        result = whole_size("a result", size)
    # A pixel is lost or won by rounding; nobody means another scale by that.
    factor = max((t - 1) / s for t, s in zip(result, image, strict=True))
    for known in config.scales:
        if known >= factor:
            return Aim(image, result, known)
    raise UsageProblem(
        f"model {name} enlarges up to {max(config.scales)} times: "
        f"{image[1]}x{image[0]} pixels cannot become {result[1]}x{result[0]}"
    )


def target_size(size: tuple[int, ...], factor: float) -> Size:
    """Returns (height, width) times a factor, rounded, at least a pixel."""
    height, width = (max(1, math.floor(side * factor + 0.5)) for side in size[:2])
    return height, width


def make_consistent(result: NDArray[Any], image: NDArray[Any]) -> None:
    """Changes a larger image so that it shrinks to the smaller one (back-projection).

    The error of the shrunk result is enlarged by a bicubic filter and taken away, again
    and again (Irani & Peleg 1991). All of this is linear, so the rounds run on the
    small image, and the large one is changed once. What integers cut off at black and
    white is made up for by their neighbours in further passes. Nothing is
    done to an image that is smaller on a side: it cannot hold all of the input.

    Args:
        result: (h, w, C) uint8, uint16 or float32; is changed.
        image: (H, W, C) of the same type: what it came from.
    """
    size, large = image.shape[:2], result.shape[:2]
    if any(side < least for side, least in zip(large, size, strict=True)):
        return
    change = _back_projected(_missing(result, image), large, ROUNDS)
    _add(result, change)
    if result.dtype.kind != "u":
        return
    for _ in range(PASSES):
        missing = _missing(result, image)
        if float(np.sqrt(np.mean(np.square(missing)))) <= AGREED:
            return
        change = _back_projected(missing, large, PASS_ROUNDS)
        _add(result, np.float32(OVERSHOT) * change)


def _missing(result: NDArray[Any], image: NDArray[Any]) -> Pixels:
    """Returns what a result, shrunk, is short of; integers are cut off when shrunk."""
    size, large = image.shape[:2], result.shape[:2]
    shrunk = _whole(
        photo.resized_strips(_strips_of(result), large, size, UP), image.shape
    )
    if result.dtype.kind == "u":
        np.clip(shrunk, 0.0, 1.0, out=shrunk)
    return tiling.to_float(image) - shrunk


def _back_projected(missing: Pixels, large: Size, rounds: int) -> Pixels:
    """Returns the small image that, enlarged and shrunk again, is what is missing."""
    size = missing.shape[0], missing.shape[1]
    change = np.zeros_like(missing)
    for _ in range(rounds):
        enlarged = ((r.start, rows_of(change, large, r)) for r in _cuts(large))
        again = photo.resized_strips(enlarged, large, size, UP)
        change += missing - _whole(again, missing.shape)
    return change


def _add(result: NDArray[Any], change: Pixels) -> None:
    """Adds a small image, enlarged, to a large one."""
    large = result.shape[0], result.shape[1]
    for rows in _cuts(large):
        values = tiling.to_float(result[rows]) + rows_of(change, large, rows)
        result[rows] = tiling.from_float(values, result.dtype)


def rows_of(image: NDArray[Any], target: Size, rows: slice) -> Pixels:
    """Returns rows of an image as float32, in another size by a bicubic filter."""
    size = image.shape[0], image.shape[1]
    if size == target:
        return tiling.to_float(image[rows])
    needed = photo.rows_needed(rows, size[0], target[0], UP)
    part = tiling.to_float(image[needed])
    return photo.resized_rows(part, needed.start, size, target, rows, UP)


def _strips_of(image: NDArray[Any]) -> Strips:
    for rows in _cuts(image.shape):
        yield rows.start, tiling.to_float(image[rows])


def _whole(strips: Strips, shape: tuple[int, ...]) -> Pixels:
    return tiling.collected(strips, shape, np.dtype(np.float32))


def _cuts(shape: tuple[int, ...]) -> list[slice]:
    return photo.strips(shape[0], shape[1])
