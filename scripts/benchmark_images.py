"""The photographs of a benchmark that are made for it: of a size, or cut out.

Not for measuring: those of the user's folder that are measured as they are, are
degraded by `vaenhance evaluate`'s own functions, and so are these.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vaenhance import photo
from vaenhance.errors import PhotoError, VaenhanceError
from vaenhance.workflows import evaluate, pairs

FULL = (4000, 3000)  # pixels: the 12 megapixels of a telephone
SMALL = 256  # pixels a side of the first image


def make_photograph(source: Path, width: int, height: int, seed: int) -> np.ndarray:
    """A noisy 8-bit photograph of a size: a clean one, mirrored as often as needed."""
    pixels = photo.read_pixels(source)
    missing = (max(0, height - pixels.shape[0]), max(0, width - pixels.shape[1]), 0)
    pixels = np.pad(pixels, [(0, n) for n in missing], mode="symmetric")
    x = pixels[:height, :width].astype(np.float32) / np.float32(255)
    row = evaluate.Degradation(noise=25.0)
    y = evaluate.degrade_image(x, row, evaluate.Settings(clip=True, seed=seed), "speed")
    return np.rint(y * 255).astype(np.uint8)


def sizes(megapixels: float, crop: int, full: bool) -> dict[str, tuple[int, int]]:
    """Width and height of the photographs to be made, by name."""
    shrink = (megapixels * 1e6 / (FULL[0] * FULL[1])) ** 0.5
    width, height = (max(1, round(side * shrink)) for side in FULL)
    found = {"first": (SMALL, SMALL), "crop": (crop, crop), "speed": (width, height)}
    return {**found, "full": FULL} if full else found


def write_photographs(
    source: Path, wanted: Mapping[str, tuple[int, int]], seed: int, folder: Path
) -> None:
    """Writes NAME.npy for each, and first.png for the command line."""
    for name, (width, height) in wanted.items():
        image = make_photograph(source, width, height, seed)
        np.save(folder / f"{name}.npy", image)
        if name == "first":
            photo.save_png(image, folder / "first.png")


def first_readable(
    images: Sequence[pairs.Pair],
) -> tuple[Path, list[pairs.Failure]]:
    """The first photograph that can be read, and those before it that cannot.

    Raises:
        VaenhanceError: None can.
    """
    failures: list[pairs.Failure] = []
    for pair in images:
        try:
            photo.read_pixels(pair.source)
        except PhotoError as error:
            failures.append(pairs.Failure(pair.name, str(error)))
        else:
            return pair.source, failures
    told = "; ".join(f"{one.image}: {one.reason}" for one in failures[:3])
    raise VaenhanceError(f"no photograph can be read: {told}")


def write_crops(images: Sequence[pairs.Pair], side: int, folder: Path) -> None:
    """Writes the middle of each photograph as PNG, under its name and ".png"."""
    for pair in images:
        with contextlib.suppress(PhotoError):  # named when it is to be measured
            pixels = photo.read_pixels(pair.source)
            top, left = (max(0, length - side) // 2 for length in pixels.shape[:2])
            middle = pixels[top : top + side, left : left + side]
            # With its own extension: a.jpg and a.png are two photographs.
            target = folder / f"{pair.name}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            photo.save_png(np.ascontiguousarray(middle), target)
