"""Images in tiles, within the memory there is; base of ``api.Model``.

What a tile gives, and what becomes of the strips, is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vaenhance import tiling
from vaenhance.api_inputs import check_scale
from vaenhance.api_numbers import check_whole
from vaenhance.api_resize import Aim, Size, Strips, aim_at, make_consistent, rows_of
from vaenhance.config import ModelConfig, stride
from vaenhance.errors import Misfit, OutOfMemory, UsageProblem
from vaenhance.tiling import Tiling

Pixels = NDArray[np.float32]
Place = tuple[slice, slice]  # rows and columns of a tile, ``read_padded``'s
Told = Callable[[float], None]
Result = TypeVar("Result")

# Pixels. Tiles of the photo model differ from the whole by 1 of 255 levels at most (two
# clean and one JPEG-compressed photograph); with an overlap of 192 by 2, of 160 by 5.
DEFAULT_OVERLAP = 224
# Pixels a side of a tile when it is chosen for you. Of 4000 x 3000 pixels, two AVX2
# cores: tiles of 1280 took as long as these and 1.6 GB instead of 1.2, of 1600 a tenth
# less and 1.9 GB (`scripts/measure_memory.py 12`).
WHOLE_UP_TO = 1024
# The same of a tile of the largest result. One size for all of a model's scales, so
# that latents can be decoded at any of them as ``enhance`` would have. Of 4000 x 3000
# pixels, tiles of 768 have 23.8 megapixels with what they share, of 1024 18.6, of 512
# 36.1.
LARGE_UP_TO = 3072
# Pixels; below this running out of memory is final. Twice the overlap: tiles of 128, of
# which half was shared, made the photo model differ by up to 9 of 255 levels.
SMALLEST_TILE = 2 * DEFAULT_OVERLAP


class Tiles:
    """Everything of a model that goes tile by tile.

    Attributes:
        name: of the model.
        config: the network's shape.
        margin: pixels mirrored around images before the network sees them.
        tile_limit: largest tile that memory has allowed so far, pixels; 0 = any.
    """

    name: str
    config: ModelConfig
    margin: int
    tile_limit: int
    _inference: Any

    def aim(
        self,
        image: NDArray[Any],
        scale: float | None,
        size: Size | None,
        consistent: bool = False,
    ) -> Aim:
        """Returns how the model makes a result of a size that was asked for.

        Args:
            image: (H, W, C).
            scale: of the sides.
            size: (height, width) instead.
            consistent: the result is to shrink to the image.

        Raises:
            UsageProblem: they contradict each other or the model, or there are no
                pixels to enlarge.
        """
        check_scale(self.name, self.config, scale, size, consistent)
        if size is None and (scale or 1) == 1 and 1 in self.config.scales:
            own = image.shape[0], image.shape[1]
            return Aim(own, own, 1)
        if image.size == 0:
            raise UsageProblem(f"expected pixels, received shape {image.shape}")
        return aim_at(self.name, self.config, image.shape, scale, size)

    def _tiled(
        self,
        image: NDArray[Any],
        aim: Aim,
        compute: Callable[[Pixels, Place], Pixels],
        collect: Callable[[Strips], Result],
        *,
        tile: int | None,
        overlap: int | None,
        progress: Told | None,
    ) -> Result:
        """Computes a result of any size tile by tile.

        Args:
            image: (H, W, C), at least a pixel.
            aim: at which size.
            compute: maps a padded tile (h, w, C) and its place to (aim.scale · h,
                aim.scale · w, N).
            collect: makes the result of blended strips of the model's size; is called
                again with smaller tiles when memory runs out.
            tile: as for ``_within_memory``.
            overlap: as for ``_within_memory``.
            progress: told the megapixels of the image that are finished.
        """

        def work(cut: Tiling) -> Result:
            strips = tiling.compute_strips(
                lambda *place: compute(tiling.read_padded(image, place), place),
                aim.image,
                cut,
                progress or (lambda megapixels: None),
                aim.scale,
            )
            return collect(strips)

        return self._within_memory(aim.image, tile, overlap, work)

    def _finished(
        self,
        image: NDArray[Any],
        aim: Aim,
        compute: Callable[[Pixels, Place], Pixels],
        strength: float,
        consistent: bool,
        how: Mapping[str, Any],
    ) -> NDArray[Any]:
        """Returns an image of what is computed tile by tile, in its own type.

        Args:
            image: (H, W, C), at least a pixel.
            aim: at which size.
            compute: as for ``_tiled``.
            strength: 0..1 blends from the input to the result.
            consistent: the result is to shrink to the image.
            how: tile, overlap and progress, as for ``_tiled``.
        """
        result = self._tiled(
            image,
            aim,
            compute,
            lambda strips: blended(aim.fit(strips), image, aim, strength),
            **how,
        )
        if consistent:
            make_consistent(result, image)
        return result

    def _within_memory(
        self,
        size: tuple[int, ...],
        tile: int | None,
        overlap: int | None,
        work: Callable[[Tiling], Result],
    ) -> Result:
        """Does work on an image, with smaller tiles each time memory runs out.

        Args:
            size: (H, W) of the image, pixels.
            tile: largest side; None chooses, 0 takes the image as a whole.
            overlap: pixels shared by tiles; None chooses, and so that it is enough:
                tiles become ``SMALLEST_TILE`` at least.
            work: is told how to cut.

        Raises:
            UsageProblem: tile or overlap is below 0.
            Misfit: the tile is not larger than the overlap.
            OutOfMemory: even the smallest tile does not fit.
        """
        for what, side in (("tile", tile), ("overlap", overlap)):
            if side is not None:
                check_whole(what, side)
        # Python's own numbers do not overflow.
        overlap = None if overlap is None else int(overlap)
        if tile is None:
            tile = min(WHOLE_UP_TO, LARGE_UP_TO // max(self.config.scales))
        tile = int(tile)
        if self.config.image_size:
            tile = 0
        if overlap is None and tile:
            tile = max(tile, SMALLEST_TILE)
        longest = max(size) + 2 * self.margin
        while True:
            # A tile of 0 stands for the whole image, unless memory has spoken.
            side = min(filter(None, (tile, self.tile_limit)), default=0)
            shared = DEFAULT_OVERLAP if overlap is None else overlap
            if overlap is None or side == self.tile_limit:
                shared = min(shared, side // 2)
            cut = Tiling(side, shared, stride(self.config), self.margin)
            try:
                tiling.tile_count(size, cut)
            except ValueError as error:
                # An image within one tile has no overlap to be wrong.
                raise Misfit(str(error)) from error
            try:
                return work(cut)
            except OutOfMemory:
                used = min(side or longest, longest)
                if used <= SMALLEST_TILE or self.config.image_size:
                    raise
                self.tile_limit = max(SMALLEST_TILE, used // 2)


def blended(
    strips: Strips, image: NDArray[Any], aim: Aim, strength: float
) -> NDArray[Any]:
    """Returns the image that strips make up.

    Args:
        strips: of the result, as ``Aim.fit`` gives them.
        image: the input, (H, W, C); its type is the result's.
        aim: says the size.
        strength: 0..1 blends from the input, enlarged by a bicubic filter, to them.
    """

    def blend(values: Pixels, rows: slice) -> Pixels:
        if strength == 1:
            return values
        y = rows_of(image, aim.result, rows)
        return y + np.float32(strength) * (values - y)

    shape = *aim.result, image.shape[2]
    return tiling.collected(strips, shape, image.dtype, blend)
