"""Measure what a VAE has beside its mean: draws of the posterior, and its latents.

How much PSNR one draw loses, how much the mean of several wins back, and how much
each level of latents says. Not for making pictures: nothing is kept but figures.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vaenhance.workflows.enhancer import Enhancer, as_input, as_output, psnr

Array = NDArray[np.floating]

# A latent channel is active when its posterior mean varies by more than this over
# the data (variance; Burda, Grosse and Salakhutdinov 2016, section 5.2). Their prior is
# N(0, 1); where it depends on the levels above, the mean is counted from the prior's
# mean, in the prior's standard deviations.
ACTIVE_ABOVE = 0.01


class Level(Protocol):
    """The part of ``api_posterior.LatentLevel`` that is measured."""

    @property
    def distances(self) -> Array:
        """(B, h, w, c) of posterior means from the prior's, in its deviations."""
        ...

    @property
    def kl(self) -> Array:
        """(B,) nats."""
        ...

    @property
    def pixels(self) -> int:
        """Of the image that the level is about."""
        ...


class Drawing(Enhancer, Protocol):
    """The part of ``api.Model`` that has a posterior."""

    def draw(
        self,
        image: Array,
        number: int = 0,
        *,
        seed: int = 0,
        noise_sigma: float | None = None,
    ) -> Array:
        """Draw so many of a seed: (H, W, channels) -> the same shape, not clipped."""
        ...

    def describe_latents(
        self, image: Array, seed: int = 0, *, noise_sigma: float | None = None
    ) -> Sequence[Level]:
        """Posterior means and KL of each level, coarse to fine."""
        ...


@dataclass(frozen=True)
class Draws:
    """PSNR in dB of the draws for one image."""

    psnr_draw: float  # of one draw, the mean of that over the draws
    psnr_mean_of_draws: float  # of the mean of all draws


@dataclass(frozen=True)
class Sums:
    """What one level says of one image, in a form that can be added up."""

    step: int  # pixels of the image between neighbouring latents
    kl: float  # nats
    values: int  # numbers in the level
    pixels: int
    first: NDArray[np.float64]  # (c,) sums of the posterior means' distances
    second: NDArray[np.float64]  # (c,) sums of their squares


@dataclass(frozen=True)
class LatentRow:
    """What one level says of all images of a degradation; KL is mean, in nats."""

    level: str  # its size, e.g. "1/8"
    channels: int
    active: int  # channels whose posterior mean varies over images and positions
    kl_per_value: float
    kl_per_pixel: float  # of the image

    @property
    def bits_per_pixel(self) -> float:
        """The same KL in bits for each pixel of the image."""
        return self.kl_per_pixel / math.log(2.0)


def measure_posterior(
    model: Drawing,
    x: Array,
    y: Array,
    *,
    draws: int,
    latents: bool,
    seed: int,
    sigma: float | None,
    luma: bool,
) -> dict[str, Any]:
    """The parts of a score that need more of a model than its answer, by name.

    Args:
        model: As for ``measure_draws``, and so are x, y, seed, sigma and luma.
        x: The reference.
        y: The degraded image.
        draws: How many; 0 measures none.
        latents: Whether the levels are measured.
        seed: Decides the draws.
        sigma: Noise level that the model is told.
        luma: Measure on Y.
    """
    found: dict[str, Any] = {}
    told: dict[str, Any] = {"seed": seed, "sigma": sigma}
    if draws:
        found["draws"] = measure_draws(model, x, y, count=draws, luma=luma, **told)
    if latents:
        found["latents"] = measure_latents(model, y, **told)
    return found


def measure_draws(
    model: Drawing,
    x: Array,
    y: Array,
    *,
    count: int,
    seed: int,
    sigma: float | None,
    luma: bool,
) -> Draws:
    """Measure draws for one image; each is clipped, and so is their mean.

    Args:
        model: Is asked.
        x: The reference, float32 (H, W, C) in [0, 1].
        y: The degraded image, the same shape.
        count: How many draws.
        seed: Decides them.
        sigma: Noise level that the model is told, in [0, 1] units.
        luma: Measure on Y of YCbCr instead of RGB.
    """
    given, channels = as_input(model, y), y.shape[2]
    total = np.zeros(given.shape, np.float64)
    single = []
    for number in range(count):  # one at a time: hundreds of them would not fit
        drawn = model.draw(given, number, seed=seed, noise_sigma=sigma)
        single.append(psnr(x, as_output(drawn, channels), luma=luma))
        total += drawn
    mean = as_output(total / count, channels).astype(np.float32)
    return Draws(statistics.fmean(single), psnr(x, mean, luma=luma))


def measure_latents(
    model: Drawing, y: Array, *, seed: int, sigma: float | None
) -> tuple[Sums, ...]:
    """What the levels say of one image, coarse to fine."""
    levels = model.describe_latents(as_input(model, y), seed, noise_sigma=sigma)
    found = []
    for level in levels:
        means = level.distances.astype(np.float64)
        positions = means.shape[0] * means.shape[1] * means.shape[2]
        found.append(
            Sums(
                step=round(math.sqrt(level.pixels * means.shape[0] / positions)),
                kl=float(level.kl.sum()),
                values=means.size,
                pixels=level.pixels * means.shape[0],
                first=means.sum(axis=(0, 1, 2)),
                second=np.square(means).sum(axis=(0, 1, 2)),
            )
        )
    return tuple(found)


def summarise_latents(images: Sequence[Sequence[Sums]]) -> list[LatentRow]:
    """Adds up the levels over images; without images there are no rows."""
    return [_row(level) for level in zip(*images, strict=True)]


def _row(images: Sequence[Sums]) -> LatentRow:
    channels = len(images[0].first)
    values = sum(one.values for one in images)
    kl = sum(one.kl for one in images)
    positions = values / channels
    mean = np.sum([one.first for one in images], axis=0) / positions
    square = np.sum([one.second for one in images], axis=0) / positions
    return LatentRow(
        level=f"1/{images[0].step}",
        channels=channels,
        active=int(np.count_nonzero(square - mean**2 > ACTIVE_ABOVE)),
        kl_per_value=kl / values,
        kl_per_pixel=kl / sum(one.pixels for one in images),
    )
