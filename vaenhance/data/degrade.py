"""How a degraded image y is made from a clean image x for training.

A crop gets one kind of degradation, drawn by the weights of
``DegradationConfig``; the parts are in ``noise``, ``camera``, ``blur`` and
``codec``. Each of those takes and returns float32 (H, W, C) in [0, 1] (noise may
leave the range), takes its randomness from the generator it is given, and does
nothing at strength 0. Not for measuring: ``workflows/evaluate`` states what it does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vaenhance.config import DegradationConfig
from vaenhance.data import blur, codec
from vaenhance.data.camera import add_camera_noise, draw_camera
from vaenhance.data.codec import GRID
from vaenhance.data.noise import add_gaussian_noise, add_grain
from vaenhance.data.pixels import Pixels, to_8_bit

KINDS = ("clean", "noise", "jpeg", "camera", "soft")
GRAINED = ("clean", "jpeg")

# Soft crops: part of each blur. What is not blurred is resampled, and so is
# RESAMPLED of what is. Isotropic most often: lenses and scans are.
BLURS = {"isotropic": 0.4, "anisotropic": 0.2, "motion": 0.15}
RESAMPLED = 0.2
# Narrower than this, a slanted Gaussian falls between the pixels.
NARROWEST = 0.5

Cut = Callable[[Pixels], Pixels]
Degraded = tuple[Pixels, float]  # y; sigma of its white noise, −1 if it is not white
UNKNOWN = -1.0


def degrade(
    window: Pixels, crop: int, config: DegradationConfig, rng: np.random.Generator
) -> tuple[Pixels, Pixels, float]:
    """Draws one training pair from a clean window.

    Args:
        window: clean image, at least ``crop`` and up to ``crop + GRID`` pixels a side.
        crop: pixels a side of the pair.
        config: which degradations, how often and how strong.
        rng: decides everything.

    Returns:
        (x, y, noise level told to the model): (crop, crop, C) each; the level in
        [0, 1] units, −1 where it is not told. Only the sigma of white Gaussian
        noise is told, 0 included; never with JPEG, camera noise or blur upon it.
    """
    # In this order, so that another weight leaves the other crops as they were.
    kind = draw_kind(config, rng)
    is_told = rng.random() < config.noise_known
    top, left = (int(rng.integers(0, side - crop + 1)) for side in window.shape[:2])

    def cut(image: Pixels) -> Pixels:
        return np.ascontiguousarray(image[top : top + crop, left : left + crop])

    # Grain is a part of x. Not below noise: there it could not be told from it.
    if kind in GRAINED and rng.random() < config.grain:
        window = add_grain(window, _between(config.grain_sigma, rng) / 255.0, rng)
    y, sigma = _DEGRADE[kind](window, cut, config, rng)
    return cut(window), y, sigma if is_told else UNKNOWN


def draw_kind(config: DegradationConfig, rng: np.random.Generator) -> str:
    """Draws one of ``KINDS`` by the weights of the configuration."""
    ends = np.cumsum([getattr(config, kind) for kind in KINDS])
    return KINDS[int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))]


def _clean(
    window: Pixels, cut: Cut, config: DegradationConfig, rng: np.random.Generator
) -> Degraded:
    return cut(window), 0.0


def _noise(
    window: Pixels, cut: Cut, config: DegradationConfig, rng: np.random.Generator
) -> Degraded:
    sigma = _between(config.noise_sigma, rng) / 255.0
    is_jpeg, is_unclipped = rng.random(2) < (config.noise_jpeg, config.unclipped)
    if is_jpeg:
        noisy = add_gaussian_noise(window, sigma, rng)
        return cut(_compressed(noisy, config.jpeg_quality, config, rng)), UNKNOWN
    noisy = add_gaussian_noise(cut(window), sigma, rng)
    return (noisy if is_unclipped else to_8_bit(noisy)), sigma


def _jpeg(
    window: Pixels, cut: Cut, config: DegradationConfig, rng: np.random.Generator
) -> Degraded:
    return cut(_compressed(window, config.jpeg_quality, config, rng)), 0.0


def _camera(
    window: Pixels, cut: Cut, config: DegradationConfig, rng: np.random.Generator
) -> Degraded:
    low, high = config.camera_shot
    camera = draw_camera((low, high), config.camera_demosaiced, rng)
    if rng.random() < config.camera_jpeg:
        noisy = add_camera_noise(window, camera, rng)
        return cut(_compressed(noisy, config.camera_quality, config, rng)), UNKNOWN
    return to_8_bit(add_camera_noise(cut(window), camera, rng)), UNKNOWN


def _soft(
    window: Pixels, cut: Cut, config: DegradationConfig, rng: np.random.Generator
) -> Degraded:
    is_noisy, is_jpeg = rng.random(2) < (config.soft_noise, config.soft_jpeg)
    sigma = _between(config.soft_sigma, rng) / 255.0 if is_noisy else 0.0
    # The whole window, so that few crops see the mirrored edge.
    y = add_gaussian_noise(_softened(window, config, rng), sigma, rng)
    if is_jpeg:
        return cut(_compressed(y, config.soft_quality, config, rng)), UNKNOWN
    return to_8_bit(cut(y)), UNKNOWN


_DEGRADE = dict(zip(KINDS, (_clean, _noise, _jpeg, _camera, _soft), strict=True))


def _softened(x: Pixels, config: DegradationConfig, rng: np.random.Generator) -> Pixels:
    """Blurs or resamples, or both."""
    ends = np.cumsum(list(BLURS.values()))
    which = int(np.searchsorted(ends, rng.random(), side="right"))
    shape = [*BLURS, ""][which]
    is_resampled = rng.random() < RESAMPLED or not shape
    low, high = config.soft_blur
    angle = rng.uniform(0.0, np.pi)
    if shape == "isotropic":
        x = blur.gaussian_blur(x, rng.uniform(low, high))
    elif shape == "anisotropic":
        narrowest = min(max(low, NARROWEST), high)
        sigmas = rng.uniform(narrowest, high), rng.uniform(narrowest, high)
        x = blur.convolve(x, blur.gaussian_kernel(sigmas, angle))
    elif shape == "motion":
        length = _between(config.soft_motion, rng)
        x = blur.convolve(x, blur.motion_kernel(length, angle))
    if is_resampled:
        shrinking = codec.SHRINKING[rng.integers(len(codec.SHRINKING))]
        enlarging = codec.ENLARGING[rng.integers(len(codec.ENLARGING))]
        factor = _between(config.soft_scale, rng)
        x = codec.resample(x, factor, shrinking, enlarging)
    return x


def _between(bounds: tuple[float, ...], rng: np.random.Generator) -> float:
    return rng.uniform(bounds[0], bounds[1])


def _compressed(
    x: Pixels,
    qualities: tuple[float, ...],
    config: DegradationConfig,
    rng: np.random.Generator,
) -> Pixels:
    """Compresses once, or twice with another quality, chroma and block grid."""
    worst, best = (int(bound) for bound in qualities)
    offset = (0, 0)
    for _ in range(2 if rng.random() < config.jpeg_twice else 1):
        quality = int(rng.integers(worst, best + 1))
        chroma = "4:2:0" if rng.random() < config.chroma_420 else "4:4:4"
        x = codec.jpeg(x, quality, chroma, offset)
        offset = int(rng.integers(GRID)), int(rng.integers(GRID))
    return x
