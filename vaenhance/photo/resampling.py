"""Other sizes by Pillow's filters, in floats and strip by strip.

Filters are widened when they shrink (antialiased). In floats, so that 16 bits stay
16 bits; strip by strip, so that no float copy of a photograph is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vaenhance.photo.canvas import strips

Floats = NDArray[np.float32]
Size = tuple[int, int]  # (height, width)

_REACH = {"bicubic": 2.0, "lanczos": 3.0}  # pixels, when nothing shrinks


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
    ratio = size[0] / target[0]
    box = (
        0.0,
        max(rows.start * ratio - first, 0.0),
        float(size[1]),
        min(rows.stop * ratio - first, float(len(part))),
    )
    shape = target[1], rows.stop - rows.start
    out = np.empty((shape[1], shape[0], part.shape[2]), np.float32)
    for channel in range(part.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(part[..., channel], np.float32))
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
    waiting = iter(strips(*target))
    rows = next(waiting, None)
    held: Floats | None = None
    first = 0
    for top, strip in given:
        held = strip if held is None else np.concatenate([held, strip])
        while rows is not None:
            needed = rows_needed(rows, size[0], target[0], name)
            if needed.stop > top + len(strip):
                break
            yield rows.start, resized_rows(held, first, size, target, rows, name)
            rows = next(waiting, None)
        if rows is not None:
            drop = max(rows_needed(rows, size[0], target[0], name).start - first, 0)
            held, first = held[drop:], first + drop
