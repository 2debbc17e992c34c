"""What an enhanced photograph could also be, and how far off it may be.

Base of ``api.Model``. Everything goes tile by tile: the noise of a draw is one field
over the whole image, so that tiles fit together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo, tiling
from vaenhance.api_inputs import check_input
from vaenhance.api_numbers import check_seed, check_whole
from vaenhance.api_resize import Size, Strips, rows_of
from vaenhance.api_tiles import Pixels, Place, Tiles, Told, blended
from vaenhance.checkpoint_calibration import Calibration, load_calibration
from vaenhance.errors import ModelError, UsageProblem
from vaenhance.latents import PlacedNoise

DRAWS = 2  # for an uncertainty; at the small beta of photographs they vary little


@dataclass(frozen=True)
class Assessed:
    """An enhanced image, and how far off it may be.

    Attributes:
        image: what ``enhance`` gives, (H, W, C) of the input's type.
        sigma: (H, W) float32, how far off a pixel may be in [0, 1] units: 68 % of the
            errors of a colour are within it, 95 % within twice of it.
    """

    image: NDArray[Any]
    sigma: Pixels


class Uncertainty(Tiles):
    """Draws from the posterior at any size, and calibrated σ.

    Attributes:
        folder: of the model.
        checksum: SHA-256 of its weights.
    """

    folder: Path
    checksum: str
    _calibration: Calibration | None = None

    def draw(
        self,
        image: NDArray[Any],
        number: int = 0,
        *,
        seed: int = 0,
        scale: float | None = None,
        size: Size | None = None,
        consistent: bool = False,
        strength: float = 1.0,
        noise_sigma: float | None = None,
        tile: int | None = None,
        overlap: int | None = None,
        progress: Told | None = None,
    ) -> NDArray[Any]:
        """Returns a decoded draw from the posterior: another likely original.

        Where the draws differ from each other, the latents are unsure.

        Args:
            image: (H, W, C) as for ``enhance``.
            number: which draw of the seed, from 0.
            seed: decides the draws.
            scale: as for ``enhance``.
            size: as for ``enhance``.
            consistent: as for ``enhance``.
            strength: as for ``enhance``.
            noise_sigma: as for ``enhance``.
            tile: as for ``enhance``.
            overlap: as for ``enhance``.
            progress: as for ``enhance``.

        Returns:
            As ``enhance``.

        Raises:
            UsageProblem: as for ``enhance``, it is a batch, or number or seed are
                below 0.
            OutOfMemory: even the smallest tile does not fit.
        """
        self._check_one(image, strength=strength, noise_sigma=noise_sigma)
        check_whole("number", number)
        check_seed(seed)
        aim = self.aim(image, scale, size, consistent)
        if image.size == 0 or (strength == 0 and aim.result == aim.image):
            return image.copy()

        def compute(y: Pixels, place: Place) -> Pixels:
            epsilons = self._noise(seed, number, place, y[None].shape)
            drawn: Pixels = self._inference.posterior(
                y[None], noise_sigma, epsilons, aim.scale
            )[0][0]
            return drawn

        how = {"tile": tile, "overlap": overlap, "progress": progress}
        return self._finished(image, aim, compute, strength, consistent, how)

    @property
    def is_calibrated(self) -> bool:
        """Tells whether ``assess`` can be asked."""
        own = load_calibration(self.folder)
        return own is not None and own.weights_sha256 == self.checksum

    def assess(
        self,
        image: NDArray[Any],
        *,
        draws: int = DRAWS,
        seed: int = 0,
        scale: float | None = None,
        size: Size | None = None,
        strength: float = 1.0,
        noise_sigma: float | None = None,
        tile: int | None = None,
        overlap: int | None = None,
        progress: Told | None = None,
    ) -> Assessed:
        """Enhances an image and says how far off each pixel may be.

        σ² is the decoder's calibrated variance plus the mean squared distance of
        posterior draws (docs/math.md); by ``docs/models`` 68 % of the errors are
        within σ and 95 % within 2 σ, for damage of the kinds that the model knows.

        Args:
            image: (H, W, C) as for ``enhance``.
            draws: how many, 0 or more; each costs as much as enhancing once more.
            seed: decides the draws.
            scale: as for ``enhance``. Between the model's scales, σ is that of the
                larger one, shrunk.
            size: as for ``enhance``.
            strength: as for ``enhance``; σ is that of the model's answer.
            noise_sigma: as for ``enhance``.
            tile: as for ``enhance``.
            overlap: as for ``enhance``.
            progress: as for ``enhance``; the image counts once.

        Raises:
            ModelError: the model is not calibrated.
            UsageProblem: as for ``enhance``, it is a batch, or draws or seed are
                below 0.
            OutOfMemory: even the smallest tile does not fit.
        """
        from vaenhance.model import assessment

        calibration = self.calibration()
        self._check_one(image, strength=strength, noise_sigma=noise_sigma)
        check_whole("draws", draws)
        check_seed(seed)
        aim = self.aim(image, scale, size)
        if image.size == 0:
            return Assessed(image.copy(), np.zeros(aim.result, np.float32))

        def compute(y: Pixels, place: Place) -> Pixels:
            shape = 1, *y.shape
            noise = [self._noise(seed, i, place, shape) for i in range(draws)]
            found = assessment.variance(
                self._inference, y[None], noise_sigma, noise, calibration, aim.scale
            )
            return np.concatenate(found, axis=-1)[0]

        def collect(strips: Strips) -> Assessed:
            sigma = np.empty(aim.result, np.float32)

            def split() -> Strips:
                for top, strip in aim.fit(_rooted(strips)):
                    rows = slice(top, top + len(strip))
                    sigma[rows] = np.maximum(strip[..., -1], 0.0)
                    yield top, strip[..., :-1]

            return Assessed(blended(split(), image, aim, strength), sigma)

        return self._tiled(
            image,
            aim,
            compute,
            collect,
            tile=tile,
            overlap=overlap,
            progress=progress,
        )

    def calibration(self) -> Calibration:
        """Returns the calibration of the decoder's scale.

        Raises:
            ModelError: there is none, or not for these weights.
        """
        if self._calibration is None:
            found = load_calibration(self.folder)
            remedy = f"run vaenhance calibrate PHOTOS {self.folder}"
            if found is None:
                raise ModelError(f"model {self.name} is not calibrated: {remedy}")
            if found.weights_sha256 != self.checksum:
                raise ModelError(
                    f"model {self.name} was trained further after it was calibrated: "
                    f"{remedy} again"
                )
            from vaenhance.model.decoder_scale import feature_count

            levels = len(self.config.latent_channels)
            if len(found.mean) != feature_count(levels, self.config.scales):
                raise ModelError(
                    f"the calibration of model {self.name} is of another network: "
                    f"{remedy}"
                )
            self._calibration = found
        return self._calibration

    def _check_one(self, image: NDArray[Any], **dials: Any) -> None:
        check_input(self.name, self.config, image, **dials)
        if image.ndim != 3:
            raise UsageProblem(
                f"expected one image (H, W, {self.config.channels}), received shape "
                f"{image.shape}"
            )

    def _noise(
        self, seed: int, number: int, place: Sequence[slice], shape: tuple[int, ...]
    ) -> list[Pixels]:
        """Returns the noise of a draw at a place of the image, by level."""
        shapes = self._inference.latent_shapes(shape[1], shape[2])
        noise = PlacedNoise(seed, number, (place[0], place[1]))
        return noise.of_levels(shapes, self.margin)


def _rooted(strips: Strips) -> Strips:
    """Turns the last number of each pixel, a variance, into σ."""
    for top, strip in strips:
        strip[..., -1] = np.sqrt(np.maximum(strip[..., -1], 0.0))
        yield top, strip


def _is_cut(image: NDArray[Any], made: NDArray[Any]) -> bool:
    """Tells whether an image has parts that a smaller answer was not made of."""
    factors = np.divide(made.shape[:2], image.shape[:2])
    rounding = 1.0 / np.min(image.shape[:2])
    return bool(factors.min() < 1 and np.ptp(factors) > rounding)


def keep_uncertain(
    image: NDArray[Any], answer: Assessed, threshold: float
) -> NDArray[Any]:
    """Blends the input back where the answer is unsure.

    Of what was changed in a pixel, the part min(1, threshold / σ) stays: all of it
    where σ is below the threshold, half of it where σ is twice the threshold.

    Args:
        image: the input, (H, W, C); for an answer of another size it is resized by a
            bicubic filter.
        answer: what ``assess`` made of it.
        threshold: σ that is sure enough, [0, 1] units, above 0.

    Returns:
        The answer's shape and type.

    Raises:
        UsageProblem: the image is not what the answer was made of, or the threshold is
            not above 0.
    """
    made = answer.image
    is_kin = image.dtype == made.dtype and image.shape[2:] == made.shape[2:]
    if image.ndim != 3 or not image.size or not is_kin or _is_cut(image, made):
        raise UsageProblem(
            f"an image of {image.dtype}, shape {image.shape}, is not what the answer "
            f"of {made.dtype}, shape {made.shape}, was made of"
        )
    if not threshold > 0:
        raise UsageProblem(f"threshold must be above 0, not {threshold}")
    result = made.copy()
    height, width = answer.sigma.shape
    for rows in photo.strips(height, width):
        sigma = np.maximum(answer.sigma[rows], 1e-9)[..., None]
        part = np.minimum(np.float32(threshold) / sigma, np.float32(1))
        y = rows_of(image, (height, width), rows)
        change = tiling.to_float(answer.image[rows]) - y
        result[rows] = tiling.from_float(y + part * change, image.dtype)
    return result
