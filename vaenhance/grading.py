"""A colour transform of a few hundred numbers, applied to an image of any size.

What the look model decodes: for each colour a monotone curve, a matrix that leaves
grays gray, a smooth map of gains over the picture, a monotone tone curve. Pure NumPy,
strip by strip; where the numbers come from is not known here. ``model/transform`` is
the same in TensorFlow, for training.

    u = y^(2^−power)
    stretched = (u − low_c)/(high_c − low_c)
    light = (2^(8·C_c(s(stretched))) − 1)/255     s(y) = log2(1 + 255·linear(y))/8
    x̂ = T(2^gain·M·light)

The domain s gives shadows room: of 0..1 it spends 0.4 on what lies five stops and
more below white, and its slope at black is finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.color import to_linear, to_srgb

Array = NDArray[np.floating]
Pixels = NDArray[np.float32]

DEPTH = 255.0  # of the domain s: light of 1/DEPTH lies at log 2
STOPS = 8.0  # log2(1 + DEPTH)
BRIGHTEST = 16.0  # linear light; brighter is cut before the tone curve
# Pixels computed at a time by each thread: its arrays stay in the cache.
STRIP_PIXELS = 1 << 15
_TABLE = 1 << 16


@dataclass(frozen=True)
class Transform:
    """One picture's colour transform; float32 arrays.

    Attributes:
        low: (3,) what becomes black, before the curves.
        high: (3,) what becomes white.
        slopes: (3, K + 1) slopes of each colour's curve at K + 1 equal steps, > 0.
        offsets: (3,) its value at black.
        matrix: (3, 3), rows sum to 1; from light to light.
        gains: (g, g) stops, over the picture.
        tone: (K + 1,) slopes of the tone curve, > 0.
        tone_offset: its value at black.
        power: log2 of the exponent that the picture's values have by mistake.
    """

    low: Pixels
    high: Pixels
    slopes: Pixels
    offsets: Pixels
    matrix: Pixels
    gains: Pixels
    tone: Pixels
    tone_offset: float
    power: float = 0.0


def to_domain(light: Array) -> Array:
    """Returns s of linear light; below black it is carried on as a straight line."""
    kind = light.dtype.type
    above = np.log2(1 + kind(DEPTH) * np.maximum(light, 0)) / kind(STOPS)
    below = np.minimum(light, 0) * kind(DEPTH / math.log(2) / STOPS)
    result: Array = above + below
    return result


def from_domain(s: Array) -> Array:
    """Returns linear light, the inverse of ``to_domain`` (from black upwards)."""
    result: Array = (np.exp2(s * s.dtype.type(STOPS)) - 1) / s.dtype.type(DEPTH)
    return result


def unpowered(image: Array, power: float) -> Array:
    """Takes an exponent back, 2^power, of values 0..1; black and white stay."""
    if power == 0:
        return image
    result: Array = image ** image.dtype.type(2.0**-power)
    return result


def stretched(image: Array, transform: Transform) -> Array:
    """Returns the linear light of an image (..., 3) after power and stretch."""
    image = unpowered(image, transform.power)
    return to_linear((image - transform.low) / (transform.high - transform.low))


def curve(s: Array, slopes: Array, offset: float) -> Array:
    """Evaluates a curve given by its slopes: smooth, and monotone if they are > 0.

    Between the steps the slope is linear, so the curve is a quadratic spline; beyond
    0..1 it is a straight line.

    Args:
        s: (...) where.
        slopes: (K + 1,) at 0, 1/K, ..., 1.
        offset: value at 0.
    """
    count = len(slopes) - 1
    inside = np.clip(s, 0, 1)
    place = np.minimum((inside * count).astype(np.int64), count - 1)
    part = inside * count - place
    knots = np.concatenate([[0.0], np.cumsum((slopes[1:] + slopes[:-1]) / 2)])
    rise = slopes[place] * part + (slopes[place + 1] - slopes[place]) * part**2 / 2
    value = offset + (knots[place] + rise) / count
    value += np.minimum(s, 0) * slopes[0] + np.maximum(s - 1, 0) * slopes[-1]
    result: Array = value.astype(s.dtype)
    return result


def spline(length: int, cells: int) -> Pixels:
    """Returns the weights of cells at pixels, (length, cells); rows sum to 1.

    A cubic B-spline with the cells' centres as its knots, the outer cells repeated:
    twice continuously differentiable, so that no cell is seen.
    """
    position = (np.arange(length) + 0.5) / length * cells - 0.5
    first = np.floor(position).astype(int)
    t = position - first
    weights = np.zeros((length, cells))
    parts = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    for shift, part in enumerate(parts, start=-1):
        cell = np.clip(first + shift, 0, cells - 1)
        np.add.at(weights, (np.arange(length), cell), part)
    return weights.astype(np.float32)


def apply(
    image: NDArray[Any],
    transform: Transform,
    strength: float = 1.0,
    progress: Callable[[float], None] = lambda megapixels: None,
    threads: int = 2,
) -> NDArray[Any]:
    """Applies a transform; every pixel depends on itself and its place alone.

    Args:
        image: (H, W, 3) uint8, uint16 or float32 in [0, 1].
        transform: of this picture.
        strength: 0 gives the input back exactly, 1 is the transform. What is behind
            the power is blended with what has the power alone.
        progress: called with the megapixels of each strip that is done.
        threads: strips computed at a time.

    Returns:
        The same shape and type; clipped to [0, 1].
    """
    if strength == 0 or image.size == 0:
        return image.copy()
    height, width = image.shape[:2]
    result = np.empty_like(image)
    work = _Work(image, transform, strength)
    step = max(1, STRIP_PIXELS // width)

    def run(top: int) -> float:
        rows = slice(top, min(top + step, height))
        result[rows] = work.strip(rows)
        return (rows.stop - top) * width / 1e6

    with ThreadPoolExecutor(threads) as pool:
        for megapixels in pool.map(run, range(0, height, step)):
            progress(megapixels)
    return result


class _Work:
    """Tables and maps of one picture."""

    def __init__(self, image: NDArray[Any], transform: Transform, weight: float):
        self.image, self.transform = image, transform
        self.weight = np.float32(weight)
        is_integer = image.dtype.kind == "u"
        self.largest = np.iinfo(image.dtype).max if is_integer else 1
        # Floats use a table too, with what lies between interpolated.
        entries = self.largest + 1 if is_integer else _TABLE
        y = unpowered(np.linspace(0, 1, entries), transform.power)
        self.screen = y.astype(np.float32)
        self.light = np.stack([_curved(y, transform, c) for c in range(3)])
        # Indexed by the square root of light / BRIGHTEST: fine at black.
        light = np.linspace(0, 1, 4 * _TABLE) ** 2 * BRIGHTEST
        tone = curve(to_domain(light), transform.tone, transform.tone_offset)
        encoded = to_srgb(from_domain(np.minimum(tone, 1.5)))
        self.tone = np.clip(encoded, 0, 1).astype(np.float32)
        # Nothing to blend with, and 8 bits: the table has what is stored.
        self.is_whole = self.largest == 255 and weight == 1
        if self.is_whole:
            self.tone = np.floor(255 * self.tone + np.float32(0.5)).astype(np.uint8)
        cells = len(transform.gains)
        self.down = spline(image.shape[0], cells) @ transform.gains
        self.across = spline(image.shape[1], cells).T

    def strip(self, rows: slice) -> NDArray[Any]:
        """Returns some rows of the result."""
        part = self.image[rows]
        shape = part.shape[:2]
        light = np.empty((3, shape[0] * shape[1]), np.float32)
        for channel in range(3):
            plane = part[..., channel].ravel()
            light[channel] = self._lookup(plane, self.light[channel])
        light = self.transform.matrix @ light
        gain = np.exp2(self.down[rows] @ self.across).ravel()
        gain *= np.float32(1 / BRIGHTEST)
        light *= gain
        np.clip(light, 0, 1, out=light)
        np.sqrt(light, out=light)
        values = self._toned(light)
        result = np.empty_like(part)
        for channel in range(3):
            plane = values[channel].reshape(shape)
            if not self.is_whole:
                plane = self._blend(part[..., channel], plane)
            result[..., channel] = plane
        return result

    def _lookup(self, plane: NDArray[Any], table: Pixels) -> Pixels:
        if plane.dtype.kind == "u":
            return table.take(plane)
        return _interpolated(np.clip(plane, 0, 1), table)

    def _toned(self, place: Pixels) -> NDArray[Any]:
        if self.largest != 255:
            return _interpolated(place, self.tone)
        # The nearest of so many entries is far closer than 8 bits can tell.
        place *= np.float32(len(self.tone) - 1)
        place += np.float32(0.5)
        return self.tone.take(place.astype(np.int32))

    def _blend(self, plane: NDArray[Any], values: Pixels) -> NDArray[Any]:
        y = plane
        if plane.dtype.kind == "u" or self.transform.power:
            y = self._lookup(plane, self.screen)
        blended = y + self.weight * (values - y)
        if plane.dtype.kind != "u":
            return np.clip(blended, 0, 1)
        blended *= np.float32(self.largest)
        blended += np.float32(0.5)
        return blended.astype(plane.dtype)


def _curved(y: Array, transform: Transform, colour: int) -> Pixels:
    """Returns the light that a colour's values become, before the matrix."""
    low, high = (float(part[colour]) for part in (transform.low, transform.high))
    domain = to_domain(to_linear((y - low) / (high - low)))
    s = curve(domain, transform.slopes[colour], float(transform.offsets[colour]))
    return from_domain(np.minimum(s, 1.5)).astype(np.float32)


def _interpolated(place: Pixels, table: Pixels) -> Pixels:
    """Reads a table over 0..1 between its entries."""
    place = place * np.float32(len(table) - 1)
    first = np.minimum(place.astype(np.int32), len(table) - 2)
    low = table.take(first)
    found: Pixels = low + (place - first) * (table.take(first + 1) - low)
    return found
