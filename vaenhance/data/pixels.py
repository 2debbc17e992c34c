"""The image arrays that all degradations take and return; no degradation itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]  # (H, W, C) in [0, 1]; noise may leave the range


def to_8_bit(x: Pixels) -> Pixels:
    """Clips to [0, 1] and rounds to the 256 values that an 8-bit file can hold."""
    return np.round(np.clip(x, 0.0, 1.0) * 255.0).astype(np.float32) / np.float32(255)
