"""Training pairs for the network ``look``: light to mend, and looks to take over.

A pair is (x, y, told): y holds two pictures, a photograph and a reference behind it.

| | photograph | reference | x | told |
| --- | --- | --- | --- | --- |
| light | changed | the same | the photograph as it was | −1 |
| style | maybe changed | another window of it, changed | it, so changed | 0 |
| style | maybe changed | another photograph | what ``transferred`` makes | 0 |

For a network that is to tell a changed gamma, y holds patches of the photograph
behind both, and log2 of the exponent that was drawn.

So z of a reference that is said to be as it should be comes to mean tone and colour
of the result, and not what is seen in it.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vaenhance.color import from_lab, to_lab
from vaenhance.config import LookConfig
from vaenhance.data.lamps import draw_lights
from vaenhance.data.light import Change, changed, changed_extremes, draw_change
from vaenhance.data.pixels import Pixels
from vaenhance.patches import NUMBERS, as_channels, cut_patches
from vaenhance.thumbnails import extreme_values, places, with_extremes

CORRECT, KEEP = -1.0, 0.0  # what is told of the reference
SPARSE = 4  # in training, x has every fourth pixel of every fourth row of y
PATCH_STEP = 2  # in training there are patches of every second place only
SMALLEST_WINDOW = 0.5  # of the shorter side
GRAY = 0.04  # part of the pairs whose photograph is gray
# Lightness: quantiles that are matched, and how far the contrast may be changed.
QUANTILES = np.linspace(0.02, 0.98, 9)
CONTRAST = (0.6, 1.6)
COLOUR = (0.3, 2.5)  # how far the spread of colours may be changed
SPREAD = 2.0  # added to the deviation of a* and b*: grays do not become colours

Array = NDArray[np.floating]
Pair = tuple[Pixels, Pixels, float]


class Seen(NamedTuple):
    """A thumbnail, the extremes of what it shows, and maybe patches, as a picture."""

    picture: Pixels
    extremes: Pixels
    patches: Pixels | None = None


def draw_pair(
    image: NDArray[np.uint8],
    other: NDArray[np.uint8],
    side: int,
    config: LookConfig,
    rng: np.random.Generator,
    with_exponent: bool = False,
) -> Pair:
    """Draws one training pair.

    Args:
        image: photograph, (H, W, 1 or 3).
        other: another one.
        side: pixels a side of the thumbnails.
        config: which pairs, how often and how strong.
        rng: decides everything.
        with_exponent: y has what a changed gamma is told by, and its exponent, too.

    Returns:
        (x, y, told): (side, side, 3), (side, side, 6), ``CORRECT`` or ``KEEP``;
        with_exponent: y is (side, side, 34).
    """
    is_style, is_foreign, is_unchanged, is_gray = rng.random(4) < (
        config.style,
        config.foreign,
        config.unchanged,
        GRAY,
    )
    has_patches = with_exponent and not is_style
    clean = draw_thumbnail(image, side, rng, is_gray, has_patches)
    change = draw_change(config, rng)
    if not is_style:
        change = dataclasses.replace(change, **draw_lights(change.stops, config, rng))
        y = clean if is_unchanged else _changed(clean, change, rng)
        if not is_unchanged:
            clean = _changed(clean, Change(lamps=change.lamps), rng)
        both = [_joined(y)] * 2
        if with_exponent:
            both += _told(y.patches, 0.0 if is_unchanged else change.gamma, side)
        return clean[0], np.concatenate(both, axis=-1), CORRECT
    y = clean if rng.random() < 0.5 else _changed(clean, draw_change(config, rng), rng)
    if is_foreign:
        reference = draw_thumbnail(other, side, rng)
        if rng.random() < 0.5:
            reference = _changed(reference, change, rng)
        x = transferred(y[0], reference[0])
    else:
        x = changed(clean[0], change, rng)
        window = draw_thumbnail(image, side, rng, is_gray)
        reference = _changed(window, change, rng)
    both = [_joined(y), _joined(reference)]
    if with_exponent:  # nothing is asked of it
        both += _told(None, 0.0, side)
    return x, np.concatenate(both, axis=-1), KEEP


def _told(patches: Pixels | None, exponent: float, side: int) -> list[Pixels]:
    """Returns patches, each at its places, and the exponent: 28 channels."""
    if patches is None:
        channels = np.zeros((side, side, NUMBERS), np.float32)
    else:
        repeated = as_channels(patches).repeat(PATCH_STEP, axis=0)
        channels = repeated.repeat(PATCH_STEP, axis=1)
    return [channels, np.full((side, side, 1), exponent, np.float32)]


def _changed(seen: Seen, change: Change, rng: np.random.Generator) -> Seen:
    picture, extremes = changed(seen[0], change, rng), changed_extremes(seen[1], change)
    patches = None if seen.patches is None else changed(seen.patches, change, rng)
    if change.lamps:  # are seen in the picture alone
        brightest = np.maximum(extremes[1], picture.max(axis=(0, 1)))
        extremes = np.stack([extremes[0], brightest])
    return Seen(picture, extremes, patches)


def _joined(seen: Seen) -> Pixels:
    return with_extremes(seen.picture, seen.extremes)


def sparse(pair: Pair) -> Pair:
    """Leaves of x only the pixels that are compared in training."""
    x, y, told = pair
    return x[SPARSE // 2 :: SPARSE, SPARSE // 2 :: SPARSE], y, told


def draw_thumbnail(
    image: NDArray[np.uint8],
    side: int,
    rng: np.random.Generator,
    is_gray: bool = False,
    has_patches: bool = False,
) -> Seen:
    """Cuts a random large window and takes side × side of its pixels, maybe mirrored.

    Returns:
        The pixels (side, side, 3), the window's extremes (2, 3), and its patches, of
        side / ``PATCH_STEP`` places each way.
    """
    sides = rng.uniform(SMALLEST_WINDOW, 1.0, 2) * image.shape[:2]
    height, width = np.maximum(np.round(sides), 1).astype(int)
    top = int(rng.integers(0, image.shape[0] - height + 1))
    left = int(rng.integers(0, image.shape[1] - width + 1))
    window = image[top : top + height, left : left + width]
    picture = window[places(height, side)][:, places(width, side)]
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    # Of every fourth pixel: so many have the extremes as well, or nearly.
    extremes = extreme_values(np.ascontiguousarray(window[::4, ::4]))
    shown = [picture, extremes]
    if has_patches:
        shown.append(cut_patches(window, side // PATCH_STEP))
    found = []
    for values in shown:
        x = values.astype(np.float32) / np.float32(255)
        if is_gray:
            x = x.mean(axis=-1, keepdims=True)
        found.append(np.ascontiguousarray(np.broadcast_to(x, (*x.shape[:-1], 3))))
    return Seen(*found)


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
