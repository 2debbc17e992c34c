"""The noise of draws, by place: tiles that share pixels share their noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vaenhance.errors import UsageProblem

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class PlacedNoise:
    """The noise of one draw where a tile lies: the same whatever the tiles are.

    Attributes:
        seed: of the draws.
        draw: its number.
        place: rows and columns of the tile in the image, pixels.
    """

    seed: int
    draw: int
    place: tuple[slice, slice]

    def __post_init__(self) -> None:
        """Refuses what no random generator takes."""
        if min(self.seed, self.draw) < 0:
            raise UsageProblem(
                f"seed and number of a draw must be 0 or more, received {self.seed} "
                f"and {self.draw}"
            )

    def of_levels(
        self, shapes: Sequence[tuple[int, int, int]], margin: int
    ) -> list[Pixels]:
        """Returns standard normal noise, (1, h, w, c) of each level.

        Args:
            shapes: (h, w, c) of each level of the tile.
            margin: how far places reach beyond the image, pixels.
        """
        return [self._of_level(i, shape, margin) for i, shape in enumerate(shapes)]

    def _of_level(self, level: int, shape: tuple[int, int, int], margin: int) -> Pixels:
        rows, columns = self.place
        height, width, channels = shape
        step = (rows.stop - rows.start) // height  # pixels
        top, left = (rows.start + margin) // step, (columns.start + margin) // step
        noise = np.empty((1, *shape), np.float32)
        for row in range(height):
            rng = np.random.default_rng([self.seed, self.draw, level, top + row])
            line = rng.standard_normal((left + width, channels), np.float32)
            noise[0, row] = line[left:]
        return noise
