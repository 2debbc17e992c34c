"""Random clean windows of images: place, scale and orientation.

Nothing is degraded here; which image and which random generator come from
``pipeline``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vaenhance.config import Config
from vaenhance.data.codec import GRID, half_chroma, resize
from vaenhance.data.graphics import draw_graphic
from vaenhance.data.pixels import LUMA, Pixels

MOST_TRIES = 8  # windows looked at for one with enough detail, or the candidates


def draw_window(
    image: NDArray[np.uint8], config: Config, rng: np.random.Generator, scale: int = 1
) -> Pixels:
    """Cuts a random clean window out of an image, downscaled and turned at random.

    Of ``detail_candidates`` places the one with the steepest gradients is taken;
    flat places are drawn again. A part, ``graphics``, is drawn instead of cut.

    Args:
        image: (H, W, C) 8-bit pixels, each side at least crop · scale.
        config: of the windows.
        rng: decides everything.
        scale: x is so many times as large as y, and the crop is that of y.

    Returns:
        float32 (side, side, channels), side a multiple of ``scale`` between
        crop · scale and (crop + GRID) · scale; with ``data.whole`` the whole picture
        at crop × crop.
    """
    data, channels = config.data, config.model.channels
    is_drawn = False
    if data.whole:
        window = resize(image, data.crop)
    elif data.graphics and rng.random() < data.graphics:
        window = draw_graphic((data.crop + GRID) * scale, rng)
        is_drawn = True
    else:
        shortest = min(image.shape[:2])
        side = min((data.crop + GRID) * scale, shortest // scale * scale)
        # The square makes small factors frequent: they are dense in detail, and texture
        # is what a model mistakes for noise when it has seen too little of it.
        factor = data.min_scale + (1.0 - data.min_scale) * rng.random() ** 2
        factor = max(factor, side / shortest)
        size = round(side / factor)
        top, left = _choose_place(image, size, config, rng)
        window = resize(image[top : top + size, left : left + size], side)
    if data.flip:
        window = np.rot90(window, int(rng.integers(4)))
        if rng.random() < 0.5:
            window = window[:, ::-1]
    elif data.mirror and rng.random() < 0.5:
        window = window[:, ::-1]
    x = to_floats(window, channels)
    is_photo = not is_drawn and channels == 3
    if is_photo and data.half_chroma and rng.random() < data.half_chroma:
        return half_chroma(x)
    return x


def to_floats(pixels: NDArray[np.uint8], channels: int) -> Pixels:
    """Returns images (..., H, W, 1 or 3) in [0, 1], gray or in colours as asked."""
    x: Pixels = np.ascontiguousarray(pixels, np.float32) / np.float32(255)
    if channels == 1 and x.shape[-1] == 3:
        return (x @ LUMA)[..., None].astype(np.float32)
    return np.repeat(x, channels, axis=-1) if x.shape[-1] < channels else x


def _choose_place(
    image: NDArray[np.uint8], side: int, config: Config, rng: np.random.Generator
) -> tuple[int, int]:
    """Returns (top, left) of a square window, pixels."""
    best, best_detail = (0, 0), -1.0
    for tries in range(1, max(MOST_TRIES, config.data.detail_candidates) + 1):
        top, left = (int(rng.integers(0, n - side + 1)) for n in image.shape[:2])
        if config.data.detail_candidates == 1 and not config.data.flat_threshold:
            return top, left
        found = _detail(image[top : top + side, left : left + side])
        if found > best_detail:
            best, best_detail = (top, left), found
        is_enough = tries >= config.data.detail_candidates
        if is_enough and best_detail >= config.data.flat_threshold:
            break
    return best


def _detail(window: NDArray[np.uint8]) -> float:
    """Returns the mean absolute gradient of a window, [0, 1] units."""
    step = max(1, window.shape[0] // 64)
    # Plane by plane and in integers: several times as fast as a mean over colours,
    # and this runs for every window that is looked at.
    channels = window.shape[-1]
    total = window[::step, ::step, 0].astype(np.int16)
    for channel in range(1, channels):
        total += window[::step, ::step, channel]
    across = np.abs(total[:, 1:] - total[:, :-1]).mean()
    down = np.abs(total[1:] - total[:-1]).mean()
    return float(across + down) / (510.0 * channels)
