"""What a user has without a model: OpenCV's non-local means, at its best.

Not for enhancing files. OpenCV is the extra ``benchmark``; without it there is no
baseline, and ``why_missing`` says so.
"""

from __future__ import annotations

import importlib.util
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import metrics
from vaenhance.config import ModelConfig

Array = NDArray[np.floating]

NAME = "OpenCV non-local means"
SEARCH = 21  # pixels a side of the search window, as in OpenCV's manual
# Template side, and h and hColor over the noise level. Textured photographs want the
# first ones, smooth ones the later ones, and strong noise the larger template. A grid
# of 42 won nothing more (docs/benchmarks.md).
GRID = (
    (3, 0.4, 0.6),
    (3, 0.5, 0.6),
    (3, 0.6, 0.8),
    (3, 0.7, 0.8),
    (3, 0.8, 1.0),
    (3, 1.0, 1.0),
    (5, 0.6, 0.6),
)
TUNING_SIDE = 160  # pixels a side of what each image gives to the tuning


def why_missing() -> str | None:
    """What to do to have the baseline; None where it is there."""
    if importlib.util.find_spec("cv2") is None:
        return 'OpenCV is not installed: pip install "vaenhance[benchmark]"'
    return None


def non_local_means(
    image: NDArray[np.uint8], *, h: float, h_color: float, template: int = 3
) -> NDArray[np.uint8]:
    """Filters (H, W, 3) RGB or (H, W, 1) gray 8-bit pixels.

    Args:
        image: What is filtered.
        h: Strength, for luminance or gray; in the units of the noise, 0-255.
        h_color: Strength for the colours.
        template: Side of the patches that are compared, pixels.
    """
    import cv2

    if image.shape[2] == 1:
        gray = cv2.fastNlMeansDenoising(image, None, h, template, SEARCH)
        return np.asarray(gray, np.uint8).reshape(image.shape)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)  # it works in Lab: the order matters
    answer = cv2.fastNlMeansDenoisingColored(bgr, None, h, h_color, template, SEARCH)
    return np.asarray(cv2.cvtColor(answer, cv2.COLOR_BGR2RGB), np.uint8)


@dataclass(frozen=True)
class NonLocalMeans:
    """The filter with its settings, in the form that is measured (``Enhancer``)."""

    h: float
    h_color: float
    template: int = 3
    # One channel is enough: gray images are not made colour for it.
    config: ModelConfig = field(default_factory=lambda: ModelConfig(channels=1))
    conditioned_on_noise: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """What OpenCV is told."""
        return {"h": self.h, "h_color": self.h_color, "template": self.template}

    def enhance(
        self,
        image: Array,
        *,
        noise_sigma: float | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Array:
        """float32 (H, W, 1 or 3) -> the same shape in [0, 1]; works on 8 bits."""
        pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
        answer = non_local_means(pixels, **self.settings)
        if progress is not None:
            progress(image.shape[0] * image.shape[1] / 1e6)
        return answer.astype(np.float32) / np.float32(255)


def tuned(middles: Sequence[tuple[Array, Array]], level: float | None) -> NonLocalMeans:
    """The filter with the settings of ``GRID`` that have the highest mean PSNR.

    Args:
        middles: Pairs (x, y), (H, W, C) in [0, 1]; what ``middle`` cuts out is enough.
        level: Standard deviation of the noise, 0-255; None takes the root of the
            mean squared error of y, which nobody knows outside of a test.
    """
    if level is None:
        errors = [float(np.mean(np.square(y - x))) for x, y in middles]
        level = max(255.0 * statistics.fmean(errors) ** 0.5, 0.1)  # 0 divides by 0
    candidates = [NonLocalMeans(h * level, c * level, t) for t, h, c in GRID]

    def score(candidate: NonLocalMeans) -> float:
        return statistics.fmean(
            metrics.psnr(x, candidate.enhance(y)) for x, y in middles
        )

    return max(candidates, key=score)
