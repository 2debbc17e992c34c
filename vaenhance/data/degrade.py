"""How a degraded image y is made from a clean image x.

Every function takes and returns float32 (H, W, C) in [0, 1] (noise may leave the
range) and takes its randomness from the generator it is given; strength 0 is the
identity. Which degradation happens how often is ``DegradationConfig``.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vaenhance.config import DegradationConfig

Pixels = NDArray[np.float32]

# JPEG's largest block is 16 pixels (8×8 with 4:2:0 chroma). A clean window has
# this much more than the crop, so that the block grid falls anywhere in it.
GRID = 16

_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


def add_gaussian_noise(x: Pixels, sigma: float, rng: np.random.Generator) -> Pixels:
    """Adds white Gaussian noise; the result is not clipped.

    Args:
        x: image.
        sigma: standard deviation in [0, 1] units (25 on the 0–255 scale is 25/255).
        rng: where the noise comes from.
    """
    if sigma <= 0:
        return x
    return x + np.float32(sigma) * rng.standard_normal(x.shape, dtype=np.float32)


def to_8_bit(x: Pixels) -> Pixels:
    """Clips to [0, 1] and rounds to the 256 values that an 8-bit file can hold."""
    return np.round(np.clip(x, 0.0, 1.0) * 255.0).astype(np.float32) / np.float32(255)


def jpeg(x: Pixels, quality: int, subsampling: str = "4:2:0") -> Pixels:
    """Compresses as an 8-bit JPEG and decodes it again (libjpeg by Pillow).

    Args:
        x: image with 1 or 3 channels; clipped and rounded to 8 bits first.
        quality: 1 to 100.
        subsampling: ``4:2:0``, ``4:2:2`` or ``4:4:4``; of no effect on gray.
    """
    values = np.round(np.clip(x, 0.0, 1.0) * 255.0).astype(np.uint8)
    gray = values.shape[-1] == 1
    image = Image.fromarray(values[..., 0] if gray else values)
    options: dict[str, Any] = {} if gray else {"subsampling": _SUBSAMPLING[subsampling]}
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(quality), **options)
    with Image.open(buffer) as decoded:
        result = np.asarray(decoded, np.float32) / np.float32(255)
    return result[..., None] if gray else result


def gaussian_blur(x: Pixels, sigma: float) -> Pixels:
    """Blurs with an isotropic Gaussian; edges are mirrored.

    Args:
        x: image.
        sigma: standard deviation in pixels.
    """
    if sigma <= 0:
        return x
    radius = max(1, int(np.ceil(3.5 * sigma)))
    offsets = np.arange(-radius, radius + 1, dtype=np.float64)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        margin = [(radius, radius) if i == axis else (0, 0) for i in range(3)]
        padded = np.pad(x, margin, mode="symmetric")
        length = x.shape[axis]
        x = np.zeros_like(x)
        for i, weight in enumerate(kernel):
            part = slice(i, i + length)
            x += weight * (padded[part] if axis == 0 else padded[:, part])
    return x


def resize(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Resamples to side × side pixels (Lanczos, antialiased, by Pillow).

    Args:
        image: (H, W, 1 or 3) 8-bit pixels.
        side: pixels.
    """
    if image.shape[:2] == (side, side):
        return image
    is_gray = image.shape[-1] == 1
    picture = Image.fromarray(image[..., 0] if is_gray else image)
    resized = np.asarray(picture.resize((side, side), Image.Resampling.LANCZOS))
    return resized[..., None] if is_gray else resized


def keep_decoding_memory() -> None:
    """Lets Pillow keep the memory of a picture for the next one; at most 128 MB.

    Given back and taken anew for every photograph, it costs more time in the
    system than decoding does: 142 ms instead of 66 for 12 megapixels (measured).
    Of the whole process, so for training only.
    """
    # Documented by Pillow ("Block Allocator"), but not in its types.
    Image.core.set_blocks_max(8)  # type: ignore[attr-defined]  # blocks of 16 MB


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
        [0, 1] units, −1 where it is not told.
    """
    draws = rng.random(6)
    is_clean = draws[0] < config.clean
    has_noise = not is_clean and draws[1] < config.noise
    has_jpeg = not is_clean and (not has_noise or draws[2] < config.jpeg)
    low, high = config.noise_sigma
    sigma = rng.uniform(low, high) / 255.0 if has_noise else 0.0
    top, left = (int(rng.integers(0, side - crop + 1)) for side in window.shape[:2])

    def cut(image: Pixels) -> Pixels:
        return image[top : top + crop, left : left + crop]

    x = cut(window)
    if has_jpeg:
        worst, best = (int(bound) for bound in config.jpeg_quality)
        quality = int(rng.integers(worst, best + 1))
        chroma = "4:2:0" if draws[3] < config.chroma_420 else "4:4:4"
        y = cut(jpeg(add_gaussian_noise(window, sigma, rng), quality, chroma))
    else:
        y = add_gaussian_noise(x, sigma, rng)
        if draws[4] >= config.unclipped:
            y = to_8_bit(y)
    is_told = draws[5] < config.noise_known
    return x, y, sigma if is_told else -1.0
