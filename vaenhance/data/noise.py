"""White Gaussian noise, and film grain. The noise of cameras is in ``camera``."""

from __future__ import annotations

import numpy as np

from vaenhance.data.blur import gaussian_blur
from vaenhance.data.pixels import Pixels


def add_gaussian_noise(x: Pixels, sigma: float, rng: np.random.Generator) -> Pixels:
    """Adds white Gaussian noise; the result is not clipped.

    Args:
        x: image.
        sigma: standard deviation in [0, 1] units (25 on the 0–255 scale is 25/255).
        rng: where the noise comes from.
    """
    if sigma <= 0:
        return x
    noisy: Pixels = rng.standard_normal(x.shape, dtype=np.float32)
    noisy *= np.float32(sigma)
    noisy += x
    return noisy


def add_grain(x: Pixels, sigma: float, rng: np.random.Generator) -> Pixels:
    """Adds film grain: mostly gray, a little coarser than a pixel, least at the ends.

    A photograph on film has it, and an old test image from a scanner too; it is a part
    of the picture. What white noise is to the model, grain is not.

    Args:
        x: image.
        sigma: standard deviation at mid-gray, [0, 1] units.
        rng: where the grain comes from.

    Returns:
        The image with its grain, clipped to [0, 1].
    """
    if sigma <= 0:
        return x
    height, width, channels = x.shape
    grains = rng.standard_normal((height, width, 1), dtype=np.float32)
    colour = rng.standard_normal((height, width, channels), dtype=np.float32)
    grains = grains + np.float32(0.4) * colour
    grains = gaussian_blur(grains, rng.uniform(0.0, 0.8))
    grains *= np.float32(sigma) / max(float(grains.std()), 1e-6)
    light = np.clip(x, 0.0, 1.0)
    grains *= 4.0 * light * (1.0 - light) * np.float32(0.7) + np.float32(0.3)
    grained: Pixels = np.clip(x + grains, 0.0, 1.0)
    return grained
