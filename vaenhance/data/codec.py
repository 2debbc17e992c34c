"""What Pillow does to training images: JPEG and resampling.

Not for files: those are read and written by ``photo``.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vaenhance.data.pixels import LUMA, Pixels

# JPEG's largest block is 16 pixels (8×8 with 4:2:0 chroma). A clean window has
# this much more than the crop, so that the block grid falls anywhere in it.
GRID = 16

_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
# Those that keep every pixel where it is. Nearest neighbour does not, and neither
# does Pillow's box between whole factors: it includes one of its two ends only.
SHRINKING = ("bilinear", "hamming", "bicubic", "lanczos")
ENLARGING = ("bilinear", "bicubic", "lanczos")
# By whole factors: the box is the mean of an area there, and stays in its place.
REDUCING = ("box", *SHRINKING)


def jpeg(
    x: Pixels,
    quality: int,
    subsampling: str = "4:2:0",
    offset: tuple[int, int] = (0, 0),
) -> Pixels:
    """Compresses as an 8-bit JPEG and decodes it again (libjpeg by Pillow).

    Args:
        x: image with 1 or 3 channels; clipped and rounded to 8 bits first.
        quality: 1 to 100.
        subsampling: ``4:2:0``, ``4:2:2`` or ``4:4:4``; of no effect on gray.
        offset: pixels from the corner of the block grid to that of the image, down
            and to the right; what lies between is a mirror image.
    """
    top, left = offset
    values = _to_bytes(x)
    if top or left:
        values = np.pad(values, ((top, 0), (left, 0), (0, 0)), mode="symmetric")
    options: dict[str, Any] = {}
    if x.shape[-1] > 1:
        options["subsampling"] = _SUBSAMPLING[subsampling]
    buffer = io.BytesIO()
    _to_picture(values).save(buffer, "JPEG", quality=int(quality), **options)
    with Image.open(buffer) as decoded:
        return _to_floats(decoded)[top:, left:]


def half_chroma(x: Pixels) -> Pixels:
    """Takes from an image the chroma that a 4:2:0 file cannot hold; luma stays.

    Halved by means of 2 × 2 pixels and enlarged linearly, as libjpeg does.

    Args:
        x: (H, W, 3), [0, 1]; the result is clipped to that.
    """
    luma = x @ LUMA
    differences = x[..., ::2] - luma[..., None]  # red's and blue's
    size = luma.shape[0], luma.shape[1]
    half = -(-size[0] // 2), -(-size[1] // 2)
    red, blue = np.moveaxis(
        to_size(to_size(differences, half, "box"), size, "bilinear"), -1, 0
    )
    red, blue = luma + red, luma + blue
    green = (luma - LUMA[0] * red - LUMA[2] * blue) / LUMA[1]
    made: Pixels = np.stack([red, green, blue], -1).clip(0.0, 1.0).astype(np.float32)
    return made


def resample(x: Pixels, factor: float, shrinking: str, enlarging: str) -> Pixels:
    """Shrinks an image and enlarges it to its old size.

    Args:
        x: image.
        factor: of the smaller size; up to 1.
        shrinking: one of ``SHRINKING``.
        enlarging: one of ``ENLARGING``.
    """
    height, width = x.shape[:2]
    small = max(1, round(height * factor)), max(1, round(width * factor))
    return to_size(to_size(x, small, shrinking), (height, width), enlarging)


def to_size(
    x: Pixels, size: tuple[int, int], name: str, is_8_bit: bool = False
) -> Pixels:
    """Resamples by one of Pillow's filters, widened when it shrinks (antialiased).

    Args:
        x: image.
        size: (height, width) of the result, pixels.
        name: one of ``REDUCING``.
        is_8_bit: as Pillow does it to files, rounded to 8 bits before and after; else
            in floats, and the result may leave the range.
    """
    if x.shape[:2] == size:
        return x
    height, width = size
    if is_8_bit:
        picture = _to_picture(_to_bytes(x)).resize((width, height), _filter(name))
        return _to_floats(picture)
    y = np.empty((height, width, x.shape[-1]), np.float32)
    # Plane by plane in floats: with 8 bits Pillow rounds halves up at each of its
    # passes, which brightens by up to 0.7 of 255 after four of them (measured).
    for channel in range(x.shape[-1]):
        picture = Image.fromarray(np.ascontiguousarray(x[..., channel]))
        y[..., channel] = np.asarray(picture.resize((width, height), _filter(name)))
    return y


def resize(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Resamples to side × side pixels (Lanczos, antialiased, by Pillow).

    Args:
        image: (H, W, 1 or 3) 8-bit pixels.
        side: pixels.
    """
    if image.shape[:2] == (side, side):
        return image
    resized = _to_picture(image).resize((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(resized)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def keep_decoding_memory() -> None:
    """Lets Pillow keep the memory of a picture for the next one; at most 128 MB.

    Given back and taken anew for every photograph, it costs more time in the
    system than decoding does: 142 ms instead of 66 for 12 megapixels (measured).
    Of the whole process, so for training only.
    """
    # Documented by Pillow ("Block Allocator"), but not in its types.
    Image.core.set_blocks_max(8)  # type: ignore[attr-defined]  # blocks of 16 MB


def _filter(name: str) -> Image.Resampling:
    return Image.Resampling[name.upper()]


def _to_bytes(x: Pixels) -> NDArray[np.uint8]:
    return np.rint(np.clip(x, 0.0, 1.0) * np.float32(255)).astype(np.uint8)


def _to_picture(values: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)


def _to_floats(picture: Image.Image) -> Pixels:
    values = np.asarray(picture, np.float32) / np.float32(255)
    return values[..., None] if values.ndim == 2 else values
