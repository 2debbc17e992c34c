"""What makes images soft or small: blur and resampling, drawn at random.

Two kinds of small images: clean, as the published tables and Pillow have it, and as
found in real life, by any filter and after blur. Noise and JPEG come after, in
``degrade``; the kernels are in ``blur``, the filters in ``codec``.
"""

from __future__ import annotations

import numpy as np

from vaenhance.config import DegradationConfig
from vaenhance.data import blur, codec
from vaenhance.data.pixels import Pixels

# Soft crops: part of each blur. What is not blurred is resampled, and so is
# RESAMPLED of what is. Isotropic most often: lenses and scans are.
BLURS = {"isotropic": 0.4, "anisotropic": 0.2, "motion": 0.15}
RESAMPLED = 0.2
# Narrower than this, a slanted Gaussian falls between the pixels.
NARROWEST = 0.5
# Part of the small crops with other damage than "clean" whose filter is any.
ANY_FILTER = 0.6


def soften(x: Pixels, config: DegradationConfig, rng: np.random.Generator) -> Pixels:
    """Blurs or resamples, or both; the size stays."""
    ends = np.cumsum(list(BLURS.values()))
    which = int(np.searchsorted(ends, rng.random(), side="right"))
    shape = [*BLURS, ""][which]
    is_resampled = rng.random() < RESAMPLED or not shape
    x = _blurred(x, shape, 1, config, rng)
    if is_resampled:
        shrinking = codec.SHRINKING[rng.integers(len(codec.SHRINKING))]
        enlarging = codec.ENLARGING[rng.integers(len(codec.ENLARGING))]
        factor = rng.uniform(config.soft_scale[0], config.soft_scale[1])
        x = codec.resample(x, factor, shrinking, enlarging)
    return x


def shrink(
    x: Pixels,
    scale: int,
    kind: str,
    config: DegradationConfig,
    rng: np.random.Generator,
) -> Pixels:
    """Shrinks a clean image by a whole factor.

    Args:
        x: image whose sides are multiples of ``scale``.
        scale: of the sides.
        kind: of damage. ``clean``: Pillow's antialiased bicubic on 8 bits, as in the
            published tables; ``soft``: blurred before, by ``soft_blur`` and
            ``soft_motion`` in pixels of the result.
        config: of the blur.
        rng: decides the filter and the blur.
    """
    size = x.shape[0] // scale, x.shape[1] // scale
    if kind == "clean":
        return codec.to_size(x, size, "bicubic", is_8_bit=True)
    is_any = rng.random() < ANY_FILTER
    drawn = codec.REDUCING[rng.integers(len(codec.REDUCING))]
    if kind == "soft":
        weights = np.cumsum(list(BLURS.values()))
        which = np.searchsorted(weights, rng.random() * weights[-1], side="right")
        x = _blurred(x, [*BLURS][int(which)], scale, config, rng)
    return codec.to_size(x, size, drawn if is_any else "bicubic")


def _blurred(
    x: Pixels,
    shape: str,
    scale: int,
    config: DegradationConfig,
    rng: np.random.Generator,
) -> Pixels:
    """Blurs by one of ``BLURS``, its lengths multiplied by ``scale``."""
    low, high = (scale * sigma for sigma in config.soft_blur)
    angle = rng.uniform(0.0, np.pi)
    if high == 0 and shape != "motion":
        return x
    if shape == "isotropic":
        return blur.gaussian_blur(x, rng.uniform(low, high))
    if shape == "anisotropic":
        narrowest = min(max(low, NARROWEST), high)
        sigmas = rng.uniform(narrowest, high), rng.uniform(narrowest, high)
        return blur.convolve(x, blur.gaussian_kernel(sigmas, angle))
    if shape == "motion":
        shortest, longest = config.soft_motion
        length = scale * rng.uniform(shortest, longest)
        return blur.convolve(x, blur.motion_kernel(length, angle))
    return x
