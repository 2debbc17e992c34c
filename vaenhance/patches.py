"""Small patches of an image, evenly spread: what a thumbnail of single pixels lacks.

Three pixels in a row across an edge are mixtures of its two sides. A power that was
applied to the picture bends these mixtures, and tells itself by it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.thumbnails import places

Pixels = NDArray[np.float32]

SIDE = 3  # pixels a side of a patch
NUMBERS = SIDE * SIDE * 3  # of one patch
LARGE = (
    1280  # a longer side is of a finer picture: a patch has every second pixel of it
)


def cut_patches(image: NDArray[Any], count: int) -> NDArray[Any]:
    """Returns count × count patches as one picture, side by side.

    Args:
        image: (H, W, 3) of any type; beyond its edge the last pixel is repeated.
        count: patches along each side.

    Returns:
        (3·count, 3·count, 3) of the same type.
    """
    apart = max(1, round(max(image.shape[:2]) / LARGE))
    near = apart * np.arange(-1, 2)
    rows, columns = (
        np.clip(places(length, count)[:, None] + near, 0, length - 1).ravel()
        for length in image.shape[:2]
    )
    found: NDArray[Any] = image[rows][:, columns]
    return found


def as_channels(patches: Pixels) -> Pixels:
    """Returns patches (3n, 3n, 3) as (n, n, 27): what is of one in its channels."""
    n = len(patches) // SIDE
    parted = patches.reshape(n, SIDE, n, SIDE, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(parted.reshape(n, n, NUMBERS))
