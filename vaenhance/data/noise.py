"""White Gaussian noise. Noise as cameras make it is in ``camera``."""

from __future__ import annotations

import numpy as np

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
