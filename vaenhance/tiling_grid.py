"""Where the tiles of an image lie, and how much each counts at its borders.

Numbers only; ``tiling`` cuts and blends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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

    def enlarged(self, times: int) -> Grid:
        """Returns the grid of an image of so many times the size."""
        starts = tuple(times * start for start in self.starts)
        return Grid(
            times * self.length, times * self.tile, times * self.overlap, starts
        )


def make_grid(length: int, tile: int, overlap: int, stride: int) -> Grid:
    """Covers a side with the fewest tiles of equal size.

    Args:
        length: side to cover, ≥ 1.
        tile: largest side of a tile; 0 for one tile however long the side is.
        overlap: at least so much is shared by neighbours.
        stride: tiles start and end at multiples of this, so that a network of
            that stride sees the same phase as in the whole image.

    Raises:
        ValueError: the tile is not larger than the overlap, or that is below 0.
    """
    padded, tile, overlap, count = _covered(length, tile, overlap, stride)
    step = tile - overlap
    starts = tuple(min(i * step, padded - tile) for i in range(count))
    return Grid(padded, tile, overlap, starts)


def _covered(
    length: int, tile: int, overlap: int, stride: int
) -> tuple[int, int, int, int]:
    """Returns what ``make_grid`` makes a grid of, without its starts.

    Returns:
        (length padded, tile, overlap, how many tiles).
    """
    padded = _up(length, stride)
    tile = padded if tile == 0 else min(_up(tile, stride), padded)
    if tile == padded:
        return padded, padded, 0, 1
    if overlap < 0:
        raise ValueError(f"expected an overlap of 0 or more, received {overlap}")
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
    return padded, tile, overlap, count


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


def grids(size: tuple[int, ...], tiling: Tiling) -> tuple[Grid, Grid]:
    """Returns how height and width of an image, with its margin, are covered.

    Args:
        size: (H, W), pixels of the image.
        tiling: how it is cut.

    Raises:
        ValueError: the tile is not larger than the overlap.
    """
    rows, columns = (
        make_grid(side + 2 * tiling.margin, tiling.tile, tiling.overlap, tiling.stride)
        for side in size
    )
    return rows, columns


def tile_count(size: tuple[int, ...], tiling: Tiling) -> tuple[int, int, int]:
    """Returns how many tiles there are, and (height, width) of each, in pixels.

    Without a list of them: sizes and tiling may be those of a file that nobody trusts.

    Args:
        size: (H, W), pixels of the image.
        tiling: how it is cut.

    Raises:
        ValueError: the tile is not larger than the overlap.
    """
    sides = [
        _covered(side + 2 * tiling.margin, tiling.tile, tiling.overlap, tiling.stride)
        for side in size
    ]
    (_, height, _, down), (_, width, _, across) = sides
    return down * across, height, width


def places(size: tuple[int, ...], tiling: Tiling) -> list[tuple[slice, slice]]:
    """Returns rows and columns of each tile, for ``read_padded``, row by row.

    Args:
        size: (H, W), pixels of the image.
        tiling: how it is cut.

    Raises:
        ValueError: the tile is not larger than the overlap.
    """
    sides = [
        [
            slice(start - tiling.margin, start - tiling.margin + grid.tile)
            for start in grid.starts
        ]
        for grid in grids(size, tiling)
    ]
    return [(rows, columns) for rows in sides[0] for columns in sides[1]]


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


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
