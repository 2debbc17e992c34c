"""Other sizes by Pillow's filters, in floats and strip by strip.

Filters are widened when they shrink (antialiased). In floats, so that 16 bits stay
16 bits; strip by strip, so that no float copy of a photograph is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vaenhance.photo.canvas import STRIP_PIXELS, strips

Floats = NDArray[np.float32]
Size = tuple[int, int]  # (height, width)

_REACH = {"bicubic": 2.0, "lanczos": 3.0}  # pixels, when nothing shrinks
# Of the result: what lies around a strip is read again for the next one.
_LEAST_ROWS = 8


def rows_needed(rows: slice, length: int, target: int, name: str) -> slice:
    """Rows of a picture that some rows of it in another size depend on.

    Args:
        rows: Of the result.
        length: Rows of the picture.
        target: Rows of the result.
        name: ``bicubic`` or ``lanczos``.
    """
    ratio = length / target
    reach = _REACH[name] * max(ratio, 1.0) + 1.0
    first = max(math.floor(rows.start * ratio - reach), 0)
    return slice(first, min(math.ceil(rows.stop * ratio + reach), length))


def resized_rows(
    part: Floats, first: int, size: Size, target: Size, rows: slice, name: str
) -> Floats:
    """Rows of a picture in another size.

    Args:
        part: Rows of the picture, at least those of ``rows_needed``, all columns;
            (h, W, C).
        first: Which row of the picture its first row is.
        size: Of the picture.
        target: Of the whole result.
        rows: Which rows of the result.
        name: ``bicubic`` or ``lanczos``.

    Returns:
        (rows, target width, C); the filters overshoot the range a little.
    """
    return _resized([part], first, size, target, rows, name)


def _resized(
    parts: Sequence[Floats],
    first: int,
    size: Size,
    target: Size,
    rows: slice,
    name: str,
) -> Floats:
    """Does what ``resized_rows`` does, of parts that follow each other downwards."""
    ratio = size[0] / target[0]
    height = sum(len(part) for part in parts)
    box = (
        0.0,
        max(rows.start * ratio - first, 0.0),
        float(size[1]),
        min(rows.stop * ratio - first, float(height)),
    )
    shape = target[1], rows.stop - rows.start
    out = np.empty((shape[1], shape[0], parts[0].shape[2]), np.float32)
    for channel in range(out.shape[2]):
        # Joined here, a channel at a time: a copy of all would be as large as they are.
        planes = [part[..., channel] for part in parts]
        plane = Image.fromarray(np.concatenate(planes, dtype=np.float32))
        resized = plane.resize(shape, Image.Resampling[name.upper()], box)
        out[..., channel] = np.asarray(resized)
    return out


def resized_strips(
    given: Iterator[tuple[int, Floats]], size: Size, target: Size, name: str
) -> Iterator[tuple[int, Floats]]:
    """A picture in another size, from strips to strips.

    Args:
        given: (first row, (h, W, C)), from the top down without gaps.
        size: Of the picture.
        target: Of the result.
        name: ``bicubic`` or ``lanczos``.

    Yields:
        (first row, (h, target width, C)), from the top down without gaps.
    """
    waiting = iter(_cuts(size, target))
    rows = next(waiting, None)
    held: list[Floats] = []
    first = 0  # row of the picture that they begin with
    for top, strip in _pieces(given):
        held.append(strip)
        while rows is not None:
            needed = rows_needed(rows, size[0], target[0], name)
            if needed.stop > top + len(strip):
                break
            yield rows.start, _resized(held, first, size, target, rows, name)
            rows = next(waiting, None)
        if rows is not None:
            needed = rows_needed(rows, size[0], target[0], name)
            first = _let_go(held, first, needed.start)
        del strip  # the next one is made while it would be kept here


def _cuts(size: Size, target: Size) -> list[slice]:
    """Rows of a result in strips, such that little of the picture is held for one.

    For a smaller result: of half as many pixels of the picture as a strip may have,
    since what lies around them is held, too.
    """
    pixels = size[0] * size[1]
    if pixels <= target[0] * target[1]:
        return strips(*target)
    across = min(-(-2 * pixels // target[0]), STRIP_PIXELS // _LEAST_ROWS)
    return strips(target[0], max(target[1], across))


def _pieces(given: Iterator[tuple[int, Floats]]) -> Iterator[tuple[int, Floats]]:
    """Cuts strips that are large, such as those of tiles; none is kept for a part."""
    for top, strip in given:
        cuts = strips(*strip.shape[:2])
        for rows in cuts:
            yield top + rows.start, strip[rows].copy() if len(cuts) > 1 else strip
        del strip


def _let_go(held: list[Floats], first: int, start: int) -> int:
    """Drops the rows before one; returns which row comes first now."""
    while held and first + len(held[0]) <= start:
        first += len(held.pop(0))
    if held and first < start:
        held[0] = held[0][start - first :].copy()  # a view would keep all of it
        first = start
    return first
