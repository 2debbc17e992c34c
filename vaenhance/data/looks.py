"""Training pairs for the network ``look``: light to mend, and looks to take over.

A pair is (x, y, told): y holds two pictures, a photograph and a reference behind it.

| | photograph | reference | x | told |
| --- | --- | --- | --- | --- |
| light | changed | the same | the photograph as it was | −1 |
| style | maybe changed | another window of it, changed | it, so changed | 0 |
| style | maybe changed | another photograph | what ``transferred`` makes | 0 |

So z of a reference that is said to be as it should be comes to mean tone and colour
of the result, and not what is seen in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vaenhance.color import from_lab, to_lab
from vaenhance.config import LookConfig
from vaenhance.data.codec import resize
from vaenhance.data.light import changed, draw_change
from vaenhance.data.pixels import Pixels

CORRECT, KEEP = -1.0, 0.0  # what is told of the reference
SPARSE = 4  # in training, x has every fourth pixel of every fourth row of y
SMALLEST_WINDOW = 0.5  # of the shorter side
GRAY = 0.04  # part of the pairs whose photograph is gray
# Lightness: quantiles that are matched, and how far the contrast may be changed.
QUANTILES = np.linspace(0.02, 0.98, 9)
CONTRAST = (0.6, 1.6)
COLOUR = (0.3, 2.5)  # how far the spread of colours may be changed
SPREAD = 2.0  # added to the deviation of a* and b*: grays do not become colours

Array = NDArray[np.floating]
Pair = tuple[Pixels, Pixels, float]


def draw_pair(
    image: NDArray[np.uint8],
    other: NDArray[np.uint8],
    side: int,
    config: LookConfig,
    rng: np.random.Generator,
) -> Pair:
    """Draws one training pair.

    Args:
        image: photograph, (H, W, 1 or 3).
        other: another one.
        side: pixels a side of the thumbnails.
        config: which pairs, how often and how strong.
        rng: decides everything.

    Returns:
        (x, y, told): (side, side, 3), (side, side, 6), ``CORRECT`` or ``KEEP``.
    """
    is_style, is_foreign, is_unchanged, is_gray = rng.random(4) < (
        config.style,
        config.foreign,
        config.unchanged,
        GRAY,
    )
    clean = draw_thumbnail(image, side, rng, is_gray)

    def anew(x: Pixels) -> Pixels:
        return changed(x, draw_change(config, rng), rng)

    if not is_style:
        y = clean if is_unchanged else anew(clean)
        return clean, np.concatenate([y, y], axis=-1), CORRECT
    y = clean if rng.random() < 0.5 else anew(clean)
    if is_foreign:
        reference = draw_thumbnail(other, side, rng)
        if rng.random() < 0.5:
            reference = anew(reference)
        return transferred(y, reference), np.concatenate([y, reference], -1), KEEP
    change = draw_change(config, rng)
    x = changed(clean, change, rng)
    reference = changed(draw_thumbnail(image, side, rng, is_gray), change, rng)
    return x, np.concatenate([y, reference], axis=-1), KEEP


def sparse(pair: Pair) -> Pair:
    """Leaves of x only the pixels that are compared in training."""
    x, y, told = pair
    return x[SPARSE // 2 :: SPARSE, SPARSE // 2 :: SPARSE], y, told


def draw_thumbnail(
    image: NDArray[np.uint8], side: int, rng: np.random.Generator, is_gray: bool = False
) -> Pixels:
    """Cuts a random large window, and shrinks it to side × side, maybe mirrored."""
    height, width = image.shape[:2]
    sides = rng.uniform(SMALLEST_WINDOW, 1.0, 2) * (height, width)
    rows, columns = np.maximum(np.round(sides), 1).astype(int)
    top = int(rng.integers(0, height - rows + 1))
    left = int(rng.integers(0, width - columns + 1))
    window = resize(image[top : top + rows, left : left + columns], side)
    if rng.random() < 0.5:
        window = window[:, ::-1]
    x = np.ascontiguousarray(window, np.float32) / np.float32(255)
    if is_gray:
        x = x.mean(axis=-1, keepdims=True)
    return np.ascontiguousarray(np.broadcast_to(x, (side, side, 3)))


def shrunken(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Shrinks a photograph to what its windows need, so that many stay in memory."""
    factor = min(image.shape[:2]) // (2 * side)
    if factor < 2:
        return image
    height, width = (length // factor for length in image.shape[:2])
    parts = image[: height * factor, : width * factor]
    parts = parts.reshape(height, factor, width, factor, -1)
    return np.rint(parts.mean(axis=(1, 3), dtype=np.float32)).astype(np.uint8)


def transferred(x: Pixels, reference: Pixels) -> Pixels:
    """Gives a photograph the tone and colours of another one, within limits.

    Lightness follows a curve through matched quantiles; a* and b* are moved and
    stretched so that mean and covariance agree (the linear Monge–Kantorovich transfer,
    Pitié & Kokaram 2007). Limits on contrast and spread keep the structure.

    Args:
        x: (H, W, 3).
        reference: any size.

    Returns:
        The shape of x, clipped to [0, 1].
    """
    lab = to_lab(x).reshape(-1, 3)
    wanted = to_lab(reference).reshape(-1, 3)
    result = np.empty_like(lab)
    result[:, 0] = _toned(lab[:, 0], wanted[:, 0])
    result[:, 1:] = _coloured(lab[:, 1:], wanted[:, 1:])
    return np.clip(from_lab(result), 0, 1).reshape(x.shape).astype(np.float32)


def _toned(lightness: Array, wanted: Array) -> Array:
    before, after = (np.quantile(values, QUANTILES) for values in (lightness, wanted))
    # Flat parts of the histogram would make the curve as steep as one likes.
    before = before + np.linspace(-2, 2, len(before))
    slopes = np.clip(np.diff(after) / np.diff(before), *CONTRAST)
    rises = np.concatenate([[0.0], np.cumsum(slopes * np.diff(before))])
    curve = rises + np.mean(after) - np.mean(rises)
    ends = [before[0] - 100, *before, before[-1] + 100]
    values = [curve[0] - 100 * slopes[0], *curve, curve[-1] + 100 * slopes[-1]]
    toned: Array = np.interp(lightness, ends, values)
    return toned


def _coloured(colours: Array, wanted: Array) -> Array:
    first, second = (
        np.cov(values.T) + SPREAD**2 * np.eye(2) for values in (colours, wanted)
    )
    root = _power(first, 0.5)
    inverse = _power(first, -0.5)
    stretch = inverse @ _power(root @ second @ root, 0.5) @ inverse
    values, vectors = np.linalg.eigh(stretch)
    stretch = (vectors * np.clip(values, *COLOUR)) @ vectors.T
    moved: Array = (colours - colours.mean(axis=0)) @ stretch + wanted.mean(axis=0)
    return moved


def _power(matrix: Array, exponent: float) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    result: Array = (vectors * np.maximum(values, 1e-9) ** exponent) @ vectors.T
    return result
