"""Drawn looks on one photograph: for ``sample --apply``, where a sheet shows them.

The photograph is shrunken, so that a sheet of it can be looked at; its looks are those
of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vaenhance import grading, photo
from vaenhance.errors import PhotoError, UsageProblem

LONGEST = 480  # pixels of the longer side, when no size is asked for


class LookModel(Protocol):
    """What is needed of ``api_look.LookModel``."""

    def sample(
        self, count: int, *, temperature: float = 1.0, seed: int = 0
    ) -> NDArray[np.float32]:
        """Draws looks, (count, D)."""

    def transform(
        self, image: NDArray[Any], look: NDArray[np.float32] | None = None
    ) -> grading.Transform:
        """Returns the transform that gives an image a look."""


class Gradings:
    """Draws gradings of one photograph; a ``sample.Sampler``.

    Args:
        model: of looks.
        picture: the photograph; what of it is transparent is shown, but not judged.
    """

    def __init__(self, model: LookModel, picture: photo.Photo) -> None:
        self._model, self._pixels = model, picture.pixels
        self._judged = photo.seen_everywhere(picture.pixels, picture.alpha)

    def samples(
        self,
        count: int,
        *,
        size: tuple[int, int] | None = None,
        temperature: float | Sequence[float] = 1.0,
        seed: int = 0,
        label: str | Sequence[str] | None = None,
    ) -> Iterator[NDArray[np.float32]]:
        """Yields ``count`` times (H, W, 3) in [0, 1].

        Args:
            count: how many.
            size: largest height and width, pixels; None: ``LONGEST`` both.
            temperature: 0 is the mean of all looks, 1 the prior.
            seed: decides the looks.
            label: not for looks; named ones are styles of ``enhance``.

        Raises:
            UsageProblem: classes or several temperatures are named.
        """
        check(label, temperature)
        wild = float(np.ravel(temperature)[0])
        small = shrunken(self._pixels, *(size or (LONGEST, LONGEST)))
        looks = self._model.sample(count, temperature=wild, seed=seed)
        transform = self._model.transform
        return (grading.apply(small, transform(self._judged, look)) for look in looks)


def check(
    label: str | Sequence[str] | None, temperature: float | Sequence[float]
) -> None:
    """Refuses what looks do not have.

    Raises:
        UsageProblem: classes or several temperatures are named.
    """
    if label or label == "":
        raise UsageProblem(
            "a look has no classes: leave --class out (named looks are for "
            "enhance --style)"
        )
    if np.size(temperature) != 1:
        raise UsageProblem(
            "a look has one level, and so one temperature: give one --temperature, "
            f"received {np.size(temperature)}"
        )


def read_photograph(path: Path) -> tuple[photo.Photo, bytes | None]:
    """Reads the photograph that looks are applied to.

    Returns:
        It, and the profile that says what the colours of its pixels are.

    Raises:
        UsageProblem: it cannot be read.
    """
    try:
        read = photo.read_photo(path)
    except PhotoError as error:
        raise UsageProblem(f"--apply {path}: {error}") from error
    return read, photo.of_colors(read.metadata.icc_profile)


def shrunken(image: NDArray[Any], height: int, width: int) -> NDArray[np.float32]:
    """Returns an image that fits, in [0, 1]; means of pixels, one that fits as it is.

    Args:
        image: (H, W, 3) uint8 or uint16.
        height: largest, pixels.
        width: largest, pixels.
    """
    scale = min(height / image.shape[0], width / image.shape[1], 1.0)
    sides = [max(1, round(side * scale)) for side in image.shape[:2]]
    result = image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)
    for axis, side in enumerate(sides):
        edges = (np.arange(side) * image.shape[axis] / side).astype(np.intp)
        counts = np.diff([*edges, image.shape[axis]]).astype(np.float32)
        sums = np.add.reduceat(result, edges, axis=axis)
        result = sums / np.expand_dims(counts, tuple({0, 1, 2} - {axis}))
    return np.asarray(result, np.float32)
