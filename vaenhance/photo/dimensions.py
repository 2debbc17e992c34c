"""What metadata say of a picture's size, when that has changed.

Only numbers that are there already are written anew, in their place; nothing moves.
The resolution stays: it says how the picture is meant to be printed.
"""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from io import BytesIO

from vaenhance.photo import ifd
from vaenhance.photo.exif import EXIF_IFD
from vaenhance.photo.model import Array, Metadata, Photo

_WIDTHS = {0x0100, 0xA002}  # ImageWidth, PixelXDimension
_HEIGHTS = {0x0101, 0xA003}
_LONG = 4  # type code: 32 bits, which fit into an entry
_XMP_VALUE = rb"(?:\s*+=\s*+[\"']|>)\s*+)\d+"
_XMP_WIDTH = re.compile(rb"((?:tiff:ImageWidth|exif:PixelXDimension)" + _XMP_VALUE)
_XMP_HEIGHT = re.compile(rb"((?:tiff:ImageLength|exif:PixelYDimension)" + _XMP_VALUE)


def with_pixels(photo: Photo, pixels: Array) -> Photo:
    """The photograph with other pixels, of whatever size.

    Alpha is brought to their size when it is written.

    Args:
        photo: As read.
        pixels: (H, W, 3) of the same type.
    """
    if pixels.shape == photo.pixels.shape:
        return replace(photo, pixels=pixels)
    height, width = pixels.shape[:2]
    metadata = of_size(photo.metadata, width, height)
    return replace(photo, pixels=pixels, metadata=metadata)


def of_size(metadata: Metadata, width: int, height: int) -> Metadata:
    """Metadata that state another size, where they state one."""
    return replace(
        metadata,
        exif=exif_of_size(metadata.exif, width, height),
        xmp=xmp_of_size(metadata.xmp, width, height),
    )


def exif_of_size(block: bytes | None, width: int, height: int) -> bytes | None:
    """An EXIF block that states another size, where it states one."""
    layout = ifd.read_layout(block) if block else None
    if block is None or layout is None or layout.big:
        return block
    edited, stream = bytearray(block), BytesIO(block)
    starts = [ifd.first_directory(stream, layout)]
    for start in starts:  # the first leads to the second
        try:
            entries, _ = ifd.read_directory(stream, layout, start, size=len(block))
        except (EOFError, ValueError):
            break
        for entry in entries:
            if entry.tag == EXIF_IFD and len(starts) == 1:
                starts += [int(offset) for offset in entry.numbers(layout)[:1]]
            if entry.tag in _WIDTHS | _HEIGHTS:
                value = width if entry.tag in _WIDTHS else height
                place = start + 2 + 12 * entry.row
                row = (entry.tag, _LONG, 1, value)
                struct.pack_into(f"{layout.order}HHII", edited, place, *row)
    return bytes(edited)


def xmp_of_size(packet: bytes | None, width: int, height: int) -> bytes | None:
    """An XMP packet that states another size, where it states one."""
    if packet is None:
        return None
    packet = _XMP_WIDTH.sub(rb"\g<1>%d" % width, packet)
    return _XMP_HEIGHT.sub(rb"\g<1>%d" % height, packet)
