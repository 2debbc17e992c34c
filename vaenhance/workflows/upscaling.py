"""Measure a model that enlarges, beside Pillow's filters, as papers do.

Clean images are cut to multiples of the scale, shrunk by Pillow's antialiased bicubic
filter on 8 bits, degraded if asked for, enlarged by each method, and compared on Y
without a border of ``scale`` pixels.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo
from vaenhance.api import Model
from vaenhance.data import codec
from vaenhance.errors import PhotoError, VaenhanceError
from vaenhance.metrics import SSIM_WINDOW, crop_border, psnr
from vaenhance.workflows.enhancer import as_input, as_output, psnr_and_ssim
from vaenhance.workflows.evaluate import Degradation, Settings, degrade_image
from vaenhance.workflows.files import reason
from vaenhance.workflows.pairs import Failure, Pair, read
from vaenhance.workflows.standards import ImageSet

Array = NDArray[np.floating]

FILTERS = {"bicubic": "bicubic", "Lanczos": "lanczos"}


@dataclass(frozen=True)
class Score:
    """One image enlarged by one method; PSNR in dB, SSIM 0..1.

    ``psnr_back`` compares the result, shrunk again, with the small image.
    """

    image: str
    scale: int
    degradation: str
    method: str
    psnr: float
    ssim: float
    psnr_back: float


@dataclass(frozen=True)
class Row:
    """The scores of one method at one scale under one degradation."""

    scale: int
    degradation: str
    method: str
    scores: tuple[Score, ...]

    def mean(self, figure: str) -> float:
        """The mean of ``psnr``, ``ssim`` or ``psnr_back`` over the images."""
        return statistics.fmean(getattr(score, figure) for score in self.scores)


def shrunk(x: Array, scale: int) -> tuple[Array, Array]:
    """A clean image cut to a multiple of the scale, and the small image of it.

    Args:
        x: float32 (H, W, C) in [0, 1].
        scale: Of the sides.
    """
    height, width = (side // scale * scale for side in x.shape[:2])
    x = x[:height, :width]
    small = height // scale, width // scale
    return x, codec.to_size(x.astype(np.float32), small, "bicubic", is_8_bit=True)


def filtered(y: Array, scale: int, name: str) -> Array:
    """An image enlarged by one of Pillow's filters, in floats, clipped to [0, 1]."""
    size = scale * y.shape[0], scale * y.shape[1]
    return np.clip(codec.to_size(y.astype(np.float32), size, name), 0.0, 1.0)


def answers(
    model: Any, y: Array, scale: int, consistent: bool = False
) -> dict[str, Array]:
    """A small image enlarged by Pillow's filters and the model, by method."""
    found = {label: filtered(y, scale, name) for label, name in FILTERS.items()}
    large = model.enhance(as_input(model, y), scale=scale, consistent=consistent)
    return {**found, model.name: as_output(large, y.shape[2])}


def smallest(scale: int) -> int:
    """Pixels a side that an image needs to be shrunk so often, and then measured."""
    return SSIM_WINDOW + 3 * scale


def large_enough(images: ImageSet, scale: int) -> tuple[ImageSet, list[Failure]]:
    """Takes the images out of a set that are too small for a scale."""
    pairs, failures = [], []
    for pair in images.pairs:
        info = photo.probe(pair.source)
        if min(info.width, info.height) < smallest(scale):
            why = f"it is too small to be shrunk {scale} times"
            failures.append(Failure(f"{images.name}/{pair.name}", why))
        else:
            pairs.append(pair)
    return replace(images, pairs=tuple(pairs)), failures


def bordered(x: Array, estimate: Array, scale: int) -> tuple[float, float]:
    """PSNR in dB and SSIM on Y, without a border of ``scale`` pixels."""
    a, b = (crop_border(image, scale) for image in (x, estimate))
    return psnr_and_ssim(a, b, luma=True)


def evaluate_scales(
    pairs: Sequence[Pair],
    scales: Sequence[int],
    rows: Sequence[Degradation],
    model: Model,
    settings: Settings,
    *,
    consistent: bool = False,
    progress: Callable[[float], None] = lambda megapixels: None,
) -> Iterator[Score | Failure]:
    """Measure every image at every scale under every degradation.

    Args:
        pairs: Clean images.
        scales: Of the sides.
        rows: What is done to the small images.
        model: Enlarges, beside the filters.
        settings: Seed, chroma subsampling and clipping of the degradations.
        consistent: The model's results are back-projected.
        progress: Called with the megapixels, of the clean images, that are done.

    Yields:
        A score for each image, scale, degradation and method; one failure for an image.
    """
    for pair in pairs:
        try:
            whole, _ = read(pair)
            if min(whole.shape[:2]) < smallest(max(scales)):
                raise PhotoError(f"it is too small to be shrunk {max(scales)} times")
            scores = []
            for scale in scales:
                x, clean = shrunk(whole, scale)
                for row in rows:
                    y = degrade_image(clean, row, settings, pair.name)
                    made = answers(model, y, scale, consistent)
                    scores += _scores(pair.name, row, x, y, made)
                    progress(x.shape[0] * x.shape[1] / 1e6)
        # What one image is too much for, the next may do: each row is of the same ones.
        except (VaenhanceError, MemoryError) as error:
            yield Failure(pair.name, reason(error))
            continue
        yield from scores


def _scores(
    name: str, row: Degradation, x: Array, y: Array, made: Mapping[str, Array]
) -> list[Score]:
    """Measures an image as each method enlarges it."""
    scale = x.shape[0] // y.shape[0]
    return [
        Score(
            name,
            scale,
            row.label,
            method,
            *bordered(x, answer, scale),
            psnr_back=psnr(y, codec.to_size(answer, y.shape[:2], "bicubic")),
        )
        for method, answer in made.items()
    ]


def summarise(scores: Sequence[Score]) -> list[Row]:
    """Collect scores into rows, by scale, degradation and method."""
    grouped: dict[tuple[int, str, str], list[Score]] = {}
    for score in scores:
        key = score.scale, score.degradation, score.method
        grouped.setdefault(key, []).append(score)
    found = [Row(*key, tuple(group)) for key, group in grouped.items()]
    return sorted(found, key=lambda row: row.scale)  # keeps the order within a scale
