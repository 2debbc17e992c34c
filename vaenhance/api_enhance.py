"""Enhancing arrays: in their own size, or larger. Base of ``api.Model``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.api_drawing import Drawing
from vaenhance.api_inputs import check_input
from vaenhance.api_tiles import Pixels, Place, Tiles, Told


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
        progress: Told | None = None,
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
            overlap: pixels shared by tiles; None chooses, and makes tiles 448 at least:
                they then show in no pixel by more than one of 255 levels.
            progress: called with the megapixels finished since the last call.

        Returns:
            The same shape (but for scale or size) and type; floats are not clipped.

        Raises:
            UsageProblem: shape, type, strength, noise level or scale make no sense.
            OutOfMemory: even the smallest tile does not fit.
        """
        dials: dict[str, Any] = {"strength": strength, "noise_sigma": noise_sigma}
        check_input(self.name, self.config, image, **dials)
        if image.ndim == 4 and not len(image):
            # One that takes no memory stands for the images that are not there.
            one = np.broadcast_to(np.zeros((), image.dtype), image.shape[1:])
            aim = self.aim(one, scale, size, consistent)
            return np.zeros((0, *aim.result, image.shape[3]), image.dtype)
        if image.ndim == 4:
            dials |= {"scale": scale, "size": size, "consistent": consistent}
            dials |= {"tile": tile, "overlap": overlap}
            dials |= {"progress": progress, "label": label}
            return np.stack([self.enhance(one, **dials) for one in image])
        aim = self.aim(image, scale, size, consistent)
        if image.size == 0 or (strength == 0 and aim.result == aim.image):
            return image.copy()

        def compute(y: Pixels, place: Place) -> Pixels:
            if label is not None:
                return self.redraw(y, label)
            answer: Pixels = self._inference.restore(y[None], noise_sigma, aim.scale)[0]
            return answer

        how = {"tile": tile, "overlap": overlap, "progress": progress}
        return self._finished(image, aim, compute, strength, consistent, how)
