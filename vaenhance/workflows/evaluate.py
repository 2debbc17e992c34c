"""Measure a model: PSNR and SSIM of what it makes, against references.

The references are clean photographs that are degraded here, with seeded noise,
or a second folder that belongs to already degraded ones. Not a part of training,
and not a way to get enhanced files: pixels are dropped once they are measured.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import statistics
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vaenhance import metrics
from vaenhance.config import ModelConfig
from vaenhance.data import degrade
from vaenhance.errors import PhotoError, UsageProblem
from vaenhance.workflows.pairs import Failure, Pair, read, with_channels

Array = NDArray[np.floating]
Figures = tuple[float, float, float, float]

VIEW_SIDE = 256  # pixels a side of the part of an image that goes on a sheet
FIGURES = ("psnr_input", "psnr_enhanced", "ssim_input", "ssim_enhanced")


class Enhancer(Protocol):
    """The part of ``api.Model`` that is measured."""

    @property
    def config(self) -> ModelConfig:
        """The network's shape; its colour channels matter here."""
        ...

    @property
    def conditioned_on_noise(self) -> bool:
        """Whether ``noise_sigma`` means anything to the model."""
        ...

    def enhance(
        self,
        image: Array,
        *,
        noise_sigma: float | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Array:
        """(H, W, channels) in [0, 1] -> the same shape, not clipped."""
        ...


@dataclass(frozen=True)
class Degradation:
    """One row of the table: blur, then noise, then JPEG, each of them optional."""

    noise: float | None = None  # standard deviation on the 0-255 scale
    jpeg: int | None = None  # quality, 1-100
    blur: float | None = None  # standard deviation in pixels
    is_given: bool = False  # nothing is added: the source is degraded already

    @property
    def label(self) -> str:
        """What the row is called."""
        parts = {"blur": self.blur, "noise": self.noise, "jpeg": self.jpeg}
        named = [f"{name} {v:g}" for name, v in parts.items() if v is not None]
        return " + ".join(named) or ("as given" if self.is_given else "clean")


@dataclass(frozen=True)
class Settings:
    """The protocol: everything besides the degradation that moves the figures."""

    clip: bool = False  # degraded images are rounded to 8 bits, not unclipped floats
    luma: bool = False  # measure on Y of YCbCr instead of RGB
    subsampling: str = "4:2:0"  # of the JPEG's chroma
    seed: int = 0
    known_noise: bool = False  # tell the model the sigma of the noise


@dataclass(frozen=True)
class Score:
    """One image under one degradation; figures in dB (PSNR) or 0..1 (SSIM)."""

    image: str
    degradation: str
    psnr_input: float
    psnr_enhanced: float
    ssim_input: float
    ssim_enhanced: float
    # Middle of degraded, enhanced and reference, (H, W, 3) in [0, 1]; or nothing.
    views: tuple[Array, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True)
class Row:
    """The scores of one degradation; its figures are means over the images."""

    degradation: str
    scores: tuple[Score, ...]

    def mean(self, figure: str) -> float:
        """The mean of one of ``FIGURES``; infinite if any image's is."""
        return statistics.fmean(getattr(score, figure) for score in self.scores)

    @property
    def gain(self) -> float | None:
        """PSNR won in dB; None where the input was perfect already."""
        before = self.mean("psnr_input")
        return None if math.isinf(before) else self.mean("psnr_enhanced") - before


def degradations(
    *,
    noise: Sequence[float] = (),
    jpeg: Sequence[int] = (),
    blur: Sequence[float] = (),
    clean: bool = False,
    combine: bool = False,
) -> list[Degradation]:
    """The rows that were asked for, without repetitions.

    Args:
        noise: Standard deviations on the 0-255 scale.
        jpeg: Qualities, 1-100.
        blur: Standard deviations in pixels.
        clean: Adds a row without degradation.
        combine: Every blur with every noise with every JPEG, in that order, as
            one degradation; otherwise each value is a row of its own.

    Returns:
        The rows; noise 25, JPEG 10 and clean when nothing was asked for.
    """
    rows: list[Degradation] = []
    if combine:
        blurs, noises, qualities = blur or (None,), noise or (None,), jpeg or (None,)
        rows += [
            Degradation(noise=n, jpeg=q, blur=b)
            for b, n, q in itertools.product(blurs, noises, qualities)
        ]
    else:
        rows += [Degradation(noise=value) for value in noise]
        rows += [Degradation(jpeg=value) for value in jpeg]
        rows += [Degradation(blur=value) for value in blur]
    if not (noise or jpeg or blur):
        rows = [] if clean else [Degradation(noise=25.0), Degradation(jpeg=10)]
        clean = True
    if clean:
        rows.append(Degradation())
    return list(dict.fromkeys(rows))


def evaluate(
    pairs: Sequence[Pair],
    rows: Sequence[Degradation],
    model: Enhancer,
    settings: Settings,
    *,
    views: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Iterator[Score | Failure]:
    """Measure every image under every degradation, one after the other.

    Args:
        pairs: What ``find_pairs`` gave.
        rows: What ``degradations`` gave; with references one row that is given.
        model: Answers each degraded image.
        settings: The protocol.
        views: So many images, counted from the first, keep their pictures.
        progress: Called with the megapixels enhanced since the last call.

    Yields:
        A score for each image and row, or one failure for an image.

    Raises:
        UsageProblem: The noise is to be told to a model that does not listen.
    """
    if settings.known_noise and not model.conditioned_on_noise:
        raise UsageProblem(
            "this model estimates the noise by itself: leave out --known-noise"
        )
    for index, pair in enumerate(pairs):
        try:
            x, given = read(pair)
        except PhotoError as error:
            yield Failure(pair.name, str(error))
            continue
        for row in rows:
            y = given if row.is_given else degrade_image(x, row, settings, pair.name)
            is_told = settings.known_noise and row.noise is not None
            sigma = (row.noise or 0.0) / 255.0 if is_told else None
            estimate = _estimate(model, y, sigma, progress)
            views_kept = tuple(map(_middle, (y, estimate, x))) if index < views else ()
            figures = _figures(x, y, estimate, settings.luma)
            yield Score(pair.name, row.label, *figures, views_kept)


def degrade_image(x: Array, row: Degradation, settings: Settings, name: str) -> Array:
    """Degrade one clean image; the same numbers for a name, whatever the order.

    Args:
        x: float32 (H, W, C) in [0, 1]; a gray image has one channel, so that
            its noise is gray too.
        row: What is done to it.
        settings: Seed, chroma subsampling, and whether the result is 8-bit.
        name: Of the image; with the seed it decides the noise.

    Returns:
        float32, the same shape; beyond [0, 1] where noise is not clipped.
    """
    # One file system stores an accent composed, another decomposed.
    key = hashlib.sha256(unicodedata.normalize("NFC", name).encode()).digest()
    rng = np.random.default_rng([settings.seed, int.from_bytes(key[:8], "little")])
    y = x
    if row.blur is not None:
        y = degrade.gaussian_blur(y, row.blur)
    if row.noise is not None:
        y = degrade.add_gaussian_noise(y, row.noise / 255.0, rng)
    if row.jpeg is not None:
        y = degrade.jpeg(y, row.jpeg, settings.subsampling)
    return degrade.to_8_bit(y) if settings.clip else y


def summarise(scores: Sequence[Score]) -> list[Row]:
    """Collect scores into rows, in the order in which the rows first appear."""
    grouped: dict[str, list[Score]] = {}
    for score in scores:
        grouped.setdefault(score.degradation, []).append(score)
    return [Row(label, tuple(group)) for label, group in grouped.items()]


def _estimate(
    model: Enhancer,
    y: Array,
    sigma: float | None,
    progress: Callable[[float], None] | None,
) -> Array:
    """The model's answer in [0, 1]; gray in, gray out, as ``enhance`` writes it."""
    given = with_channels(y, max(y.shape[2], model.config.channels))
    answer: Array = model.enhance(given, noise_sigma=sigma, progress=progress)
    if y.shape[2] == 1:
        answer = answer.mean(axis=2, keepdims=True)
    return np.clip(answer, np.float32(0), np.float32(1))


def _figures(x: Array, y: Array, estimate: Array, luma: bool) -> Figures:
    """The numbers named in ``FIGURES``."""
    if x.shape[2] == 1:  # already one channel: nothing to convert
        x, y, estimate = x[..., 0], y[..., 0], estimate[..., 0]
    elif luma:
        x, y, estimate = (metrics.luma(image) for image in (x, y, estimate))
    before, after = metrics.psnr(x, y), metrics.psnr(x, estimate)
    return before, after, metrics.ssim(x, y), metrics.ssim(x, estimate)


def _middle(image: Array) -> Array:
    """A copy of the middle, so that the whole image can be dropped."""
    top, left = (max(side - VIEW_SIDE, 0) // 2 for side in image.shape[:2])
    return image[top : top + VIEW_SIDE, left : left + VIEW_SIDE].copy()
