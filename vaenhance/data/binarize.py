"""Gray images as images of bits, for likelihoods of binary images.

A gray value is read as the probability that its pixel is white, which is how
published likelihoods of MNIST are made (Salakhutdinov & Murray 2008): drawn anew
every time ("dynamic"), or once and for all ("static").
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from vaenhance.data.pixels import Pixels

NONE, DYNAMIC, STATIC = "none", "dynamic", "static"  # choices of data.binarize


def binarize(x: Pixels, how: str, rng: np.random.Generator) -> Pixels:
    """Draws bits, each 1 with the probability of its gray value.

    Args:
        x: images (..., H, W, C) in [0, 1].
        how: ``none`` leaves them as they are; ``dynamic`` draws by ``rng``;
            ``static`` draws by the image itself, so that it always has the same bits;
            a turned or cut one has others, and no run may begin with both.
        rng: used by ``dynamic`` only.

    Returns:
        The same shape, float32; 0 and 1 only unless ``how`` is ``none``.
    """
    if how == NONE:
        return x
    if how == DYNAMIC:
        return _draw(x, rng)
    if x.ndim > 3:
        return np.stack([binarize(one, how, rng) for one in x])
    checksum = zlib.crc32(np.ascontiguousarray(x).tobytes())
    return _draw(x, np.random.default_rng(checksum))


def _draw(x: Pixels, rng: np.random.Generator) -> Pixels:
    # [0, 1): black stays black, white stays white.
    drawn: NDArray[np.float32] = rng.random(x.shape, np.float32)
    return (drawn < x).astype(np.float32)
