"""Styles, and the transform that is bent until its result has a style's colours.

A style is a look and colours. The look is the model's: a latent, from which a transform
is decoded. The colours are measured: means and deviations in CIELAB of the reference,
as in Reinhard et al. 2001. They are matched by eight numbers of the transform, so that
what ``grading`` promises of a transform still holds: curves rise, nothing is seen at
edges, 16 bits stay smooth.

| number | what it does |
| --- | --- |
| 1 | stretches the colours' curves around their means in the domain s |
| 2 | stretch one colour's more than another's |
| 3 | lift them |
| 2 | saturation and mid-tones of the result |
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance.color import to_lab, to_srgb
from vaenhance.grading import (
    BRIGHTEST,
    Array,
    Pixels,
    Transform,
    curve,
    from_domain,
    spline,
    stretched,
    to_domain,
)
from vaenhance.thumbnails import places

STATISTICS = 6
SEEN = 256  # pixels a side, at most, that a reference is measured on
# Limits of the numbers; a harder stretch would cost the structure of the picture.
LARGEST = np.array([np.log(2.5), *[np.log(1.5)] * 2, *[0.5] * 3, 0.9, np.log(2.0)])
# What a number costs, in units of L*, at its limit: of two ways the shorter is taken.
# Curves that cross give a gray two hues, one in its shadows and one in its lights.
COST = np.array([6.0, *[12.0] * 2, *[3.0] * 3, 6.0, 6.0])
SHARES = np.array([[1.0, 1.0, 0.5], [1.0, -1.0, 0.5], [1.0, 0.0, -1.0]])
STEPS, DAMPING, PROBE = 10, 1.0, 1e-3
GRAY = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class Style:
    """What a photograph is to look like.

    Attributes:
        look: (D,) float32, a latent of the model.
        colours: (6,) float32, means and standard deviations of L*, a*, b*.
    """

    look: Pixels
    colours: Pixels


def mean_style(styles: Sequence[Style]) -> Style:
    """Returns the mean of styles, each counted alike."""
    look = np.mean([style.look for style in styles], axis=0)
    colours = np.mean([style.colours for style in styles], axis=0)
    return Style(look.astype(np.float32), colours.astype(np.float32))


def between(start: Style, end: Style, part: float, method: str) -> Style:
    """Returns a style on the way between two; ``spherical``: the look along the arc."""
    lengths = float(np.linalg.norm(start.look) * np.linalg.norm(end.look))
    cosine = float(start.look @ end.look) / max(lengths, 1e-9)
    angle = float(np.arccos(np.clip(cosine, -1, 1)))
    first, second = 1 - part, part
    if method == "spherical" and np.sin(angle) > 1e-4:
        first, second = (np.sin(w * angle) / np.sin(angle) for w in (first, second))
    look = first * start.look + second * end.look
    colours = (1 - part) * start.colours + part * end.colours
    return Style(look.astype(np.float32), colours.astype(np.float32))


def measured(image: NDArray[Any]) -> Pixels:
    """Returns the colours of an image (H, W, 3) of any size and depth, as a style's."""
    rows, columns = (places(n, min(n, SEEN)) for n in image.shape[:2])
    few = image[rows][:, columns]
    largest = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1
    return statistics(few / np.float64(largest))


def statistics(image: Array) -> Pixels:
    """Returns means and standard deviations of L*, a*, b*, (6,) float32.

    Args:
        image: (..., 3) in [0, 1].
    """
    lab = to_lab(image).reshape(-1, 3)
    found = np.concatenate([lab.mean(axis=0), lab.std(axis=0)])
    return found.astype(np.float32)


def matched(transform: Transform, picture: Pixels, wanted: Pixels) -> Transform:
    """Returns the transform, bent so that the picture's result measures as wanted.

    Levenberg–Marquardt steps on the eight numbers, from where the transform is; the
    derivatives are differences, since a thumbnail is soon computed.

    Args:
        transform: of the picture.
        picture: (H, W, 3) float32 in [0, 1]; a thumbnail will do.
        wanted: (6,) as ``statistics`` gives them.
    """
    bent = _Bent(transform, picture)
    goal = np.concatenate([wanted, np.zeros(len(LARGEST))])

    def residual(numbers: Array) -> Array:
        # Soft limits: what is asked beyond them comes at most to them.
        measured = statistics(bent.result(LARGEST * np.tanh(numbers)))
        return np.concatenate([measured, COST * numbers]) - goal

    numbers = _least(residual, np.zeros(len(LARGEST)))
    return bent.transform(LARGEST * np.tanh(numbers))


def _least(residual: Callable[[Array], Array], start: Array) -> Array:
    """Minimises the squared norm of a residual; never ends above where it starts."""
    numbers, damping = start, DAMPING
    now = residual(numbers)
    for _ in range(STEPS):
        jacobian = np.stack(
            [
                (residual(numbers + PROBE * axis) - now) / PROBE
                for axis in np.eye(len(start))
            ],
            axis=-1,
        )
        normal = jacobian.T @ jacobian
        while damping < 1e4:
            damped = normal + damping * np.diag(np.diag(normal))
            step = np.linalg.solve(damped, -jacobian.T @ now)
            then = residual(numbers + step)
            if then @ then < now @ now:
                numbers, now, damping = numbers + step, then, damping / 4
                break
            damping *= 4
        else:
            break
    return numbers


class _Bent:
    """A transform whose curves, matrix and tone curve are bent by eight numbers."""

    def __init__(self, transform: Transform, picture: Pixels) -> None:
        self._start = transform
        s = to_domain(stretched(picture, transform).astype(np.float64))
        self._curved = np.stack(
            [
                curve(s[..., c], transform.slopes[c], float(transform.offsets[c]))
                for c in range(3)
            ],
            axis=-1,
        )
        self._middle = self._curved.mean(axis=(0, 1))
        cells = len(transform.gains)
        down, across = (spline(side, cells) for side in picture.shape[:2])
        self._gain = np.exp2(down @ transform.gains @ across.T)[..., None]

    def transform(self, numbers: Array) -> Transform:
        """Returns the transform of these numbers; of zeros, the one to start from."""
        stretch, lift = np.exp(SHARES @ numbers[:3]), numbers[3:6]
        start = self._start
        offsets = self._middle + lift + stretch * (start.offsets - self._middle)
        return dataclasses.replace(
            start,
            slopes=(start.slopes * stretch[:, None]).astype(np.float32),
            offsets=offsets.astype(np.float32),
            matrix=(_saturation(numbers[6]) @ start.matrix).astype(np.float32),
            tone=(start.tone * _tilt(numbers[7], len(start.tone))).astype(np.float32),
        )

    def result(self, numbers: Array) -> Array:
        """Returns the picture after the transform of these numbers."""
        stretch, lift = np.exp(SHARES @ numbers[:3]), numbers[3:6]
        s = self._middle + lift + stretch * (self._curved - self._middle)
        light = from_domain(np.minimum(s, 1.5))
        light = light @ (_saturation(numbers[6]) @ self._start.matrix).T
        light = np.clip(light * self._gain, 0, BRIGHTEST)
        tone = self._start.tone * _tilt(numbers[7], len(self._start.tone))
        toned = curve(to_domain(light), tone, self._start.tone_offset)
        return np.clip(to_srgb(from_domain(np.minimum(toned, 1.5))), 0, 1)


def _saturation(amount: float) -> Array:
    """Returns the matrix that moves light away from its gray; −1 is gray."""
    gray = np.broadcast_to(GRAY, (3, 3))
    matrix: Array = (1 + amount) * np.eye(3) - amount * gray
    return matrix


def _tilt(amount: float, count: int) -> Array:
    """Returns factors of slopes: a convex curve above 0, a concave one below."""
    tilt = np.exp(amount * np.linspace(-1, 1, count))
    factors: Array = tilt / ((tilt[1:] + tilt[:-1]).mean() / 2)
    return factors
