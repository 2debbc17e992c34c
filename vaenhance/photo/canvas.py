"""Turn rows in stored order into one upright array, without a second copy.

Not for colour: the numbers pass through as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from vaenhance.photo.model import Array, Decoded

#: Rows are handled in strips of about this many pixels, so that temporary arrays
#: stay at a few megabytes whatever the size of the picture.
STRIP_PIXELS = 1 << 20


def strips(height: int, width: int) -> list[slice]:
    """Cut the rows of a picture into strips of bounded size."""
    rows = max(1, STRIP_PIXELS // max(width, 1))
    return [slice(y, min(y + rows, height)) for y in range(0, height, rows)]


def is_sideways(orientation: int) -> bool:
    """Whether the upright picture has width and height exchanged."""
    return orientation >= 5


def stored_view(upright: Array, orientation: int) -> Array:
    """View of an upright array (H, W, ...) in the order its file stores it.

    Args:
        upright: Array to look at.
        orientation: EXIF orientation, 1 to 8.
    """
    match orientation:
        case 2:
            return upright[:, ::-1]
        case 3:
            return upright[::-1, ::-1]
        case 4:
            return upright[::-1]
        case 5:
            return upright.swapaxes(0, 1)
        case 6:
            return np.rot90(upright, 1)
        case 7:
            return upright[::-1, ::-1].swapaxes(0, 1)
        case 8:
            return np.rot90(upright, -1)
        case _:
            return upright


class Canvas:
    """Collects a picture strip by strip.

    Args:
        width: Pixels in a stored row.
        height: Stored rows.
        channels: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha.
        dtype: uint8 or uint16.
        orientation: EXIF orientation, 1 to 8, undone on the way.
    """

    def __init__(
        self,
        width: int,
        height: int,
        channels: int,
        dtype: DTypeLike,
        orientation: int = 1,
    ) -> None:
        shape = (width, height) if is_sideways(orientation) else (height, width)
        self.is_gray = channels < 3
        self.pixels: Array = np.empty((*shape, 3), dtype)
        self.alpha: Array | None = None
        self._pixels = stored_view(self.pixels, orientation)
        if channels in (2, 4):
            self.alpha = np.empty(shape, dtype)
            self._alpha = stored_view(self.alpha, orientation)

    def put(self, strip: Array, rows: slice, columns: slice = slice(None)) -> None:
        """Store one strip.

        Args:
            strip: (h, w) or (h, w, channels).
            rows: Which stored rows it covers; a step is allowed (interlacing).
            columns: Which stored columns it covers.
        """
        if strip.ndim == 2:
            strip = strip[:, :, None]
        colors = 1 if self.is_gray else 3
        self._pixels[rows, columns] = strip[:, :, :colors]
        if self.alpha is not None:
            self._alpha[rows, columns] = strip[:, :, colors]

    def finish(self) -> Decoded:
        """The upright picture."""
        return Decoded(self.pixels, self.alpha, self.is_gray)


def to_eight_bits(values: Array) -> Array:
    """Scale 16-bit numbers to 8 bits, rounding to nearest: 65535 becomes 255.

    Args:
        values: (H, W, ...); uint8 passes through.
    """
    if values.dtype != np.uint16:
        return values
    out = np.empty(values.shape, np.uint8)
    for rows in strips(values.shape[0], values.shape[1]):
        out[rows] = (values[rows].astype(np.uint32) + 128) // 257
    return out


def to_gray(pixels: Array) -> Array:
    """Average three channels (H, W, 3) to (H, W), rounding to nearest."""
    out = np.empty(pixels.shape[:2], pixels.dtype)
    for rows in strips(*pixels.shape[:2]):
        out[rows] = (pixels[rows].sum(axis=2, dtype=np.uint32) + 1) // 3
    return out
