"""Ways between two latents: straight, or on a sphere. NumPy only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]
METHODS = ("spherical", "linear")

_PARALLEL = 1e-6  # radians; below this the sphere is flat


def between(
    start: Sequence[Pixels], end: Sequence[Pixels], method: str
) -> Callable[[float], tuple[float, float]]:
    """Returns the weights of two vectors on the way from one to the other.

    The vectors may come in pieces, such as tiles: the angle is that of the whole.

    Args:
        start: pieces of one vector.
        end: pieces of the other, of the same shapes.
        method: ``linear``: (1 − t)·a + t·b. ``spherical``: a and b by
            sin((1 − t)·ω)/sin ω and sin(t·ω)/sin ω, ω the angle between them
            (Shoemake 1985), so that the length of draws from a normal distribution
            does not shrink on the way.

    Returns:
        A function of t in 0..1: (weight of start, weight of end); exactly (1, 0) at 0
        and (0, 1) at 1.
    """
    angle = _angle(start, end) if method == "spherical" else 0.0

    def weights(t: float) -> tuple[float, float]:
        if t in (0.0, 1.0) or min(angle, np.pi - angle) < _PARALLEL:
            return 1.0 - t, t
        return (
            float(np.sin((1.0 - t) * angle) / np.sin(angle)),
            float(np.sin(t * angle) / np.sin(angle)),
        )

    return weights


def _angle(start: Sequence[Pixels], end: Sequence[Pixels]) -> float:
    """Returns the angle between two vectors, radians; 0 where one is nothing."""

    def dot(one: Sequence[Pixels], other: Sequence[Pixels]) -> float:
        pairs = zip(one, other, strict=True)
        return sum(float(np.vdot(a.astype(np.float64), b)) for a, b in pairs)

    length = np.sqrt(dot(start, start) * dot(end, end))
    if length == 0.0:
        return 0.0
    return float(np.arccos(np.clip(dot(start, end) / length, -1.0, 1.0)))
