"""How close an estimate is to its reference: PSNR and SSIM, in NumPy alone.

Not a training loss, and not a judge of beauty: both compare with a known
reference. Nothing here reads files or knows of models.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

SSIM_WINDOW = 11  # pixels; an image has to be at least this wide and high
_SSIM_SIGMA = 1.5
_K1, _K2 = 0.01, 0.03  # Wang et al. 2004, section III-B
# Rows filtered at a time: the working set stays in the processor's cache.
_STRIP = 64

# MATLAB's rgb2ycbcr (ITU-R BT.601, "studio swing"), for RGB in [0, 1].
_LUMA_WEIGHTS = np.array([65.481, 128.553, 24.966]) / 255.0
_LUMA_OFFSET = 16.0 / 255.0


def psnr(x: Array, estimate: Array, data_range: float = 1.0) -> float:
    """Peak signal-to-noise ratio over all pixels and channels.

    Args:
        x: The reference, any shape, usually (H, W, 3) in [0, 1].
        estimate: Same shape and scale; values outside the range count as they
            are, so clip first where the protocol says so.
        data_range: Distance between black and white.

    Returns:
        Decibels; infinity where the two are equal.

    Raises:
        ValueError: The shapes differ, or there are no pixels.
    """
    _check_shapes(x, estimate)
    error = np.subtract(x, estimate, dtype=np.float64)
    mse = float(np.mean(np.square(error, out=error)))
    if mse == 0.0:
        return float("inf")
    return float(10.0 * np.log10(data_range**2 / mse))


def ssim(x: Array, estimate: Array) -> float:
    """Structural similarity of Wang et al. 2004, averaged over the channels.

    Gaussian window of 11x11 pixels with a standard deviation of 1.5, weighted
    (not sample) covariances, and only those positions where the whole window
    lies inside the image. The same numbers as scikit-image with
    ``gaussian_weights=True, sigma=1.5, use_sample_covariance=False``.

    Args:
        x: The reference, (H, W) or (H, W, C), black 0 and white 1.
        estimate: Same shape and scale.

    Returns:
        1 for equal images, around 0 for unrelated ones.

    Raises:
        ValueError: The shapes differ, or a side is shorter than 11 pixels.
    """
    _check_shapes(x, estimate)
    if x.ndim not in (2, 3) or min(x.shape[:2]) < SSIM_WINDOW:
        raise ValueError(
            f"SSIM expected an image of at least {SSIM_WINDOW}x{SSIM_WINDOW} "
            f"pixels. Received: shape {x.shape}"
        )
    first = x.reshape((*x.shape[:2], -1))
    second = estimate.reshape(first.shape)
    rows = first.shape[0] - SSIM_WINDOW + 1
    columns = first.shape[1] - SSIM_WINDOW + 1
    total = 0.0
    for channel in range(first.shape[2]):
        for top in range(0, rows, _STRIP):
            strip = slice(top, min(top + _STRIP, rows) + SSIM_WINDOW - 1)
            a = first[strip, :, channel].astype(np.float64)
            b = second[strip, :, channel].astype(np.float64)
            total += float(np.sum(_ssim_map(a, b)))
    return float(total / (rows * columns * first.shape[2]))


def luma(image: Array) -> Array:
    """Y of YCbCr as MATLAB's ``rgb2ycbcr`` computes it (ITU-R BT.601).

    Args:
        image: (..., 3), RGB in [0, 1]; values outside are carried on linearly.

    Returns:
        (...) with black at 16/255 and white at 235/255; float32 stays float32.

    Raises:
        ValueError: The last axis does not hold three channels, or the numbers
            are integers.
    """
    if image.ndim < 1 or image.shape[-1] != 3 or image.dtype.kind != "f":
        raise ValueError(
            "luma expected floating-point RGB with 3 channels last. "
            f"Received: {image.dtype}, shape {image.shape}"
        )
    y: Array = (image @ _LUMA_WEIGHTS + _LUMA_OFFSET).astype(image.dtype)
    return y


def crop_border(image: Array, border: int) -> Array:
    """The image without its outermost pixels (a view).

    Args:
        image: (H, W) or (H, W, C).
        border: Pixels left out on each of the four sides; 0 keeps all.

    Raises:
        ValueError: The border is negative, or nothing would be left.
    """
    height, width = image.shape[:2]
    if border < 0 or 2 * border >= min(height, width):
        raise ValueError(
            f"expected a border from 0 to less than half of {width}x{height} "
            f"pixels. Received: border={border}"
        )
    return image[border : height - border, border : width - border]


def _check_shapes(x: Array, estimate: Array) -> None:
    """Refuse what NumPy would broadcast, and what has no mean."""
    if x.shape != estimate.shape or x.size == 0:
        raise ValueError(
            "expected two arrays of one shape, with pixels in it. "
            f"Received: {x.shape} and {estimate.shape}"
        )


def _gaussian_taps() -> list[float]:
    """The normalised half window, centre first."""
    offset = np.arange(SSIM_WINDOW // 2 + 1)
    taps = np.exp(-0.5 * (offset / _SSIM_SIGMA) ** 2)
    return [float(tap) for tap in taps / (taps[0] + 2.0 * taps[1:].sum())]


_TAPS = _gaussian_taps()


def _blur(image: Array) -> Array:
    """Gaussian mean over each window that fits: (H, W) -> (H - 10, W - 10)."""
    return _blur_rows(_blur_rows(image).T).T


def _blur_rows(image: Array) -> Array:
    """Filter down the first axis, adding the two symmetric rows before scaling."""
    centre = SSIM_WINDOW // 2
    rows = image.shape[0] - 2 * centre
    total = image[centre : centre + rows] * _TAPS[0]
    pair = np.empty_like(total)
    for offset, tap in enumerate(_TAPS[1:], start=1):
        above, below = centre - offset, centre + offset
        np.add(image[above : above + rows], image[below : below + rows], out=pair)
        pair *= tap
        total += pair
    return total


def _ssim_map(a: Array, b: Array) -> Array:
    """Local SSIM, equation 13 of the paper, for one channel."""
    c1, c2 = _K1**2, _K2**2
    mean_a, mean_b = _blur(a), _blur(b)
    product = mean_a * mean_b
    squares = mean_a**2 + mean_b**2
    # Only the sum of the two variances is needed: four blurs do, not five.
    covariance = _blur(a * b) - product
    variances = _blur(a**2 + b**2) - squares
    similarity: Array = ((2.0 * product + c1) * (2.0 * covariance + c2)) / (
        (squares + c1) * (variances + c2)
    )
    return similarity
