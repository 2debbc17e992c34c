"""Blur: the kernels of a lens and of a moving camera, and their convolution.

Kernels are float32, (odd, odd), not negative, of sum 1 and centred, so that they
neither brighten an image nor shift it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vaenhance.data.pixels import Pixels

Kernel = NDArray[np.float32]

REACH = 3.5  # a Gaussian ends at so many standard deviations
NEGLIGIBLE = 1e-4  # weights below this part of the largest one are left out


def gaussian_blur(x: Pixels, sigma: float) -> Pixels:
    """Blurs with an isotropic Gaussian; edges are mirrored.

    Args:
        x: image.
        sigma: standard deviation in pixels.
    """
    if sigma <= 0:
        return x
    radius = max(1, int(np.ceil(REACH * sigma)))
    offsets = np.arange(-radius, radius + 1, dtype=np.float64)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    line = _normalised(weights)
    return convolve(convolve(x, line[:, None]), line[None, :])


def gaussian_kernel(sigmas: tuple[float, float], angle: float) -> Kernel:
    """Returns an anisotropic Gaussian.

    Args:
        sigmas: standard deviations along and across the angle, pixels; below about
            0.7 the grid is too coarse for them and the kernel comes out narrower.
        angle: radians, from the horizontal.
    """
    radius = max(1, int(np.ceil(REACH * max(sigmas))))
    down, right = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    along = right * np.cos(angle) + down * np.sin(angle)
    across = down * np.cos(angle) - right * np.sin(angle)
    exponent = (along / sigmas[0]) ** 2 + (across / sigmas[1]) ** 2
    return _normalised(np.exp(-0.5 * exponent))


def motion_kernel(length: float, angle: float) -> Kernel:
    """Returns the path of a point that moves evenly along a straight line.

    Args:
        length: pixels.
        angle: radians, from the horizontal.
    """
    radius = int(np.ceil(length / 2)) + 1
    side = 2 * radius + 1
    steps = max(2, int(np.ceil(8 * length)))
    path = ((np.arange(steps) + 0.5) / steps - 0.5) * length
    kernel = np.zeros((side, side))
    down, right = path * np.sin(angle) + radius, path * np.cos(angle) + radius
    row, column = np.floor(down).astype(int), np.floor(right).astype(int)
    below, beside = down - row, right - column
    # Every point is shared out to the four pixels around it: no jagged line.
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = (below if i else 1 - below) * (beside if j else 1 - beside)
        np.add.at(kernel, (row + i, column + j), weight)
    return _normalised(kernel)


def convolve(x: Pixels, kernel: Kernel) -> Pixels:
    """Filters every channel with a kernel; edges are mirrored.

    Args:
        x: image.
        kernel: odd sides. Point-symmetric, as the kernels here are, so that
            convolution and correlation are the same.
    """
    height, width = x.shape[:2]
    down, right = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = np.pad(x, ((down, down), (right, right), (0, 0)), mode="symmetric")
    total, part = np.zeros_like(x), np.empty_like(x)
    for i, j in np.argwhere(kernel):
        np.multiply(padded[i : i + height, j : j + width], kernel[i, j], out=part)
        total += part
    return total


def _normalised(kernel: NDArray[np.float64]) -> Kernel:
    kernel = np.where(kernel > NEGLIGIBLE * kernel.max(), kernel, 0.0)
    return (kernel / kernel.sum()).astype(np.float32)
