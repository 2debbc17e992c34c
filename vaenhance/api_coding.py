"""Photographs to latents and back, tile by tile; base of ``api.Model``.

What ``encode_tiles`` gives, ``decode_tiles`` makes the very pixels of that ``enhance``
makes: the same tiles, blended and rounded the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vaenhance import tiling
from vaenhance.api_inputs import check_input, check_scale, class_number
from vaenhance.api_numbers import check_whole
from vaenhance.api_resize import Aim, Size, aim_at
from vaenhance.api_tiles import Pixels, Tiles
from vaenhance.config import stride
from vaenhance.errors import UsageProblem
from vaenhance.latents import PlacedNoise, Tile, TiledLatents, level_names
from vaenhance.tiling import Tiling


class Coding(Tiles):
    """Encodes images of any size, and decodes what that gives."""

    def encode_tiles(
        self,
        image: NDArray[Any],
        keep: Callable[[int, TiledLatents, Tile], None] | None = None,
        *,
        noise_sigma: float | None = None,
        scale: bool = False,
        draws: int = 0,
        seed: int = 0,
        label: str | None = None,
        tile: int | None = None,
        overlap: int | None = None,
        progress: Callable[[float], None] = lambda megapixels: None,
    ) -> TiledLatents:
        """Returns the latents of one image of any size, tile by tile.

        Args:
            image: (H, W, C) as for ``enhance``.
            keep: takes (number, size and tiling, tile) one by one, so that memory
                does not grow with the image and the result has no tiles. Number 0
                comes again when memory runs out and the tiles become smaller.
            noise_sigma: as for ``enhance``.
            scale: also the posterior's standard deviations.
            draws: how many draws from the posterior instead of its mean. Their noise
                depends on the place in the image, so that tiles fit together.
            seed: decides the draws; draw i is the same however many there are.
            label: class of the image, if the model knows it and it is known.
            tile: as for ``enhance``.
            overlap: as for ``enhance``.
            progress: called with the megapixels finished since the last call.

        Raises:
            UsageProblem: as for ``enhance``, there are no pixels, or scale and draws
                are both asked for.
            OutOfMemory: even the smallest tile does not fit.
        """
        check_input(self.name, self.config, image, noise_sigma=noise_sigma)
        if image.ndim != 3 or image.size == 0:
            raise UsageProblem(f"expected one image, received shape {image.shape}")
        check_whole("draws", draws)
        if scale and draws:
            raise UsageProblem(
                f"expected either draws, 1 or more, or scale, received draws={draws} "
                f"and scale={scale}"
            )
        own = class_number(self.name, self.config.classes, label)

        def encode(y: Pixels, place: tuple[slice, slice]) -> Tile:
            noises = [PlacedNoise(seed, i, place) for i in range(draws)]
            return self._encode_tile(y, noise_sigma, scale, noises, own)

        return self._encode_with(encode, image, tile, overlap, keep, progress)

    def decode_tiles(
        self,
        latents: TiledLatents,
        dtype: DTypeLike = np.uint8,
        *,
        tiles: Iterable[Tile] | None = None,
        draw: int = 0,
        scale: float | None = None,
        size: Size | None = None,
        label: str | None = None,
        progress: Callable[[float], None] = lambda megapixels: None,
    ) -> NDArray[Any]:
        """Returns the image of latents: to the bit what ``enhance`` gives.

        Args:
            latents: of ``encode_tiles``.
            dtype: uint8, uint16 or float32: type of the image that was encoded.
            tiles: instead of ``latents.tiles``, e.g. read from a file one by one.
            draw: which of several draws, from 0; of means only 0.
            scale: as for ``enhance``; without it and a size, the model's first.
            size: as for ``enhance``.
            label: class, if the model knows it; ``enhance`` tells none.
            progress: called with the megapixels finished since the last call.

        Returns:
            (H, W, C), or the size that was asked for; integers are clipped and rounded,
            floats are not.

        Raises:
            UsageProblem: the latents or the size are not this model's, there is no
                such draw, or an image is of no such type.
            OutOfMemory: the tiles are too large.
        """
        kind = pixel_type(dtype)
        check_whole("draw", draw)
        if scale is not None or size is not None:
            check_scale(self.name, self.config, scale, size, consistent=False)
        shape = latents.height, latents.width
        aim = aim_at(self.name, self.config, shape, scale, size)
        own = class_number(self.name, self.config.classes, label)
        decode = partial(self._inference.decode, scale=aim.scale, label=own)
        return self._decode_with(decode, latents, aim, kind, tiles, draw, progress)

    def _encode_with(
        self,
        encode: Callable[[Pixels, tuple[slice, slice]], Tile],
        image: NDArray[Any],
        tile: int | None,
        overlap: int | None,
        keep: Callable[[int, TiledLatents, Tile], None] | None = None,
        progress: Callable[[float], None] = lambda megapixels: None,
    ) -> TiledLatents:
        """Encodes an image tile by tile, each with a function of (tile, place)."""
        size = image.shape[:2]

        def run(cut: Tiling) -> TiledLatents:
            found = TiledLatents(size[0], size[1], cut)
            places = tiling.places(size, cut)
            for number, place in enumerate(places):
                with tiling.told_where(place, size):
                    levels = encode(tiling.read_padded(image, place), place)
                if keep is None:
                    found.tiles.append(levels)
                else:
                    keep(number, found, levels)
                progress(size[0] * size[1] / 1e6 / len(places))
            return found

        return self._within_memory(size, tile, overlap, run)

    def _decode_with(
        self,
        decode: Callable[..., Pixels],
        latents: TiledLatents,
        aim: Aim,
        dtype: DTypeLike,
        tiles: Iterable[Tile] | None,
        draw: int = 0,
        progress: Callable[[float], None] = lambda megapixels: None,
    ) -> NDArray[Any]:
        if self.config.residual:
            raise UsageProblem(
                f"model {self.name} adds its input to what it decodes: "
                "latents alone do not make an image"
            )
        cut, given = latents.tiling, iter(latents.tiles if tiles is None else tiles)
        own = stride(self.config), self.margin
        if (cut.stride, cut.margin) != own:
            raise UsageProblem(
                f"expected latents of stride and margin {own}, received "
                f"{(cut.stride, cut.margin)}: they belong to another model"
            )

        def compute(rows: slice, columns: slice) -> Pixels:
            levels = levels_of(next(given, {}), draw)
            sides = rows.stop - rows.start, columns.stop - columns.start
            self._check_levels([z.shape for z in levels], sides)
            return decode([z[None] for z in levels], *sides)[0]

        shape = *aim.result, self.config.channels
        try:
            strips = tiling.compute_strips(compute, aim.image, cut, progress, aim.scale)
            return tiling.collected(aim.fit(strips), shape, np.dtype(dtype))
        except ValueError as error:
            raise UsageProblem(str(error)) from error

    def tile_shapes(
        self, latents: TiledLatents
    ) -> tuple[int, list[tuple[int, int, int]]]:
        """Returns how many tiles an image has, and (h, w, c) of a tile's levels.

        Args:
            latents: only its size and tiling matter.

        Raises:
            UsageProblem: the tiling is impossible.
        """
        try:
            count, *sides = tiling.tile_count(
                (latents.height, latents.width), latents.tiling
            )
        except ValueError as error:
            raise UsageProblem(str(error)) from error
        return count, self._inference.latent_shapes(*sides)

    def _encode_tile(
        self,
        y: Pixels,
        noise_sigma: float | None,
        scale: bool,
        noises: list[PlacedNoise],
        label: int,
    ) -> Tile:
        shapes = self._inference.latent_shapes(*y.shape[:2])
        if noises:
            drawn = [
                self._inference.encode(
                    y[None], noise_sigma, noise.of_levels(shapes, self.margin), label
                )
                for noise in noises
            ]
            return _named(
                "level", [np.concatenate(z) for z in zip(*drawn, strict=True)]
            )
        if not scale:
            means = self._inference.encode(y[None], noise_sigma, label=label)
            return _named("level", [z[0] for z in means])
        means, scales, _ = self._inference.describe(y[None], noise_sigma, label)
        return {
            **_named("level", [z[0] for z in means]),
            **_named("scale", [z[0] for z in scales]),
        }

    def _check_levels(
        self, received: list[tuple[int, ...]], sides: Sequence[int]
    ) -> None:
        expected = self._inference.latent_shapes(*sides)
        if received != expected:
            raise UsageProblem(
                f"expected latents of shapes {expected}, received {received}: "
                "they belong to another model or size"
            )


def levels_of(tile: Tile, draw: int = 0) -> list[Pixels]:
    """Returns the latents of a tile, coarse to fine.

    Args:
        tile: by name; scales are left out.
        draw: which one of several draws, 0 or more.

    Raises:
        UsageProblem: there is no such draw.
    """
    found = [tile[name] for name in level_names(tile)]
    for z in found:
        if z.ndim == 4 and draw >= len(z):
            raise UsageProblem(f"there are {len(z)} draws, from 0, and no draw {draw}")
        if z.ndim < 4 and draw:
            raise UsageProblem(
                f"these latents are means, of which there is one: expected draw 0, "
                f"received {draw}"
            )
    return [z[draw] if z.ndim == 4 else z for z in found]


def pixel_type(asked: DTypeLike) -> np.dtype:
    """Returns the type of the pixels of an image.

    Args:
        asked: uint8, uint16 or float32, however it is named.

    Raises:
        UsageProblem: it is another one.
    """
    try:
        found = np.dtype(asked)
    except (TypeError, ValueError):
        found = None
    if found not in (np.uint8, np.uint16, np.float32):
        raise UsageProblem(f"expected uint8, uint16 or float32, received {asked!r}")
    return found


def _named(part: str, arrays: list[Pixels]) -> dict[str, Pixels]:
    return {f"{part}{level}": array for level, array in enumerate(arrays)}
