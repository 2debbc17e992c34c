"""Colour spaces of arrays: sRGB, linear light, CIELAB, and the distance CIEDE2000.

Plain functions of NumPy arrays, colours in the last axis. ICC profiles are not known
here: what a file's numbers mean is a matter of ``photo``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

# Luminance of linear sRGB (IEC 61966-2-1, from ITU-R BT.709).
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])  # D65, 2 degrees
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27  # CIE 15:2004


def to_linear(x: Array) -> Array:
    """Returns linear light of sRGB values in [0, 1]; float32 stays float32.

    Below 0 and above 1 the curve is carried on; it is odd around 0.
    """
    size = np.abs(x)
    curved = ((size + x.dtype.type(0.055)) / x.dtype.type(1.055)) ** x.dtype.type(2.4)
    light = np.where(size <= 0.04045, size / x.dtype.type(12.92), curved)
    result: Array = np.copysign(light, x)
    return result


def to_srgb(light: Array) -> Array:
    """Returns sRGB values of linear light, the inverse of ``to_linear``."""
    size = np.abs(light)
    kind = light.dtype.type
    curved = kind(1.055) * size ** kind(1 / 2.4) - kind(0.055)
    x = np.where(size <= 0.0031308, size * kind(12.92), curved)
    result: Array = np.copysign(x, light)
    return result


def to_lab(x: Array) -> Array:
    """Returns CIELAB (D65) of sRGB values, (..., 3): L* in 0..100, a*, b*.

    Args:
        x: (..., 3) in [0, 1]; clipped first, as a screen would.
    """
    xyz = to_linear(np.clip(x, 0.0, 1.0).astype(np.float64)) @ (_TO_XYZ.T / _WHITE)
    f = np.where(xyz > _EPSILON, np.cbrt(xyz), (_KAPPA * xyz + 16) / 116)
    lightness = 116 * f[..., 1] - 16
    red_green = 500 * (f[..., 0] - f[..., 1])
    yellow_blue = 200 * (f[..., 1] - f[..., 2])
    return np.stack([lightness, red_green, yellow_blue], axis=-1)


def from_lab(lab: Array) -> Array:
    """Returns sRGB values of CIELAB, (..., 3); what no screen has is not clipped."""
    middle = (lab[..., 0] + 16) / 116
    f = np.stack([middle + lab[..., 1] / 500, middle, middle - lab[..., 2] / 200], -1)
    xyz = np.where(f**3 > _EPSILON, f**3, (116 * f - 16) / _KAPPA) * _WHITE
    return to_srgb(xyz @ np.linalg.inv(_TO_XYZ).T)


def ciede2000(first: Array, second: Array) -> Array:
    """Returns the colour difference ΔE00 of CIELAB colours, (...).

    Sharma, Wu & Dalal 2005, "The CIEDE2000 color-difference formula"; weights
    k_L = k_C = k_H = 1.

    Args:
        first: (..., 3) CIELAB.
        second: same shape.
    """
    l1, a1, b1 = np.moveaxis(np.asarray(first, np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(second, np.float64), -1, 0)
    mean_c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(mean_c7 / (mean_c7 + 25.0**7))
    c1, c2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = (
        np.degrees(np.arctan2(b, stretch * a)) % 360 for a, b in ((a1, b1), (a2, b2))
    )
    d_h, mean_h = _hues(h1, h2, c1 * c2 == 0)
    d_l, d_c = l2 - l1, c2 - c1
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(d_h / 2))
    return _weighted(d_l, d_c, d_hue, (l1 + l2) / 2, (c1 + c2) / 2, mean_h)


def _hues(h1: Array, h2: Array, is_gray: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Returns (difference, mean) of hue angles in degrees, the short way round."""
    difference = (h2 - h1 + 180) % 360 - 180
    difference = np.where((h2 - h1 == 180), 180.0, difference)
    total = h1 + h2
    is_far = np.abs(h1 - h2) > 180
    mean = np.where(is_far, np.where(total < 360, total + 360, total - 360), total) / 2
    return np.where(is_gray, 0.0, difference), np.where(is_gray, total, mean)


def _weighted(
    d_l: Array, d_c: Array, d_hue: Array, mean_l: Array, mean_c: Array, mean_h: Array
) -> Array:
    """Equations 15 to 22 of the paper."""
    t = (
        1
        - 0.17 * np.cos(np.radians(mean_h - 30))
        + 0.24 * np.cos(np.radians(2 * mean_h))
        + 0.32 * np.cos(np.radians(3 * mean_h + 6))
        - 0.20 * np.cos(np.radians(4 * mean_h - 63))
    )
    squared = (mean_l - 50) ** 2
    s_l = 1 + 0.015 * squared / np.sqrt(20 + squared)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    angle = 30 * np.exp(-(((mean_h - 275) / 25) ** 2))
    rotation = (
        -np.sin(np.radians(2 * angle)) * 2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7))
    )
    lightness, chroma, hue = d_l / s_l, d_c / s_c, d_hue / s_h
    total = lightness**2 + chroma**2 + hue**2 + rotation * chroma * hue
    result: Array = np.sqrt(np.maximum(total, 0))
    return result
