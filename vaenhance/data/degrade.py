"""How a degraded image y is made from a clean image x for training.

A crop gets one kind of degradation, drawn by the weights of
``DegradationConfig``; the parts are in ``noise``, ``camera``, ``soften`` and
``codec``. Each of those takes and returns float32 (H, W, C) in [0, 1] (noise may
leave the range), takes its randomness from the generator it is given, and does
nothing at strength 0. Not for measuring: ``workflows/evaluate`` states what it does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vaenhance.config.degradation import KINDS, DegradationConfig
from vaenhance.data import codec
from vaenhance.data.camera import add_coarse_noise, draw_camera
from vaenhance.data.codec import GRID
from vaenhance.data.noise import add_gaussian_noise, add_grain
from vaenhance.data.pixels import Pixels, to_8_bit
from vaenhance.data.soften import shrink, soften

GRAINED = ("clean", "jpeg")

Cut = Callable[[Pixels], Pixels]
Degraded = tuple[Pixels, float]  # y; sigma of its white noise, −1 if it is not white
UNKNOWN = -1.0


def degrade(
    window: Pixels,
    crop: int,
    config: DegradationConfig,
    rng: np.random.Generator,
    scale: int = 1,
) -> tuple[Pixels, Pixels, float]:
    """Draws one training pair from a clean window.

    Args:
        window: clean image, a side at least ``crop · scale`` and up to
            ``(crop + GRID) · scale`` pixels.
        crop: pixels a side of y.
        config: which degradations, how often and how strong.
        rng: decides everything.
        scale: x has so many times the sides of y. The window is shrunk first; what
            else happens to y happens to small images.

    Returns:
        (x, y, noise level told to the model): (crop · scale, crop · scale, C) and
        (crop, crop, C); the level in [0, 1] units, −1 where it is not told. Only the
        sigma of white Gaussian noise is told, 0 included; never with JPEG, camera
        noise or blur upon it.
    """
    # In this order, so that another weight leaves the other crops as they were.
    kind = draw_kind(config, rng)
    is_told = rng.random() < config.noise_known
    sides = [side // scale for side in window.shape[:2]]
    top, left = (int(rng.integers(0, side - crop + 1)) for side in sides)
    # Files as they come have their blocks there, which a strided network can know.
    if config.jpeg_aligned and rng.random() < config.jpeg_aligned:
        top = left = 0

    def cut(image: Pixels, times: int = 1) -> Pixels:
        rows, columns = (
            slice(times * start, times * (start + crop)) for start in (top, left)
        )
        return np.ascontiguousarray(image[rows, columns])

    # Grain is a part of x. Not below noise: there it could not be told from it.
    if kind in GRAINED and rng.random() < config.grain:
        window = add_grain(window, _between(config.grain_sigma, rng) / 255.0, rng)
    if scale == 1:
        y, sigma = _DEGRADE[kind](window, cut, config, rng)
    else:
        small = shrink(window, scale, kind, config, rng)
        # What was blurred before it was shrunk is soft enough.
        damage = _worn if kind == "soft" else _DEGRADE[kind]
        y, sigma = damage(small, cut, config, rng)
    return cut(window, scale), y, sigma if is_told else UNKNOWN


def is_clean(config: DegradationConfig) -> bool:
    """Tells whether nothing is ever done to an image, nor said of it."""
    others = sum(getattr(config, kind) for kind in KINDS if kind != "clean")
    return not (others or config.grain or config.noise_known)


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
    is_jpeg, step = rng.random() < config.camera_jpeg, 1.0
    if config.camera_coarse and rng.random() < config.camera_coarse:
        step = _between(config.camera_step, rng)
    if is_jpeg:
        noisy = add_coarse_noise(window, camera, step, rng)
        return cut(_compressed(noisy, config.camera_quality, config, rng)), UNKNOWN
    return to_8_bit(add_coarse_noise(cut(window), camera, step, rng)), UNKNOWN


def _soft(
    window: Pixels, cut: Cut, config: DegradationConfig, rng: np.random.Generator
) -> Degraded:
    return _worn(window, cut, config, rng, soften)


def _worn(
    window: Pixels,
    cut: Cut,
    config: DegradationConfig,
    rng: np.random.Generator,
    soften: Callable[..., Pixels] = lambda x, *_: x,
) -> Degraded:
    """What happens to a soft image: a little noise, JPEG."""
    is_noisy, is_jpeg = rng.random(2) < (config.soft_noise, config.soft_jpeg)
    sigma = _between(config.soft_sigma, rng) / 255.0 if is_noisy else 0.0
    # The whole window, so that few crops see the mirrored edge.
    y = add_gaussian_noise(soften(window, config, rng), sigma, rng)
    if is_jpeg:
        return cut(_compressed(y, config.soft_quality, config, rng)), UNKNOWN
    return to_8_bit(cut(y)), UNKNOWN


_DEGRADE = dict(zip(KINDS, (_clean, _noise, _jpeg, _camera, _soft), strict=True))


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
