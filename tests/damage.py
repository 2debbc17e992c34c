"""What the tests of the degradations share: a picture, seeds, a measure."""

from __future__ import annotations

import numpy as np

# Bright to the right, the same in all colours.
RAMP = np.linspace(0.1, 0.9, 96, dtype=np.float32)[None, :, None] * np.ones(
    (96, 1, 3), np.float32
)
TEXTURE = np.random.default_rng(7).random((96, 96, 3), np.float32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def neighbours(noise: np.ndarray) -> tuple[float, float]:
    """Correlation of neighbouring pixels of noise (mean 0): down, across."""
    power = np.mean(noise**2)
    down = np.mean(noise[1:] * noise[:-1]) / power
    across = np.mean(noise[:, 1:] * noise[:, :-1]) / power
    return float(down), float(across)
