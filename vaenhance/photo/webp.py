"""Read WebP: the container here, the pixels by libwebp through imagecodecs.

Pillow would allocate the whole canvas to read a header and refuses pictures above
its process-wide limit. Not for writing, which Pillow does well.
"""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from vaenhance.errors import PhotoError
from vaenhance.photo import exif
from vaenhance.photo.canvas import Canvas, is_sideways, strips
from vaenhance.photo.model import Decoded, Metadata, Opened
from vaenhance.photo.source import TRUNCATED, size_of

_MAX_METADATA = 64 << 20  # bytes of one chunk


def open_webp(stream: BinaryIO) -> Opened:
    """Read the container of a WebP file.

    Raises:
        PhotoError: Animated, cut off or damaged.
    """
    chunks, frames = _chunks(stream)
    if frames > 1:
        raise PhotoError(f"animated, {frames} frames: not supported")
    width, height = _canvas_size(chunks)
    block, orientation, dpi = exif.clean_exif(chunks.get(b"EXIF"))
    xmp, xmp_orientation = exif.clean_xmp(chunks.get(b"XMP "))
    turned = orientation or xmp_orientation or 1
    if dpi and is_sideways(turned):
        dpi = dpi[::-1]
    metadata = Metadata(block, chunks.get(b"ICCP") or None, xmp, dpi)
    return Opened(
        "WEBP",
        width,
        height,
        turned,
        metadata,
        lambda: _decode(stream, (height, width), turned),
    )


def _chunks(stream: BinaryIO) -> tuple[dict[bytes, bytes], int]:
    """First chunk of each kind (of pixels only the head) and the number of frames."""
    end = size_of(stream)
    stream.seek(4)
    declared = int.from_bytes(stream.read(4), "little") + 8
    if declared > end:
        raise PhotoError(TRUNCATED)
    chunks: dict[bytes, bytes] = {}
    frames, here = 0, 12
    while here + 8 <= declared:
        stream.seek(here)
        head = stream.read(8)
        name, length = head[:4], int.from_bytes(head[4:], "little")
        if here + 8 + length > declared:
            raise PhotoError(TRUNCATED)
        is_metadata = name in (b"EXIF", b"XMP ", b"ICCP")
        if name not in chunks and length <= _MAX_METADATA:
            chunks[name] = stream.read(length if is_metadata else min(length, 16))
        frames += name == b"ANMF"
        here += 8 + length + length % 2
    return chunks, frames


def _canvas_size(chunks: dict[bytes, bytes]) -> tuple[int, int]:
    """Width and height; a container and a picture that disagree are refused."""
    sizes = []
    if len(head := chunks.get(b"VP8X", b"")) >= 10:
        sizes.append((_number(head, 4, 3) + 1, _number(head, 7, 3) + 1))
    if len(head := chunks.get(b"VP8L", b"")) >= 5 and head[0] == 0x2F:
        bits = _number(head, 1, 4)
        sizes.append(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
    if len(head := chunks.get(b"VP8 ", b"")) >= 10 and head[3:6] == b"\x9d\x01\x2a":
        sizes.append((_number(head, 6, 2) & 0x3FFF, _number(head, 8, 2) & 0x3FFF))
    if not sizes:
        raise PhotoError("damaged: no picture in the WebP file")
    if len(set(sizes)) > 1:
        raise PhotoError("damaged: the sizes in the WebP file differ")
    return sizes[0]


def _number(data: bytes, start: int, length: int) -> int:
    return int.from_bytes(data[start : start + length], "little")


def _decode(stream: BinaryIO, shape: tuple[int, int], orientation: int) -> Decoded:
    """Decode the pixels and turn them upright."""
    import imagecodecs

    stream.seek(0)
    pixels = imagecodecs.webp_decode(stream.read())
    if pixels.shape[:2] != shape:
        raise PhotoError("damaged: the sizes in the WebP file differ")
    height, width, channels = pixels.shape
    canvas = Canvas(width, height, channels, np.uint8, orientation)
    for rows in strips(height, width):
        canvas.put(pixels[rows], rows)
    return canvas.finish()
