"""The pixels of one TIFF page, in the kinds photographs come in.

Not for tags; ``tiff`` reads those and describes the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

import numpy as np
from PIL import Image

from vaenhance.errors import PhotoError
from vaenhance.photo.canvas import Canvas, strips
from vaenhance.photo.color import Converter, is_of_rgb
from vaenhance.photo.model import Array, Decoded

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_CIELAB, _ICCLAB = 8, 9
_COLORS = {
    **{_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _PALETTE: 1},
    **{_RGB: 3, _YCBCR: 3, _CIELAB: 3, _ICCLAB: 3, _CMYK: 4},
}
_DEPTHS = {
    **{_WHITE_IS_ZERO: (1, 2, 4, 8, 16), _BLACK_IS_ZERO: (1, 2, 4, 8, 16)},
    **{_PALETTE: (1, 2, 4, 8), _RGB: (8, 16)},
    **{_YCBCR: (8,), _CMYK: (8,), _CIELAB: (8,), _ICCLAB: (8,)},
}
_NAMES = {_CMYK: "CMYK", _YCBCR: "YCbCr", _CIELAB: "Lab", _ICCLAB: "Lab"}
_JPEG = 7  # compression
_ASSOCIATED, _STRAIGHT = 1, 2  # kinds of alpha


@dataclass(frozen=True)
class Description:
    """What the tags say about the pixels, under the names of the specification."""

    width: int
    height: int
    bits: tuple[int, ...]
    sample_format: int
    photometric: int
    compression: int
    samples: int
    extra: tuple[int, ...]
    ink_set: int
    color_map: tuple[int, ...]
    icc_profile: bytes | None

    def check(self) -> None:
        """Refuse what is not a photograph, or not yet supported.

        Raises:
            PhotoError: Says which property it is.
        """
        if min(self.width, self.height) < 1 or len(set(self.bits)) != 1:
            raise PhotoError("damaged: the tags of the TIFF file make no sense")
        if self.sample_format == 3:
            raise PhotoError("floating point pixels are not supported")
        if self.sample_format == 2:
            raise PhotoError("signed pixels are not supported")
        depths = _DEPTHS.get(self.photometric)
        if depths is None or (self.photometric == _CMYK and self.ink_set != 1):
            raise PhotoError("TIFF pixels of this kind are not supported")
        if self.bits[0] not in depths:
            name = _NAMES.get(self.photometric, "")
            kind = f"{self.bits[0]}-bit {name}".strip()
            raise PhotoError(f"{kind} TIFF pixels are not supported")
        if self.photometric == _YCBCR and self.compression != _JPEG:
            raise PhotoError("YCbCr TIFF pixels are only supported as JPEG")
        surplus = self.samples - self.colors
        if surplus < 0 or surplus > 1:
            raise PhotoError(
                f"TIFF files with {self.samples} channels are not supported"
            )
        # Neither dropping a channel nor making a picture vanish is right.
        if surplus and self.extra[:1] not in ((), (_ASSOCIATED,), (_STRAIGHT,)):
            raise PhotoError("has a fourth channel of unknown meaning: not supported")
        if self.photometric == _PALETTE and len(self.color_map) != 3 << self.bits[0]:
            raise PhotoError("damaged: the palette of the TIFF file")
        if surplus and self.photometric not in (_BLACK_IS_ZERO, _RGB):
            raise PhotoError("TIFF files with this kind of alpha are not supported")

    @property
    def colors(self) -> int:
        """Channels without alpha."""
        return _COLORS[self.photometric]

    @cached_property
    def converter(self) -> Converter | None:
        """Conversion to RGB, for modes that are not RGB or gray."""
        if self.photometric == _CMYK:
            return Converter("CMYK", self.icc_profile)
        if self.photometric in (_CIELAB, _ICCLAB):
            return Converter("LAB", None)
        return None

    @property
    def output_profile(self) -> bytes | None:
        """Profile of the pixels that ``decode`` returns."""
        return self.converter.icc_profile if self.converter else self.icc_profile

    @cached_property
    def palette(self) -> Array:
        """Colours (n, 3) uint8, or (n, 1) when all of them are gray."""
        table: Array = np.array(self.color_map, np.uint16).reshape(3, -1).T
        # The specification scales to 16 bits; some writers leave 8-bit numbers.
        table = table >> 8 if (table > 255).any() else table
        is_gray = bool((table == table[:, :1]).all())
        is_gray = is_gray and not is_of_rgb(self.icc_profile)
        return table[:, :1].astype(np.uint8) if is_gray else table.astype(np.uint8)


def decode(
    stream: BinaryIO, index: int, described: Description, orientation: int
) -> Decoded:
    """Decode one page.

    Args:
        stream: The file.
        index: Which page.
        described: What its tags say; already checked.
        orientation: EXIF orientation to undo.
    """
    import tifffile

    stream.seek(0)
    with tifffile.TiffFile(stream) as file:
        page = file.pages[index]
        data: Array = page.asarray().reshape(page.shaped)
    # (planes, depth, height, width, channels): one of planes and channels is 1
    data = np.moveaxis(data, 0, -2).reshape(*data.shape[2:4], -1)
    if data.shape != (described.height, described.width, described.samples):
        raise PhotoError("damaged: the TIFF file holds another size than it says")
    channels = _channels(described)
    dtype = np.uint16 if described.bits[0] == 16 else np.uint8
    canvas = Canvas(described.width, described.height, channels, dtype, orientation)
    for rows in strips(described.height, described.width):
        canvas.put(_meaning(data[rows], described), rows)
    return canvas.finish()


def _channels(described: Description) -> int:
    """Channels of the result: as many as _meaning returns."""
    if described.photometric == _PALETTE:
        return int(described.palette.shape[1])
    if described.converter:
        return 3
    return described.samples


def _meaning(strip: Array, described: Description) -> Array:
    """Turn stored samples (h, w, c) into gray or RGB, with alpha if there is any."""
    photometric, bits = described.photometric, described.bits[0]
    if photometric == _PALETTE:
        return described.palette[strip[:, :, 0].astype(np.uint8)]
    if described.converter:
        mode = "CMYK" if photometric == _CMYK else "LAB"
        if photometric == _ICCLAB:  # Pillow expects a and b signed, as in CIELAB
            strip = strip ^ np.array([0, 128, 128], np.uint8)
        size = strip.shape[1::-1]
        image = Image.frombytes(mode, size, np.ascontiguousarray(strip).tobytes())
        return described.converter(image)
    if bits < 8:
        strip = strip.astype(np.uint8) * np.uint8(255 // (2**bits - 1))
    if photometric == _WHITE_IS_ZERO:
        strip = np.invert(strip)
    if described.extra[:1] == (_ASSOCIATED,) and described.samples > described.colors:
        strip = _straight(strip)
    return strip


def _straight(strip: Array) -> Array:
    """Divide premultiplied colours by their alpha, rounding to nearest."""
    full = int(np.iinfo(strip.dtype).max)
    alpha = strip[:, :, -1:].astype(np.uint64)
    colors = strip[:, :, :-1].astype(np.uint64)
    divided = (colors * full + alpha // 2) // np.maximum(alpha, 1)
    divided = np.where(alpha > 0, np.minimum(divided, full), 0)
    return np.concatenate([divided.astype(strip.dtype), strip[:, :, -1:]], axis=2)
