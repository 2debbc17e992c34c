"""What transparency asks of a picture whose pixels are to be computed anew.

Straight alpha leaves a colour under pixels that nobody sees, and whatever mixes
neighbours, a network or a filter, mixes it into those that are seen: a fringe. And
whatever judges the whole picture, its light or style, must not count them.
"""

from __future__ import annotations

import numpy as np

from vaenhance.photo.canvas import strips
from vaenhance.photo.model import Array, Photo
from vaenhance.photo.resampling import Size, resized_strips

LEVELS = 3  # halvings: seen colours reach 8 pixels far at least, and 24 at most
# Seen pixels are repeated in runs down the columns of bands of rows: pieces of picture.
BAND_ROWS, BAND_PIXELS = 16, 1 << 14  # at least
RUN, RUNS = 4096, 16  # pixels at most; how many runs at least


def bled(photo: Photo) -> Array:
    """The pixels, with the colours of what is seen carried on under what is not.

    Only where all that is fully transparent has one colour, as drawing programs leave
    it: several colours may be somebody's data, and stay. ("Alpha bleeding"; a hidden
    pixel takes the mean of its seen neighbours, or of those at half the size, a quarter
    and so on.)

    Returns:
        (H, W, 3) of the same type: the pixels themselves where nothing is hidden.
    """
    if photo.alpha is None or not _is_plain(photo.pixels, photo.alpha):
        return photo.pixels
    coarse, found = _filled(*_halved_picture(photo.pixels, photo.alpha), LEVELS - 1)
    height, width = photo.alpha.shape
    out = photo.pixels.copy()
    for rows in strips(height, width):
        shown = slice(max(rows.start - 1, 0), min(rows.stop + 1, height))
        inner = slice(rows.start - shown.start, rows.stop - shown.start)
        known = photo.alpha[shown] != 0
        near = _neighbours(photo.pixels[shown].astype(np.float32), known)
        place = np.nonzero(~known[inner])
        colours, is_found = (part[inner][place] for part in near)
        above = (place[0] + rows.start) // 2, place[1] // 2
        colours = np.where(is_found[:, None], colours, coarse[above])
        is_found |= found[above]
        down, across = (axis[is_found] for axis in place)
        out[rows][down, across] = np.rint(colours[is_found]).astype(out.dtype)
    return out


def seen_everywhere(pixels: Array, alpha: Array | None) -> Array:
    """The pixels, with seen ones in the place of those that nobody sees.

    Not to be shown: for whatever tells the light, the colours or the sharpness of the
    whole picture. Each seen pixel comes about equally often, and with the neighbours
    that it has, since what mixes of two colours at an edge tells something, too.

    Args:
        pixels: (H, W, C) of any type.
        alpha: (H, W); 0 is what nobody sees. None for none.

    Returns:
        The same shape and type: the pixels themselves where nothing is hidden, or all.
    """
    if alpha is None or alpha.all() or not alpha.any():
        return pixels
    height, width = alpha.shape
    rows = max(BAND_ROWS, -(-BAND_PIXELS // width))
    bands = [slice(y, min(y + rows, height)) for y in range(0, height, rows)]
    counts = [np.count_nonzero(alpha[band]) for band in bands]
    ends = np.cumsum(counts)
    seen, hidden = int(ends[-1]), alpha.size - int(ends[-1])
    run = min(RUN, seen, -(-hidden // RUNS))
    out, done = pixels.copy(), 0
    for band in bands:
        place = _places(alpha[band] == 0)
        numbers = np.arange(done, done + len(place[0]))
        done += len(numbers)
        # Runs begin evenly spread over all that is seen.
        numbers = (numbers // run * run * seen // hidden + numbers % run) % seen
        whence = np.searchsorted(ends, numbers, side="right")
        for index in np.flatnonzero(np.bincount(whence)):
            is_there = whence == index
            down, across = _places(alpha[bands[index]] != 0)
            chosen = numbers[is_there] - (ends[index] - counts[index])
            found = pixels[bands[index]][down[chosen], across[chosen]]
            out[band][tuple(axis[is_there] for axis in place)] = found
    return out


def _places(mask: Array) -> tuple[Array, Array]:
    """Where a mask (h, w) is true: rows and columns, column by column."""
    across, down = np.nonzero(mask.T)
    return down, across


def alpha_of_size(alpha: Array, size: Size) -> Array:
    """Alpha (H, W) in another size, by a bicubic filter."""
    given = (
        (rows.start, alpha[rows, :, None].astype(np.float32))
        for rows in strips(*alpha.shape)
    )
    height, width = alpha.shape
    limit = np.iinfo(alpha.dtype).max
    out: Array = np.empty(size, alpha.dtype)
    for top, strip in resized_strips(given, (height, width), size, "bicubic"):
        out[top : top + len(strip)] = np.clip(np.rint(strip[..., 0]), 0, limit)
    return out


def _is_plain(pixels: Array, alpha: Array) -> bool:
    """Whether some of it is hidden, some is not, and all hidden has one colour."""
    if not alpha.any() or alpha.all():
        return False
    first = np.unravel_index(np.argmin(alpha), alpha.shape)
    return all(
        bool((pixels[rows][alpha[rows] == 0] == pixels[first]).all())
        for rows in strips(*alpha.shape)
    )


def _halved_picture(pixels: Array, alpha: Array) -> tuple[Array, Array]:
    """``_halved`` of what is seen, strip by strip."""
    height, width = alpha.shape
    parts = []
    for half in strips(-(-height // 2), 2 * width):
        rows = slice(2 * half.start, 2 * half.stop)
        parts.append(_halved(pixels[rows].astype(np.float32), alpha[rows] != 0))
    colours, known = (np.concatenate(part) for part in zip(*parts, strict=True))
    return colours, known


def _halved(colours: Array, known: Array) -> tuple[Array, Array]:
    """Means of the known colours of each square of two pixels a side, and where any is.

    Args:
        colours: (h, w, 3) float32.
        known: (h, w) of bool.
    """
    height, width = known.shape
    more = (0, height % 2), (0, width % 2)
    half = -(-height // 2), 2, -(-width // 2), 2
    count = np.pad(known, more).reshape(half).sum(axis=(1, 3))
    seen = np.where(known[..., None], colours, np.float32(0))
    total = np.pad(seen, (*more, (0, 0))).reshape(*half, 3).sum(axis=(1, 3))
    return total / np.maximum(count, 1)[..., None].astype(np.float32), count > 0


def _neighbours(colours: Array, known: Array) -> tuple[Array, Array]:
    """Means of the known colours among 3 x 3 neighbours, and where there are any."""
    seen = np.where(known[..., None], colours, np.float32(0))
    total = np.pad(seen, ((1, 1), (1, 1), (0, 0)))
    count = np.pad(known.astype(np.float32), 1)
    for axis in (0, 1):
        total, count = (_three(part, axis) for part in (total, count))
    return total / np.maximum(count, 1)[..., None], count > 0


def _three(values: Array, axis: int) -> Array:
    """Sums of three next to each other along an axis, which loses two."""
    values = np.moveaxis(values, axis, 0)
    return np.moveaxis(values[:-2] + values[1:-1] + values[2:], 0, axis)


def _filled(colours: Array, known: Array, levels: int) -> tuple[Array, Array]:
    """Colours where unknown ones have those of neighbours, at this size or a smaller.

    Args:
        colours: (h, w, 3) float32.
        known: (h, w) of bool.
        levels: How many smaller sizes there are.

    Returns:
        (colours, where they are known by now).
    """
    near, is_near = _neighbours(colours, known)
    result = np.where(known[..., None], colours, near)
    found = known | is_near
    if levels == 0 or found.all():
        return result, found
    coarse, is_found = _filled(*_halved(colours, known), levels - 1)
    down, across = np.nonzero(~found)
    above = down // 2, across // 2
    result[down, across] = coarse[above]
    found[down, across] = is_found[above]
    return result, found
