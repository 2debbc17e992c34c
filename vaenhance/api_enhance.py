"""Enhancing arrays: in their own size, or larger.

Base of ``api.Model``. A larger size comes from the next larger of the model's scales
by a Lanczos filter. Everything goes strip by strip, so that beside the input and the
result only a row of tiles is in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo, tiling
from vaenhance.api_drawing import Drawing
from vaenhance.api_inputs import check_input, check_scale
from vaenhance.api_resize import Size, make_consistent, rows_of, target_size
from vaenhance.api_tiles import WHOLE_UP_TO, Tiles
from vaenhance.errors import UsageProblem

Pixels = NDArray[np.float32]

DOWN = "lanczos"  # from the model's scale to the size that is wanted


class Enhancing(Tiles, Drawing):
    """Enhances images, in their size or another."""

    def enhance(
        self,
        image: NDArray[Any],
        *,
        scale: float | None = None,
        size: tuple[int, int] | None = None,
        consistent: bool = False,
        strength: float = 1.0,
        noise_sigma: float | None = None,
        label: str | None = None,
        tile: int | None = None,
        overlap: int | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> NDArray[Any]:
        """Returns the decoded posterior mean: the enhanced image.

        Args:
            image: (H, W, C) or (B, H, W, C); float32 in [0, 1] (values outside are
                legal: unclipped noise) or uint8, uint16. Memory stays bounded
                for integers: they are converted strip by strip.
            scale: the result has so many times the sides, for models that enlarge; a
                number between their scales is reached from the next larger one.
            size: instead of a scale, (height, width) of the result, pixels.
            consistent: with scale or size: shrunk again by a bicubic filter, the
                result gives the input back.
            strength: 0 gives the input back exactly (enlarged by a bicubic filter,
                with a scale), 1 is the model's answer.
            noise_sigma: noise level in [0, 1] units, if it is known.
            label: class as which the image is drawn anew (``redraw``).
            tile: largest side of a tile, pixels, with what is mirrored around the
                image; None chooses, 0 takes the image as a whole.
            overlap: pixels shared by tiles; None chooses.
            progress: called with the megapixels finished since the last call.

        Returns:
            The same shape (but for scale or size) and type; floats are not clipped.

        Raises:
            UsageProblem: shape, type, strength, noise level or scale make no sense.
            OutOfMemory: even the smallest tile does not fit.
        """
        dials: dict[str, Any] = {"strength": strength, "noise_sigma": noise_sigma}
        check_input(self.name, self.config, image, **dials)
        check_scale(self.name, self.config, scale, size, consistent)
        is_plain = size is None and (scale or 1) == 1 and 1 in self.config.scales
        if is_plain and (strength == 0 or image.size == 0):
            return image.copy()
        dials |= {"tile": tile, "overlap": overlap}
        if image.ndim == 4:
            dials |= {"scale": scale, "size": size, "consistent": consistent}
            dials |= {"progress": progress, "label": label}
            return np.stack([self.enhance(one, **dials) for one in image])
        if not is_plain:
            if image.size == 0:
                raise UsageProblem(f"expected pixels, received shape {image.shape}")
            target = size or target_size(image.shape, scale or 1.0)
            dials["progress"] = progress or (lambda megapixels: None)
            result = self._enlarged(image, target, **dials)
            if consistent:
                make_consistent(result, image)
            return result
        return self._within_memory(
            image.shape[:2],
            tile,
            overlap,
            lambda cut: tiling.enhance_tiled(
                image,
                self._answer(noise_sigma, label),
                cut,
                strength,
                progress or (lambda megapixels: None),
            ),
        )

    def _answer(
        self, noise_sigma: float | None, label: str | None
    ) -> Callable[[Pixels], Pixels]:
        if label is not None:
            return lambda y: self.redraw(y, label)

        def restore(y: Pixels) -> Pixels:
            answer: Pixels = self._inference.restore(y[None], noise_sigma)[0]
            return answer

        return restore

    def _enlarged(
        self,
        image: NDArray[Any],
        size: Size,
        strength: float,
        noise_sigma: float | None,
        tile: int | None,
        overlap: int | None,
        progress: Callable[[float], None],
    ) -> NDArray[Any]:
        scale = self.scale_for(image.shape[:2], size)
        # Tiles of a result of up to twice the usual side.
        tile = 2 * WHOLE_UP_TO // scale if tile is None else tile

        def restore(y: Pixels) -> Pixels:
            answer: Pixels = self._inference.restore(y[None], noise_sigma, scale)[0]
            return answer

        def work(cut: tiling.Tiling) -> NDArray[Any]:
            strips = tiling.compute_strips(
                lambda *place: restore(tiling.read_padded(image, place)),
                image.shape[:2],
                cut,
                progress,
                scale,
            )
            large = scale * image.shape[0], scale * image.shape[1]
            if size != large:
                strips = photo.resized_strips(strips, large, size, DOWN)

            def blend(values: Pixels, rows: slice) -> Pixels:
                if strength == 1:
                    return values
                plain = rows_of(image, size, rows)
                return plain + np.float32(strength) * (values - plain)

            shape = *size, image.shape[2]
            return tiling.collected(strips, shape, image.dtype, blend)

        return self._within_memory(image.shape[:2], tile, overlap, work)

    def scale_for(self, size: tuple[int, ...], target: Size) -> int:
        """Returns the smallest of the model's scales that reaches a size.

        Args:
            size: of the image, (height, width), pixels.
            target: of the result.

        Raises:
            UsageProblem: none of them does.
        """
        # A pixel is lost or won by rounding; nobody means another scale by that.
        factor = max((t - 1) / s for t, s in zip(target, size, strict=True))
        for scale in self.config.scales:
            if scale >= factor:
                return scale
        raise UsageProblem(
            f"model {self.name} enlarges up to {max(self.config.scales)} times: "
            f"{size[1]}x{size[0]} pixels cannot become {target[1]}x{target[0]}"
        )
