"""What is measured: something that enhances, asked and compared in one way.

Models and the filters beside them answer alike, so that their figures agree. Not
for degrading, and nothing is collected here: ``evaluate`` and ``table`` do that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vaenhance import metrics
from vaenhance.config import ModelConfig
from vaenhance.errors import PhotoError
from vaenhance.workflows.gray import HAS_COLOURS
from vaenhance.workflows.pairs import with_channels

Array = NDArray[np.floating]


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


def estimate(
    model: Enhancer,
    y: Array,
    sigma: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> Array:
    """The model's answer in [0, 1]; gray in, gray out, as ``enhance`` writes it.

    Args:
        model: Is asked.
        y: float32 (H, W, 1 or C).
        sigma: Noise level that the model is told, in [0, 1] units.
        progress: Called with the megapixels enhanced since the last call.
    """
    answer = model.enhance(as_input(model, y), noise_sigma=sigma, progress=progress)
    return as_output(answer, y.shape[2])


def as_input(model: Enhancer, y: Array) -> Array:
    """Gray repeated where the model takes colours.

    Raises:
        PhotoError: The model takes gray images, and this one has colours.
    """
    if y.shape[2] > model.config.channels:
        raise PhotoError(HAS_COLOURS)
    return with_channels(y, max(y.shape[2], model.config.channels))


def as_output(answer: Array, channels: int) -> Array:
    """(..., C) -> (..., channels) in [0, 1]: the mean of the colours for gray."""
    if channels == 1:
        answer = answer.mean(axis=-1, keepdims=True)
    return np.clip(answer, np.float32(0), np.float32(1))


def psnr(x: Array, estimate: Array, *, luma: bool) -> float:
    """PSNR in dB of (H, W, C) images, over their colours or on Y of YCbCr."""
    return metrics.psnr(planes(x, luma), planes(estimate, luma))


def psnr_and_ssim(x: Array, estimate: Array, *, luma: bool) -> tuple[float, float]:
    """PSNR in dB and SSIM of (H, W, C) images, over their colours or on Y."""
    a, b = planes(x, luma), planes(estimate, luma)
    return metrics.psnr(a, b), metrics.ssim(a, b)


def planes(image: Array, luma: bool) -> Array:
    """What is compared: (H, W, 3), its Y, or the one plane of a gray image."""
    if image.shape[2] == 1:  # already one channel: nothing to convert
        return image[..., 0]
    return metrics.luma(image) if luma else image
