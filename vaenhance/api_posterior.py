"""The posterior itself, beside its mean: draws of an image, and what z says of it.

Base of ``api.Model``; for measuring and for looking at a model. Images are taken
as a whole, never in tiles; ``api_uncertainty`` draws in tiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import tiling
from vaenhance.api_inputs import check_input, checked_scale
from vaenhance.api_numbers import check_seed, check_whole
from vaenhance.config import ModelConfig, stride
from vaenhance.errors import UsageProblem
from vaenhance.latents import PlacedNoise

Pixels = NDArray[np.float32]


@dataclass(frozen=True)
class LatentLevel:
    """What one level of latents says of images.

    Attributes:
        means: (B, h, w, c) float32, the posterior means, as ``encode`` gives them.
        distances: the same shape, from the prior's mean in its standard deviations.
        kl: (B,) float32, KL(posterior ‖ prior) in nats, the sum over all values of
            ``means``, what is mirrored around the image included.
        pixels: of the image with what is mirrored, to divide ``kl`` by.
    """

    means: Pixels
    distances: Pixels
    kl: NDArray[np.float32]
    pixels: int

    @property
    def values(self) -> int:
        """How many numbers the level has for one image."""
        return int(np.prod(self.means.shape[1:]))


class Posterior:
    """Draws from q(z|y), and its distance from the prior.

    Attributes:
        name: of the model.
        config: the network's shape.
        margin: pixels mirrored around images before the network sees them.
    """

    name: str
    config: ModelConfig
    margin: int
    _inference: Any

    def draw_posterior(
        self,
        image: NDArray[Any],
        count: int,
        seed: int = 0,
        *,
        noise_sigma: float | None = None,
        scale: int | None = None,
    ) -> Pixels:
        """Decodes draws of z from the posterior: likely originals of one image.

        ``enhance`` decodes the posterior's mean instead. Draw i of a seed is the
        same whatever the count, and ``draw`` gives it in tiles.

        Args:
            image: (H, W, C), as for ``enhance``; computed as a whole.
            count: how many, 0 or more.
            seed: decides the draws.
            noise_sigma: as for ``enhance``.
            scale: one of the model's ``scales``; None takes the first.

        Returns:
            (count, scale·H, scale·W, C) float32, not clipped.

        Raises:
            UsageProblem: as for ``enhance``, it is a batch or has no pixels, or the
                count or the seed is below 0.
            OutOfMemory: the image is too large.
        """
        check_input(self.name, self.config, image, noise_sigma=noise_sigma)
        check_whole("count", count)
        check_seed(seed)
        if image.ndim != 3:
            raise UsageProblem(
                f"draws are of one image: expected (H, W, {self.config.channels}), "
                f"received shape {image.shape}"
            )
        times = checked_scale(self.name, self.config, scale)
        y = self._framed(image, noise_sigma)
        height, width = (times * side for side in image.shape[:2])
        start = times * self.margin
        rows, columns = (slice(start, start + side) for side in (height, width))
        place = tiling.padded_place(
            image.shape[0], image.shape[1], self.margin, stride(self.config)
        )
        shapes = self._inference.latent_shapes(*y.shape[1:3])
        draws = np.empty((count, height, width, image.shape[2]), np.float32)
        for index in range(count):
            epsilons = PlacedNoise(seed, index, place).of_levels(shapes, self.margin)
            images, _ = self._inference.posterior(y, noise_sigma, epsilons, times)
            draws[index] = images[0, rows, columns]
        return draws

    def describe_latents(
        self, image: NDArray[Any], seed: int = 0, *, noise_sigma: float | None = None
    ) -> list[LatentLevel]:
        """Returns the posterior means of every level, and their KL, coarse to fine.

        How far they are from the prior's is at the means of the levels above.

        The KL of a level depends on the latents above it; these are one draw, so
        that the sum over the levels is an unbiased estimate of the rate.

        Args:
            image: (H, W, C) or (B, H, W, C), as for ``enhance``; computed as a whole.
            seed: decides the draw.
            noise_sigma: as for ``enhance``.

        Raises:
            UsageProblem: as for ``enhance``, or there are no pixels.
            OutOfMemory: the image is too large.
        """
        check_seed(seed)
        y = self._framed(image, noise_sigma)
        epsilons = self._epsilons(y.shape, np.random.default_rng(seed))
        _, kls = self._inference.posterior(y, noise_sigma, epsilons)
        means, _, distances = self._inference.describe(y, noise_sigma)
        pixels = y.shape[1] * y.shape[2]
        levels = zip(means, distances, kls, strict=True)
        return [LatentLevel(mean, far, kl, pixels) for mean, far, kl in levels]

    def _framed(self, image: NDArray[Any], noise_sigma: float | None) -> Pixels:
        """Checks the input; a batch of it with the margin that ``enhance`` adds."""
        check_input(self.name, self.config, image, noise_sigma=noise_sigma)
        if image.size == 0:
            raise UsageProblem(f"expected pixels, received shape {image.shape}")
        batch = image if image.ndim == 4 else image[None]
        height, width = batch.shape[1:3]
        place = tiling.padded_place(height, width, self.margin, stride(self.config))
        return np.stack([tiling.read_padded(one, place) for one in batch])

    def _epsilons(
        self, shape: tuple[int, ...], rng: np.random.Generator
    ) -> list[Pixels]:
        shapes = self._inference.latent_shapes(shape[1], shape[2])
        return [rng.standard_normal((shape[0], *s), np.float32) for s in shapes]
