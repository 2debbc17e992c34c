"""Which images are measured, and against which references.

Not for degrading or measuring: ``evaluate`` does.
"""

from __future__ import annotations

import contextlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from vaenhance import metrics, photo
from vaenhance.data.discover import list_folder
from vaenhance.data.reachable import is_file, is_folder
from vaenhance.errors import PhotoError, UsageProblem

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Pair:
    """One image to measure; without a reference it is its own."""

    name: str  # relative to its folder, with forward slashes
    source: Path
    reference: Path | None = None


@dataclass(frozen=True)
class Failure:
    """One image that could not be measured."""

    image: str
    reason: str


def find_pairs(
    source: Path, reference: Path | None
) -> tuple[list[Pair], list[Failure]]:
    """The images to measure, sorted, and what cannot be measured.

    Args:
        source: An image, or a folder that is searched with its sub-folders.
        reference: None, or the file or folder of the references, found by the
            same relative name; the extension may differ.

    Raises:
        UsageProblem: There is nothing to measure, or a name fits two references or
            two sources.
    """
    sources, failures = _images(source)
    if not sources:
        raise UsageProblem(f"no images found in {source}")
    if reference is None:
        return [Pair(name, path) for name, path in sources.items()], failures
    if is_file(source) and is_file(reference):
        return [Pair(source.name, source, reference)], failures
    _one_by_one(sources, "keep one image for each reference")
    partners = _one_by_one(_images(reference)[0], "keep one reference for each image")
    pairs = []
    for name, path in sources.items():
        if _stem(name) in partners:
            pairs.append(Pair(name, path, partners[_stem(name)]))
        else:
            failures.append(Failure(name, f"no image of this name in {reference}"))
    if not pairs:
        raise UsageProblem(
            f"no image in {source} has a reference of the same name in {reference}"
        )
    return pairs, failures


def unused(pairs: Sequence[Pair], reference: Path | None) -> list[str]:
    """The references that no pair has, by their names, sorted."""
    if reference is None:
        return []
    used = {pair.reference for pair in pairs}
    return [name for name, path in _images(reference)[0].items() if path not in used]


def count_megapixels(pairs: Sequence[Pair]) -> float:
    """The size of all sources by their headers; unreadable ones count nothing."""
    total = 0.0
    for pair in pairs:
        with contextlib.suppress(PhotoError):
            total += photo.probe(pair.source).megapixels
    return total


def read(pair: Pair) -> tuple[Array, Array]:
    """Read one pair.

    Returns:
        The reference x and the source y, float32 (H, W, C) in [0, 1] both; C is
        1 where both are gray, else 3.

    Raises:
        PhotoError: One of them cannot be read, they do not fit together, or they
            are too small to be measured.
    """
    y = _load(pair.source)
    x = y
    if pair.reference is not None:
        try:
            x = _load(pair.reference)
        except PhotoError as error:
            raise PhotoError(f"its reference cannot be read: {error}") from error
    sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in (y, x)]
    if sizes[0] != sizes[1]:
        raise PhotoError(f"it has {sizes[0]} pixels, its reference {sizes[1]}")
    if min(x.shape[:2]) < metrics.SSIM_WINDOW:
        raise PhotoError(
            f"{sizes[0]} pixels are too small: SSIM needs {metrics.SSIM_WINDOW} a side"
        )
    channels = max(x.shape[2], y.shape[2])
    return with_channels(x, channels), with_channels(y, channels)


def _load(path: Path) -> Array:
    """float32 (H, W, 3) in [0, 1], or (H, W, 1) for a gray image."""
    read = photo.read_photo(path)
    pixels = read.pixels[..., :1] if read.is_gray else read.pixels
    image: Array = pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    return image


def with_channels(image: Array, channels: int) -> Array:
    """(H, W, 1) or (H, W, C) -> (H, W, C), gray repeated."""
    if image.shape[2] == channels:
        return image
    return np.repeat(image, channels, axis=2)


def _images(root: Path) -> tuple[dict[str, Path], list[Failure]]:
    """Relative name -> path in a fixed order, and folders that cannot be entered."""
    if is_file(root):
        return {root.name: root}, []
    if not is_folder(root):
        raise UsageProblem(f"there is no file or folder {root}")
    listing = list_folder(root)
    found = {image.as_posix(): root / image for image in listing.images}
    return found, [Failure(str(root / p), why) for p, why in listing.unreadable]


def _one_by_one(images: Mapping[str, Path], remedy: str) -> dict[str, Path]:
    """Paths by their names without extension.

    Raises:
        UsageProblem: Two have one name.
    """
    found: dict[str, Path] = {}
    for name, path in images.items():
        other = found.setdefault(_stem(name), path)
        if other != path:
            raise UsageProblem(f"{other} and {path} have one name; {remedy}")
    return found


def _stem(name: str) -> str:
    return unicodedata.normalize("NFC", str(PurePosixPath(name).with_suffix("")))
