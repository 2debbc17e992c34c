"""One vector for an image of any size: means and deviations of its latents.

For searching and sorting. Each channel of each level is averaged over cells that
divide the image, so that images of any size have vectors of one length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vaenhance.latents.records import Tile, level_names
from vaenhance.tiling_grid import Tiling, places

Vector = NDArray[np.float32]


class Pool:
    """Averages the latents of one image, tile by tile.

    Every position counts once, wherever tiles overlap, and what is mirrored around
    the image does not count, so that the tiling does not matter.

    Args:
        size: (H, W) of the image, pixels.
        cells: so many a side.
    """

    def __init__(self, size: tuple[int, int], cells: int) -> None:
        self._size = size
        self._cells = cells
        self._sums: dict[str, NDArray[np.float64]] = {}

    def add(self, tiling: Tiling, number: int, tile: Tile) -> None:
        """Takes one tile.

        Args:
            tiling: how the image is cut.
            number: of the tile, row by row; 0 begins again.
            tile: its latents.
        """
        if number == 0:
            self._sums = {}
        found = places(self._size, tiling)
        here = found[number]
        tops = sorted({rows.start for rows, _ in found})
        lefts = sorted({columns.start for _, columns in found})
        for name in level_names(tile):
            z = tile[name].astype(np.float64)
            step = (here[0].stop - here[0].start) // z.shape[0]
            down = self._weights(here[0], tops, self._size[0], step)
            across = self._weights(here[1], lefts, self._size[1], step)
            moments = np.stack([z, z**2])
            pooled = np.einsum("ih,mhwc,jw->mijc", down, moments, across)
            self._sums[name] = self._sums.get(name, 0.0) + pooled

    def vector(self) -> Vector:
        """Returns (D,): of each level the means of all cells, then the deviations."""
        parts = []
        for name in level_names(self._sums):
            mean, square = self._sums[name]
            deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
            parts += [mean.ravel(), deviation.ravel()]
        return np.concatenate(parts).astype(np.float32)

    def _weights(
        self, place: slice, starts: list[int], side: int, step: int
    ) -> NDArray[np.float64]:
        """Returns (cells, positions): the share of each position of a tile.

        A tile owns what lies before the next one. Cell i of G reaches from position
        ⌊i·n/G⌋ to ⌈(i+1)·n/G⌉ of n, so that no cell is empty.
        """
        later = [start for start in starts if start > place.start]
        stop = later[0] if later else place.stop
        count = -(-side // step)  # positions of the image
        position = np.arange(place.start, place.stop, step) // step
        edges = np.arange(self._cells + 1) * count / self._cells
        first, last = np.floor(edges[:-1]), np.ceil(edges[1:])
        inside = (position >= first[:, None]) & (position < last[:, None])
        owned = (position * step < stop) & (position >= 0)
        weights: NDArray[np.float64] = (inside & owned) / (last - first)[:, None]
        return weights
