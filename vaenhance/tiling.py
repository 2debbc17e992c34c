"""Cutting an image into tiles and blending the results without a seam.

Pure NumPy; what happens to a tile is the caller's function. Results are handed
out strip by strip, so that memory does not grow with the height of the image. What
is mirrored around the image exists only in the tiles that show it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.errors import NotFinite
from vaenhance.tiling_grid import (
    Grid,
    Tiling,
    grids,
    make_grid,
    padded_place,
    places,
    tile_count,
    tile_weights,
)

__all__ = [
    "Grid",
    "Tiling",
    "collected",
    "compute_strips",
    "enhance_strips",
    "from_float",
    "make_grid",
    "padded_place",
    "places",
    "read_padded",
    "tile_count",
    "tile_weights",
    "to_float",
    "told_where",
]

Pixels = NDArray[np.float32]


def compute_strips(
    compute: Callable[[slice, slice], Pixels],
    size: tuple[int, ...],
    tiling: Tiling,
    progress: Callable[[float], None] = lambda megapixels: None,
    times: int = 1,
) -> Iterator[tuple[int, Pixels]]:
    """Blends the tiles of an image and yields strips of it, top to bottom.

    Args:
        compute: returns the tile of a padded place of the image.
        size: (H, W), pixels of the image.
        tiling: how it is cut.
        progress: called after each tile with the megapixels of image that it adds.
        times: the tiles that come back have so many times the sides of the places.

    Yields:
        (first row, (height, times · W, C) float32) of the enlarged image; rows and
        columns of the margin are cut off.

    Raises:
        NotFinite: of ``compute``, with the place in the image.
    """
    height, width = (times * side for side in size)
    edge, margin = tiling.margin, times * tiling.margin
    rows, columns = grids(size, tiling)
    inside = size[0] * size[1] / (rows.length * columns.length)

    def computed(place: tuple[slice, slice]) -> Pixels:
        down, across = (slice(p.start - edge, p.stop - edge) for p in place)
        with told_where((down, across), size):
            return compute(down, across)

    strips = enhance_strips(
        lambda *place: place,
        computed,
        rows,
        columns,
        lambda megapixels: progress(megapixels * inside),
        times,
    )
    for start, strip in strips:
        first = start - margin  # row of the image; of the margin where it is negative
        top, bottom = np.clip([first, first + len(strip)], 0, height)
        yield top, strip[top - first : bottom - first, margin : margin + width]


def collected(
    strips: Iterator[tuple[int, Pixels]],
    shape: tuple[int, ...],
    dtype: np.dtype,
    finish: Callable[[Pixels, slice], Pixels] = lambda values, rows: values,
) -> NDArray[Any]:
    """Returns the image that strips make up, in its own type.

    Args:
        strips: (first row, (height, W, C) float32), from the top down.
        shape: (H, W, C) of the image.
        dtype: uint8, uint16 or float32.
        finish: what is still to be done to a strip; is told its rows.
    """
    result = np.empty(shape, dtype)
    for top, strip in strips:
        rows = slice(top, top + len(strip))
        result[rows] = from_float(finish(strip, rows), dtype)
    return result


def enhance_strips(
    read: Callable[[slice, slice], Any],
    compute: Callable[[Any], Pixels],
    rows: Grid,
    columns: Grid,
    progress: Callable[[float], None] = lambda megapixels: None,
    times: int = 1,
) -> Iterator[tuple[int, Pixels]]:
    """Runs a function over all tiles and yields blended strips, top to bottom.

    Args:
        read: returns the input of a place, whatever it is.
        compute: returns a tile, (times · tile, times · tile, C), from that.
        rows: tiles over the height.
        columns: tiles over the width.
        progress: called after each tile with the megapixels of input that it adds.
        times: how much the tiles grow.

    Yields:
        (first row, (height, times · columns.length, C) float32); together they cover
        the padded image once.
    """
    total = rows.length * columns.length / 1e6
    share = total / (len(rows.starts) * len(columns.starts))
    rows, columns = rows.enlarged(times), columns.enlarged(times)
    down, across = tile_weights(rows), tile_weights(columns)
    held: Pixels | None = None  # weighted sums of the rows still to be added to
    for i, top in enumerate(rows.starts):
        strip: Pixels | None = None
        for j, left in enumerate(columns.starts):
            place = slice(top, top + rows.tile), slice(left, left + columns.tile)
            source = (slice(p.start // times, p.stop // times) for p in place)
            result = compute(read(*source))
            if strip is None:
                size = rows.tile, columns.length, result.shape[-1]
                strip = np.zeros(size, np.float32)
            weight = down[i][:, None, None] * across[j][None, :, None]
            strip[:, place[1]] += weight * result
            progress(share)
        assert strip is not None  # a grid has at least one tile
        if held is not None:
            strip[: len(held)] += held
        is_last = i + 1 == len(rows.starts)
        ready = rows.tile if is_last else rows.starts[i + 1] - top
        yield top, strip[:ready]
        held = strip[ready:].copy()


@contextlib.contextmanager
def told_where(place: tuple[slice, slice], size: tuple[int, ...]) -> Iterator[None]:
    """Adds to an answer that is not finite in which tile of the image it is.

    Args:
        place: of the tile, pixels; may reach beyond the image.
        size: (H, W) of the image.
    """
    try:
        yield
    except NotFinite as error:
        ends = [
            (max(p.start, 0), min(p.stop, n))
            for p, n in zip(place, size[:2], strict=True)
        ]
        if ends == [(0, side) for side in size[:2]]:
            raise
        (top, bottom), (left, right) = ends
        where = f"rows {top} to {bottom - 1}, columns {left} to {right - 1}"
        raise NotFinite(f"{error} (in the tile of {where})") from error


def read_padded(image: NDArray[Any], place: tuple[slice, slice]) -> Pixels:
    """Returns a place of an image as float32, mirrored where it reaches beyond.

    The mirror images repeat (the "symmetric" mode of np.pad), so that a place may
    reach beyond by more than the image has. What a pixel outside shows depends on
    where it is, not on the place: tiles see the same as the whole.

    Args:
        image: (H, W, C) uint8, uint16 (scaled to [0, 1]) or float32 (as it is);
            at least one pixel.
        place: rows and columns, start and stop; negative ones are before the first.
    """
    rows, columns = (
        _mirrored(side, length)
        for side, length in zip(place, image.shape[:2], strict=True)
    )
    # Sliced before it is indexed: a copy of the tile is made, not of whole rows.
    corner = rows.min(), columns.min()
    part = image[corner[0] : rows.max() + 1, corner[1] : columns.max() + 1]
    for axis, positions in enumerate((rows, columns)):
        if place[axis].start < 0 or place[axis].stop > image.shape[axis]:
            part = np.take(part, positions - corner[axis], axis)
    return to_float(part)


def to_float(image: NDArray[Any]) -> Pixels:
    """Returns integers scaled to [0, 1], floats as they are; float32."""
    if image.dtype.kind == "u":
        return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)
    return image.astype(np.float32, copy=False)


def from_float(values: Pixels, dtype: np.dtype) -> NDArray[Any]:
    """Returns values of [0, 1] clipped, scaled and rounded to an integer type."""
    if dtype.kind != "u":
        return values.astype(dtype, copy=False)
    largest = np.iinfo(dtype).max
    scaled = np.clip(values, 0.0, 1.0) * np.float32(largest)
    return np.rint(scaled, out=scaled).astype(dtype)


def _mirrored(place: slice, length: int) -> NDArray[np.intp]:
    """Returns which pixel of a side stands at each position of a place."""
    position = np.arange(place.start, place.stop) % (2 * length)
    return np.minimum(position, 2 * length - 1 - position)
