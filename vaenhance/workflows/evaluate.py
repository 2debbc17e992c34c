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
from typing import cast

import numpy as np
from numpy.typing import NDArray

from vaenhance.data import codec
from vaenhance.data.blur import gaussian_blur
from vaenhance.data.noise import add_gaussian_noise
from vaenhance.data.pixels import middle, to_8_bit
from vaenhance.errors import UsageProblem, VaenhanceError
from vaenhance.workflows.enhancer import Enhancer, estimate, psnr_and_ssim
from vaenhance.workflows.files import reason
from vaenhance.workflows.pairs import Failure, Pair, read
from vaenhance.workflows.posterior import (
    Drawing,
    Draws,
    LatentRow,
    Sums,
    measure_posterior,
    summarise_latents,
)

Array = NDArray[np.floating]

VIEW_SIDE = 256  # pixels a side of the part of an image that goes on a sheet
FIGURES = ("psnr_input", "psnr_enhanced", "ssim_input", "ssim_enhanced")
DRAW_FIGURES = ("psnr_draw", "psnr_mean_of_draws")  # of ``Score.draws``


@dataclass(frozen=True)
class Degradation:
    """One row of the table: blur, then noise, then JPEG, each of them optional."""

    noise: float | None = None  # standard deviation on the 0-255 scale
    jpeg: int | None = None  # quality, 1-100
    blur: float | None = None  # standard deviation in pixels
    is_given: bool = False  # nothing is added: the source is degraded already
    scale: int = 1  # shrunk so many times before; tables only, see ``upscaling``

    @property
    def label(self) -> str:
        """What the row is called."""
        parts = {"blur": self.blur, "noise": self.noise, "jpeg": self.jpeg}
        named = [f"x{self.scale}"] if self.scale > 1 else []
        named += [f"{name} {v:g}" for name, v in parts.items() if v is not None]
        return " + ".join(named) or ("as given" if self.is_given else "clean")


@dataclass(frozen=True)
class Settings:
    """The protocol: everything besides the degradation that moves the figures."""

    clip: bool = False  # degraded images are rounded to 8 bits, not unclipped floats
    luma: bool = False  # measure on Y of YCbCr instead of RGB
    subsampling: str = "4:2:0"  # of the JPEG's chroma
    seed: int = 0
    known_noise: bool = False  # tell the model the sigma of the noise
    draws: int = 0  # of the posterior, measured beside its mean
    latents: bool = False  # also measure what each level of latents says


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
    draws: Draws | None = None
    latents: tuple[Sums, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True)
class Row:
    """The scores of one degradation; its figures are means over the images."""

    degradation: str
    scores: tuple[Score, ...]

    def mean(self, figure: str) -> float:
        """The mean of one of ``FIGURES``; infinite if any image's is."""
        return statistics.fmean(getattr(score, figure) for score in self.scores)

    @property
    def draws(self) -> Draws | None:
        """The mean of the scores' ``draws``; None where there were none."""
        every = [score.draws for score in self.scores if score.draws is not None]
        if not every:
            return None
        return Draws(
            *(statistics.fmean(getattr(d, f) for d in every) for f in DRAW_FIGURES)
        )

    @property
    def latents(self) -> list[LatentRow]:
        """What each level says, coarse to fine; empty where it was not asked for."""
        return summarise_latents([s.latents for s in self.scores if s.latents])

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
        views: So many images keep their pictures, the first that can be measured.
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
    shown = 0
    for pair in pairs:
        try:
            x, given = read(pair)
            scores = [
                _measured(
                    pair.name, x, given, row, model, settings, shown < views, progress
                )
                for row in rows
            ]
        # What one image is too much for, the next may do: each row is of the same ones.
        except (VaenhanceError, MemoryError) as error:
            yield Failure(pair.name, reason(error))
            continue
        shown += 1
        yield from scores


def _measured(
    name: str,
    x: Array,
    given: Array,
    row: Degradation,
    model: Enhancer,
    settings: Settings,
    is_shown: bool,
    progress: Callable[[float], None] | None,
) -> Score:
    """One image under one degradation."""
    y = given if row.is_given else degrade_image(x, row, settings, name)
    is_told = settings.known_noise and row.noise is not None
    sigma = (row.noise or 0.0) / 255.0 if is_told else None
    answer = estimate(model, y, sigma, progress)
    before = psnr_and_ssim(x, y, luma=settings.luma)
    after = psnr_and_ssim(x, answer, luma=settings.luma)
    return Score(
        name,
        row.label,
        psnr_input=before[0],
        psnr_enhanced=after[0],
        ssim_input=before[1],
        ssim_enhanced=after[1],
        views=tuple(middle(image, VIEW_SIDE) for image in (y, answer, x))
        if is_shown
        else (),
        **measure_posterior(
            cast(Drawing, model),
            x,
            y,
            draws=settings.draws,
            latents=settings.latents,
            seed=_posterior_seed(settings, name),
            sigma=sigma,
            luma=settings.luma,
        ),
    )


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
    rng = np.random.default_rng([settings.seed, _key(name)])
    y = x
    if row.blur is not None:
        y = gaussian_blur(y, row.blur)
    if row.noise is not None:
        y = add_gaussian_noise(y, row.noise / 255.0, rng)
    if row.jpeg is not None:
        y = codec.jpeg(y, row.jpeg, settings.subsampling)
    return to_8_bit(y) if settings.clip else y


def summarise(scores: Sequence[Score]) -> list[Row]:
    """Collect scores into rows, in the order in which the rows first appear."""
    grouped: dict[str, list[Score]] = {}
    for score in scores:
        grouped.setdefault(score.degradation, []).append(score)
    return [Row(label, tuple(group)) for label, group in grouped.items()]


def _posterior_seed(settings: Settings, name: str) -> int:
    """A seed that is not that of the noise."""
    entropy = np.random.SeedSequence([settings.seed, _key(name)]).spawn(1)[0]
    return int(entropy.generate_state(1)[0])


def _key(name: str) -> int:
    """A number that belongs to a name."""
    # One file system stores an accent composed, another decomposed.
    composed = unicodedata.normalize("NFC", name)
    key = hashlib.sha256(composed.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(key[:8], "little")
