"""The way from one image to another, through the latents. Base of ``api.Model``.

Each level moves in units of its prior: the distance of the posterior's mean from the
prior's mean, divided by the prior's standard deviation (of a fitted prior, the noise
that it makes the mean of). There the prior is N(0, I) at every level, which is where a
way on a sphere makes sense; and a level that stays where it was follows what has
changed above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.api_coding import Coding
from vaenhance.api_inputs import check_input, check_way, class_number, moving_levels
from vaenhance.api_resize import aim_at
from vaenhance.errors import UsageProblem
from vaenhance.latents import Tile, TiledLatents, between, level_names


class Interpolation(Coding):
    """Images between two images."""

    def interpolate(
        self,
        start: NDArray[Any],
        end: NDArray[Any],
        frames: int = 16,
        *,
        method: str = "spherical",
        levels: Sequence[int] | None = None,
        noise_sigma: float | None = None,
        label: str | None = None,
        tile: int | None = None,
        overlap: int | None = None,
    ) -> Iterator[NDArray[Any]]:
        """Yields images from one to another.

        Args:
            start: (H, W, C) as for ``enhance``.
            end: of the same shape and type.
            frames: how many, with both ends: the first is ``start`` enhanced, the
                last ``end``, as far as levels move.
            method: ``spherical`` or ``linear``.
            levels: which move, 0 is the coarsest; None for all. The others stay
                those of ``start``.
            noise_sigma: as for ``enhance``.
            label: class of both images and of what lies between, if the model knows
                it; None tells none.
            tile: as for ``enhance``.
            overlap: as for ``enhance``.

        Raises:
            UsageProblem: the images are not of one shape and type, or an argument
                makes no sense.
            OutOfMemory: even the smallest tile does not fit.
        """
        for image in (start, end):
            check_input(self.name, self.config, image, noise_sigma=noise_sigma)
            if image.ndim != 3 or image.size == 0:
                raise UsageProblem(f"expected one image, received shape {image.shape}")
        if start.shape != end.shape or start.dtype != end.dtype:
            raise UsageProblem(
                f"expected two images of one size and type, received {start.shape} "
                f"{start.dtype} and {end.shape} {end.dtype}"
            )
        check_way(frames, method)
        count = len(self._inference.latent_shapes(*start.shape[:2]))
        moving = moving_levels(self.name, levels, count)
        own = class_number(self.name, self.config.classes, label)
        how = noise_sigma, own, tile, overlap
        both = [self._distances(image, *how) for image in (start, end)]
        if both[0].tiling != both[1].tiling:  # memory ran out between the two
            both[0] = self._distances(start, *how)
        return self._frames(both, frames, method, moving, start.dtype, own)

    def _frames(
        self,
        both: list[TiledLatents],
        frames: int,
        method: str,
        moving: Sequence[int],
        dtype: np.dtype,
        label: int,
    ) -> Iterator[NDArray[Any]]:
        names = level_names(both[0].tiles[0])
        ways = {
            names[level]: between(
                [tile[names[level]] for tile in both[0].tiles],
                [tile[names[level]] for tile in both[1].tiles],
                method,
            )
            for level in moving
        }
        shape = both[0].height, both[0].width
        aim = aim_at(self.name, self.config, shape)
        for frame in range(frames):
            weights = {name: way(frame / (frames - 1)) for name, way in ways.items()}
            tiles = (
                _mixed(a, b, weights)
                for a, b in zip(both[0].tiles, both[1].tiles, strict=True)
            )
            yield self._decode_with(
                partial(self._inference.draw, label=label),
                both[0],
                aim,
                dtype,
                tiles,
            )

    def _distances(
        self,
        image: NDArray[Any],
        noise_sigma: float | None,
        label: int,
        tile: int | None,
        overlap: int | None,
    ) -> TiledLatents:
        """Returns the posterior's means in units of the prior."""

        def encode(y: NDArray[np.float32], place: tuple[slice, slice]) -> Tile:
            found = self._inference.describe(y[None], noise_sigma, label)[2]
            return {f"level{level}": z[0] for level, z in enumerate(found)}

        return self._encode_with(encode, image, tile, overlap)


def _mixed(start: Tile, end: Tile, weights: dict[str, tuple[float, float]]) -> Tile:
    """Returns a tile on the way; where there is no weight, that of the start."""
    mixed = dict(start)
    for name, (a, b) in weights.items():
        mixed[name] = np.float32(a) * start[name] + np.float32(b) * end[name]
    return mixed
