"""A term for enlargement: shrunk again, the result should be what it came from.

Of clean images the small one is known exactly, so this part of the error has no
noise: E[x|y] shrinks to y. The squared error has the same optimum, but its gradient is
mostly of detail that the small image does not show, and the rest drowns in it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from vaenhance.data import codec
from vaenhance.model.gaussian import calibrated_penalty

# Half an 8-bit level: y that misses the shrunk x by more (root mean square) is
# damaged, and need not be agreed with. Rounding alone misses by 0.3 to 0.45.
CLEAN = 0.5 / 255.0
FLOOR = 0.004  # of the calibrated scale, [0, 1] units: an agreement of 48 dB
EDGE = 2  # pixels of y that depend on more than x shows


def agreement_penalty(x: Any, y: Any, mean: Any) -> Any:
    """Returns ½·log(2π·(d + floor²)) of every image, nats a dimension, (B,).

    d is the mean squared difference of y and the shrunken mean: −log p(y|x̂) of a
    Gaussian whose scale is calibrated as that of the likelihood is. 0 for images
    whose y is not their x shrunk by a bicubic filter.

    Args:
        x: clean images (B, s·h, s·w, C), [0, 1].
        y: (B, h, w, C), s times smaller; for s = 1 nothing is charged.
        mean: E[x|z], as large as x.
    """
    scale = x.shape[1] // y.shape[1]
    if scale == 1:
        return tf.zeros(tf.shape(x)[0])
    inner = y[:, EDGE:-EDGE, EDGE:-EDGE]

    def missed(image: Any) -> Any:
        difference = _shrunk(image, scale) - inner
        return tf.reduce_mean(tf.square(difference), axis=[1, 2, 3])

    is_clean = tf.cast(missed(x) < CLEAN**2, tf.float32)
    return is_clean * calibrated_penalty(missed(mean), FLOOR)


def _shrunk(image: Any, scale: int) -> Any:
    """Shrinks by Pillow's bicubic filter, without the outer ``EDGE`` pixels."""
    taps, start = filter_taps(scale)
    channels = image.shape[-1]
    kernel = np.einsum("i,j->ij", taps, taps)[..., None, None].repeat(channels, 2)
    # Both ends alike: as much is left out at the end as at the start.
    end = -start or None
    return tf.nn.depthwise_conv2d(
        tf.cast(image, tf.float32)[:, start:end, start:end],
        tf.constant(kernel, tf.float32),
        (1, scale, scale, 1),
        "VALID",
    )


@cache
def filter_taps(scale: int) -> tuple[NDArray[np.float32], int]:
    """Returns the weights of a pixel of y, and where they start for pixel ``EDGE``."""
    count = 9
    each = np.eye(count * scale, dtype=np.float32)[..., None]
    row = codec.to_size(each, (count, count * scale), "bicubic")[count // 2, :, 0]
    used = np.flatnonzero(np.abs(row) > 1e-7)
    first, last = int(used[0]), int(used[-1])
    return row[first : last + 1], first - (count // 2 - EDGE) * scale
