"""How far σ can be trusted: measured on photographs whose originals are known.

Coverage of ±1 σ and ±2 σ, rank correlation with the error, and ENCE. Not for
fitting anything: ``calibrate`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.data.pixels import LUMA, middle
from vaenhance.errors import PhotoError
from vaenhance.workflows.enhancer import as_input
from vaenhance.workflows.evaluate import (
    Degradation,
    Settings,
    degradations,
    degrade_image,
)
from vaenhance.workflows.pairs import Pair, read
from vaenhance.workflows.upscaling import shrunk

Array = NDArray[Any]

# Pixels a side of the middle of an image, which is measured; where it is enlarged, of
# the small one.
SIDE = 320
BINS = 10  # of ENCE, equally filled
# Of all images of a degradation together, as many as fit for ranks and bins: what they
# say of millions more changes in the fourth digit.
PIXELS = 2_000_000


@dataclass(frozen=True)
class Reliability:
    """Of σ under one degradation, over the pixels of all images.

    Attributes:
        degradation: name of the row.
        images: how many.
        within_1: part of the errors (a number a colour) within ±σ; 0.683 is perfect
            for Gaussian errors.
        within_2: within ±2 σ; 0.954 is perfect.
        rank_correlation: Spearman's, of σ with a pixel's error, the root mean square
            over its colours.
        rank_correlation_colors: the same with the absolute error of each colour.
        ence: expected normalised calibration error (Levi et al. 2022): mean over
            bins of σ of |root mean σ² − root mean error²| / root mean σ².
        error: root mean square, 0-255 scale.
        sigma: root mean square, 0-255 scale.
    """

    degradation: str
    images: int
    within_1: float
    within_2: float
    rank_correlation: float
    rank_correlation_colors: float
    ence: float
    error: float
    sigma: float

    def as_json(self) -> dict[str, Any]:
        """Returns the figures, rounded, by name."""
        return {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in asdict(self).items()
        }


def standard_rows(scales: Sequence[int] = (1,)) -> list[Degradation]:
    """Returns what the calibration of a model with such scales is measured on."""
    plain = degradations(noise=(15, 25, 50), jpeg=(20,), clean=True)
    small = degradations(noise=(15,), jpeg=(50,), clean=True)
    return [
        replace(row, scale=scale)
        for scale in scales
        for row in (plain if scale == 1 else small)
    ]


def measure(
    model: Any,
    pairs: Sequence[Pair],
    rows: Sequence[Degradation],
    *,
    seed: int = 0,
    warn: Callable[[str], None] = lambda line: None,
    advance: Callable[[float], None] = lambda megapixels: None,
) -> list[Reliability]:
    """Measures a model's σ under degradations, in the middle of each image.

    Args:
        model: ``api.Model``, calibrated.
        pairs: clean images, as ``pairs.find_pairs`` gives them.
        rows: degradations, as ``evaluate.degradations`` gives them.
        seed: of the noise and the draws.
        warn: told of images that cannot be read.
        advance: told megapixels as they are finished.

    Raises:
        ModelError: the model is not calibrated.
    """
    room = max(1, PIXELS // max(1, len(pairs)))
    tallies = {row.label: _Tally(room) for row in rows}
    for index, pair in enumerate(pairs):
        try:
            x = _of_model(model, read(pair)[0])
        except PhotoError as error:
            warn(f"left out {pair.name}: {error}")
            continue
        for row in rows:
            part, clean = shrunk(middle(x, SIDE * row.scale), row.scale)
            y = degrade_image(clean, row, Settings(seed=seed), pair.name)
            given = as_input(model, y)
            answer = model.assess(given, seed=seed, scale=row.scale, progress=advance)
            errors = (answer.image - as_input(model, part)).reshape(-1, given.shape[2])
            rng = np.random.default_rng([seed, index])
            tallies[row.label].add(errors, answer.sigma.reshape(-1), rng)
    return [tally.result(label) for label, tally in tallies.items() if tally.images]


class _Tally:
    """What is known of one degradation so far; memory does not grow with the images.

    Args:
        room: pixels of an image that are kept for ranks and bins; sums are of all.
    """

    def __init__(self, room: int):
        self.images = 0
        self._room = room
        self._kept: list[tuple[Array, Array]] = []
        self._colors = self._pixels = self._within_1 = self._within_2 = 0
        self._squares = np.zeros(2)  # sums: of errors, of σ

    def add(self, errors: Array, sigma: Array, rng: np.random.Generator) -> None:
        """Takes the errors (N, C) and σ (N,) of one image."""
        ratio = np.abs(errors) / sigma[:, None]
        self.images += 1
        self._colors += ratio.size
        self._pixels += len(sigma)
        self._within_1 += int(np.count_nonzero(ratio <= 1))
        self._within_2 += int(np.count_nonzero(ratio <= 2))
        self._squares += [
            np.square(part, dtype=np.float64).sum() for part in (errors, sigma)
        ]
        if len(sigma) > self._room:
            chosen = rng.choice(len(sigma), self._room, replace=False)
            errors, sigma = errors[chosen], sigma[chosen]
        self._kept.append((errors, sigma))

    def result(self, degradation: str) -> Reliability:
        """Returns the figures of all images."""
        errors, sigma = (np.concatenate(part) for part in zip(*self._kept, strict=True))
        rms = np.sqrt(self._squares / [self._colors, self._pixels])
        return replace(
            reliability(degradation, errors, sigma, self.images),
            within_1=self._within_1 / self._colors,
            within_2=self._within_2 / self._colors,
            error=255.0 * float(rms[0]),
            sigma=255.0 * float(rms[1]),
        )


def _of_model(model: Any, x: Array) -> Array:
    """(H, W, 3) as gray where the model is, as its training had it."""
    if model.config.channels == 1 and x.shape[2] == 3:
        return (x @ LUMA)[..., None].astype(np.float32)
    return x


def reliability(
    degradation: str, errors: Array, sigma: Array, images: int
) -> Reliability:
    """Compares errors with what was said of them.

    Args:
        degradation: name of the row.
        errors: (N, C), [0, 1] units.
        sigma: (N,), the same units, above 0.
        images: how many the pixels are of.
    """
    off = np.abs(errors)
    ratio = off / sigma[:, None]
    of_pixels = np.sqrt(np.mean(np.square(errors), axis=1))
    return Reliability(
        degradation,
        images,
        within_1=float((ratio <= 1).mean()),
        within_2=float((ratio <= 2).mean()),
        rank_correlation=spearman(sigma, of_pixels),
        rank_correlation_colors=spearman(
            np.repeat(sigma, errors.shape[1]), off.reshape(-1)
        ),
        ence=ence(errors, sigma),
        error=255.0 * _rms(errors),
        sigma=255.0 * _rms(sigma),
    )


def spearman(one: Array, other: Array) -> float:
    """Returns the correlation of the ranks of two arrays (N,); 0 if one is flat."""
    first, second = _ranks(one), _ranks(other)
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def ence(errors: Array, sigma: Array) -> float:
    """Returns the expected normalised calibration error; 0 is perfect.

    Args:
        errors: (N, C).
        sigma: (N,) in the same units.
    """
    bins = np.array_split(np.argsort(sigma, kind="stable"), BINS)
    parts = [(_rms(sigma[b]), _rms(errors[b])) for b in bins if len(b)]
    return float(np.mean([abs(said - was) / said for said, was in parts]))


def _ranks(values: Array) -> NDArray[np.float64]:
    """Returns ranks from 0; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: NDArray[np.float64] = ends - (counts + 1) / 2.0
    return means[inverse]


def _rms(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
