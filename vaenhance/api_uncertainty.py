"""What an enhanced photograph could also be, and how far off it may be.

Base of ``api.Model``. Everything goes tile by tile: the noise of a draw is one field
over the whole image, so that tiles fit together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import tiling
from vaenhance.api_inputs import check_input
from vaenhance.api_tiles import Tiles
from vaenhance.checkpoint_calibration import Calibration, load_calibration
from vaenhance.errors import ModelError, UsageProblem
from vaenhance.latents import PlacedNoise

Pixels = NDArray[np.float32]
Told = Callable[[float], None]

DRAWS = 2  # for an uncertainty; at the small beta of photographs they vary little


@dataclass(frozen=True)
class Assessed:
    """An enhanced image, and how far off it may be.

    Attributes:
        image: the decoded posterior mean, of the input's shape and type.
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
            strength: as for ``enhance``.
            noise_sigma: as for ``enhance``.
            tile: as for ``enhance``.
            overlap: as for ``enhance``.
            progress: as for ``enhance``.

        Returns:
            The same shape and type; floats are not clipped.

        Raises:
            UsageProblem: as for ``enhance``, or it is a batch.
            OutOfMemory: even the smallest tile does not fit.
        """
        self._check_one(image, strength=strength, noise_sigma=noise_sigma)
        if strength == 0 or image.size == 0:
            return image.copy()

        told = progress or (lambda megapixels: None)

        def compute(*place: slice) -> Pixels:
            y = tiling.read_padded(image, (place[0], place[1]))[None]
            epsilons = self._noise(seed, number, place, y.shape)
            drawn: Pixels = self._inference.posterior(y, noise_sigma, epsilons)[0][0]
            return drawn

        def work(cut: tiling.Tiling) -> NDArray[Any]:
            answer = np.empty_like(image)
            for top, strip in tiling.compute_strips(
                compute, image.shape[:2], cut, told
            ):
                rows = slice(top, top + len(strip))
                if strength < 1:
                    y = tiling.to_float(image[rows])
                    strip = y + np.float32(strength) * (strip - y)
                answer[rows] = tiling.from_float(strip, image.dtype)
            return answer

        return self._within_memory(image.shape[:2], tile, overlap, work)

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
            draws: how many; each costs as much as enhancing once more.
            seed: decides the draws.
            noise_sigma: as for ``enhance``.
            tile: as for ``enhance``.
            overlap: as for ``enhance``.
            progress: as for ``enhance``; the image counts once.

        Raises:
            ModelError: the model is not calibrated.
            UsageProblem: as for ``enhance``, or it is a batch.
            OutOfMemory: even the smallest tile does not fit.
        """
        from vaenhance.model import assessment

        calibration = self.calibration()
        self._check_one(image, noise_sigma=noise_sigma)
        height, width = image.shape[:2]
        if image.size == 0:
            return Assessed(image.copy(), np.zeros((height, width), np.float32))

        told = progress or (lambda megapixels: None)

        def compute(*place: slice) -> Pixels:
            y = tiling.read_padded(image, (place[0], place[1]))[None]
            noise = [self._noise(seed, i, place, y.shape) for i in range(draws)]
            found = assessment.variance(
                self._inference, y, noise_sigma, noise, calibration
            )
            return np.concatenate(found, axis=-1)[0]

        def work(cut: tiling.Tiling) -> Assessed:
            answer = np.empty_like(image)
            sigma = np.empty((height, width), np.float32)
            for top, strip in tiling.compute_strips(
                compute, (height, width), cut, told
            ):
                rows = slice(top, top + len(strip))
                answer[rows] = tiling.from_float(strip[..., :-1], image.dtype)
                sigma[rows] = np.sqrt(np.maximum(strip[..., -1], 0.0))
            return Assessed(answer, sigma)

        return self._within_memory((height, width), tile, overlap, work)

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

            if len(found.mean) != feature_count(len(self.config.latent_channels)):
                raise ModelError(
                    f"the calibration of model {self.name} is of another network: "
                    f"{remedy}"
                )
            self._calibration = found
        return self._calibration

    def _check_one(self, image: NDArray[Any], **dials: Any) -> None:
        if image.ndim != 3:
            raise UsageProblem(
                f"expected one image (H, W, {self.config.channels}), received shape "
                f"{image.shape}"
            )
        check_input(self.name, self.config, image, **dials)

    def _noise(
        self, seed: int, number: int, place: Sequence[slice], shape: tuple[int, ...]
    ) -> list[Pixels]:
        """Returns the noise of a draw at a place of the image, by level."""
        shapes = self._inference.latent_shapes(shape[1], shape[2])
        noise = PlacedNoise(seed, number, (place[0], place[1]))
        return noise.of_levels(shapes, self.margin)


def keep_uncertain(
    image: NDArray[Any], answer: Assessed, threshold: float
) -> NDArray[Any]:
    """Blends the input back where the answer is unsure.

    Of what was changed in a pixel, the part min(1, threshold / σ) stays: all of it
    where σ is below the threshold, half of it where σ is twice the threshold.

    Args:
        image: the input, (H, W, C).
        answer: what ``assess`` made of it.
        threshold: σ that is sure enough, [0, 1] units, above 0.

    Returns:
        The image's shape and type.
    """
    result = answer.image.copy()
    rows_at_once = max(1, 2**20 // max(image.shape[1], 1))
    for top in range(0, len(image), rows_at_once):
        rows = slice(top, top + rows_at_once)
        sigma = np.maximum(answer.sigma[rows], 1e-9)[..., None]
        part = np.minimum(np.float32(threshold) / sigma, np.float32(1))
        y = tiling.to_float(image[rows])
        change = tiling.to_float(answer.image[rows]) - y
        result[rows] = tiling.from_float(y + part * change, image.dtype)
    return result
