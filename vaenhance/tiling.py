"""Cutting an image into tiles and blending the results without a seam.

Pure NumPy; what happens to a tile is the caller's function. Results are handed
out strip by strip, so that memory does not grow with the height of the image. What
is mirrored around the image exists only in the tiles that show it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """How one side of an image is covered by tiles. All in pixels.

    Attributes:
        length: side to cover, padded to a multiple of the network's stride.
        tile: side of every tile.
        overlap: shared by neighbours (the last pair may share more).
        starts: first pixel of every tile.
    """

    length: int
    tile: int
    overlap: int
    starts: tuple[int, ...]


def make_grid(length: int, tile: int, overlap: int, stride: int) -> Grid:
    """Covers a side with the fewest tiles of equal size.

    Args:
        length: side to cover, ≥ 1.
        tile: largest side of a tile; 0 for one tile however long the side is.
        overlap: at least so much is shared by neighbours.
        stride: tiles start and end at multiples of this, so that a network of
            that stride sees the same phase as in the whole image.

    Raises:
        ValueError: the tile is not larger than the overlap.
    """
    padded = _up(length, stride)
    tile = padded if tile == 0 else min(_up(tile, stride), padded)
    if tile == padded:
        return Grid(padded, padded, 0, (0,))
    overlap = _up(overlap, stride)
    if tile <= overlap:
        raise ValueError(
            f"expected a tile larger than the overlap ({overlap} pixels), "
            f"received tile={tile}"
        )
    count = math.ceil((padded - overlap) / (tile - overlap))
    # The smallest tile that needs no more tiles: nothing is computed twice
    # that need not be.
    tile = _up(math.ceil((padded - overlap) / count) + overlap, stride)
    step = tile - overlap
    starts = tuple(min(i * step, padded - tile) for i in range(count))
    return Grid(padded, tile, overlap, starts)


@dataclass(frozen=True)
class Tiling:
    """How an image is cut. All in pixels.

    Attributes:
        tile: largest side; 0 = whole.
        overlap: shared by neighbours.
        stride: of the network.
        margin: mirrored around the image and cut off again, a multiple of the
            stride, so that the image keeps its phase.
    """

    tile: int
    overlap: int
    stride: int
    margin: int = 0


def padded_place(
    height: int, width: int, margin: int, stride: int
) -> tuple[slice, slice]:
    """Returns the rows and columns that are shown to a network in all.

    They begin a margin before the image and end as far behind it, or up to a stride
    farther, so that their number is a multiple of the stride. For ``read_padded``.
    """
    rows, columns = (
        slice(-margin, _up(side + 2 * margin, stride) - margin)
        for side in (height, width)
    )
    return rows, columns


def enhance_tiled(
    image: NDArray[Any],
    compute: Callable[[Pixels], Pixels],
    tiling: Tiling,
    strength: float = 1.0,
    progress: Callable[[float], None] = lambda megapixels: None,
) -> NDArray[Any]:
    """Runs a function over an image of any size, tile by tile.

    Args:
        image: (H, W, C) uint8, uint16 or float32; integers are converted and
            rounded strip by strip, so that no float copy of the image exists.
        compute: maps a padded tile to an enhanced one of the same shape.
        tiling: tile, overlap, stride and margin.
        strength: 0..1 blends from the input to the result.
        progress: called after each tile with the megapixels that it adds.

    Returns:
        The same shape and type.

    Raises:
        ValueError: the tile is not larger than the overlap.
    """
    height, width = image.shape[:2]
    margin = tiling.margin
    rows, columns = (
        make_grid(side + 2 * margin, tiling.tile, tiling.overlap, tiling.stride)
        for side in (height, width)
    )
    scale = height * width / (rows.length * columns.length)
    strips = enhance_strips(
        lambda *place: read_padded(image, _moved(place, -margin)),
        compute,
        rows,
        columns,
        lambda megapixels: progress(megapixels * scale),
    )
    result = np.empty_like(image)
    for start, strip in strips:
        first = start - margin  # row of the image; of the margin where it is negative
        top, bottom = np.clip([first, first + len(strip)], 0, height)
        values = strip[top - first : bottom - first, margin : margin + width]
        if strength < 1:
            y = to_float(image[top:bottom])
            values = y + np.float32(strength) * (values - y)
        result[top:bottom] = from_float(values, image.dtype)
    return result


def enhance_strips(
    read: Callable[[slice, slice], Pixels],
    compute: Callable[[Pixels], Pixels],
    rows: Grid,
    columns: Grid,
    progress: Callable[[float], None] = lambda megapixels: None,
) -> Iterator[tuple[int, Pixels]]:
    """Runs a function over all tiles and yields blended strips, top to bottom.

    Args:
        read: returns the padded input of a place, (tile, tile, C).
        compute: returns a tile of the same height and width.
        rows: tiles over the height.
        columns: tiles over the width.
        progress: called after each tile with the megapixels of image that it adds.

    Yields:
        (first row, (height, columns.length, C) float32); together they cover the
        padded image once.
    """
    down, across = tile_weights(rows), tile_weights(columns)
    total = rows.length * columns.length / 1e6
    share = total / (len(rows.starts) * len(columns.starts))
    channels = read(slice(0, 1), slice(0, 1)).shape[-1]
    held: Pixels | None = None  # weighted sums of the rows still to be added to
    for i, top in enumerate(rows.starts):
        strip = np.zeros((rows.tile, columns.length, channels), np.float32)
        for j, left in enumerate(columns.starts):
            place = slice(top, top + rows.tile), slice(left, left + columns.tile)
            result = compute(read(*place))
            weight = down[i][:, None, None] * across[j][None, :, None]
            strip[:, place[1]] += weight * result
            progress(share)
        if held is not None:
            strip[: len(held)] += held
        is_last = i + 1 == len(rows.starts)
        ready = rows.tile if is_last else rows.starts[i + 1] - top
        yield top, strip[:ready]
        held = strip[ready:].copy()


def tile_weights(grid: Grid) -> list[NDArray[np.float32]]:
    """Returns each tile's blending weights along one side; they sum to 1.

    Three eighths of the overlap next to an inner border have no weight: there the
    network has seen padding instead of the image. Over the quarter between, a ramp
    leads from one tile to the other.
    """
    raw = []
    total = np.zeros(grid.length)
    margin = 3 * grid.overlap // 8
    position = np.arange(grid.tile)
    for i, start in enumerate(grid.starts):
        weight = np.ones(grid.tile)
        ramp = max(grid.overlap - 2 * margin, 1)
        if i:
            weight *= np.clip((position - margin + 0.5) / ramp, 0, 1)
        if i + 1 < len(grid.starts):
            weight *= np.clip((grid.tile - margin - position - 0.5) / ramp, 0, 1)
        raw.append(weight)
        total[start : start + grid.tile] += weight
    return [
        (weight / total[start : start + grid.tile]).astype(np.float32)
        for start, weight in zip(grid.starts, raw, strict=True)
    ]


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


def _moved(place: tuple[slice, slice], by: int) -> tuple[slice, slice]:
    rows, columns = (slice(side.start + by, side.stop + by) for side in place)
    return rows, columns


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
