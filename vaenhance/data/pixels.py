"""The image arrays that all degradations take and return; no degradation itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]  # (H, W, C) in [0, 1]; noise may leave the range
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601: gray from RGB


def to_8_bit(x: Pixels) -> Pixels:
    """Clips to [0, 1] and rounds to the 256 values that an 8-bit file can hold."""
    return np.round(np.clip(x, 0.0, 1.0) * 255.0).astype(np.float32) / np.float32(255)


def middle(image: NDArray[Any], side: int) -> NDArray[Any]:
    """Returns a copy of the middle of an image, so that the whole can be dropped.

    Args:
        image: (H, W, C).
        side: pixels; a shorter side of the image is taken whole.
    """
    top, left = (max(length - side, 0) // 2 for length in image.shape[:2])
    return image[top : top + side, left : left + side].copy()
