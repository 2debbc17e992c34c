"""Write JPEG, and whatever else Pillow writes, from planes and metadata.

Not for reading, and not for choosing what a file can hold; ``writing`` does.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from vaenhance.photo.model import Array, Metadata

# Finding the best Huffman tables holds all coefficients in memory, six bytes a pixel.
_OPTIMIZE_PIXELS = 32_000_000
LARGEST_MARKER = 65533  # bytes in one
_LARGEST_XMP = LARGEST_MARKER - 29
_LARGEST_ICC = 255 * (LARGEST_MARKER - 14)
_ROOM = 65536  # bytes that Pillow has for a file with tables of its own, at least
IPTC_RESOURCE = 0x0404  # of Photoshop, in which IPTC stands
PHOTOSHOP = b"Photoshop 3.0\0"
_TABLES = 1024  # bytes by which such a file may be longer than one without


def encode_jpeg(planes: Array, metadata: Metadata, quality: int) -> bytes:
    """Encode (H, W) or (H, W, 3) uint8 with 4:4:4 colour.

    EXIF, XMP, IPTC, a comment or a profile that no marker can hold is left out.
    """
    options = present(metadata, "xmp", "icc_profile")
    if len(options.get("xmp", b"")) > _LARGEST_XMP:
        del options["xmp"]
    if len(options.get("icc_profile", b"")) > _LARGEST_ICC:
        del options["icc_profile"]
    if metadata.exif and len(metadata.exif) + 6 <= LARGEST_MARKER:
        options["exif"] = b"Exif\0\0" + metadata.exif
    if metadata.dpi and min(metadata.dpi) > 0.5 and max(metadata.dpi) < 65535:
        options["dpi"] = metadata.dpi
    if metadata.comment and len(metadata.comment) <= LARGEST_MARKER:
        options["comment"] = metadata.comment
    options["extra"] = _iptc_marker(metadata.iptc)
    options |= {"quality": quality, "subsampling": "4:4:4"}
    plain = saved(planes, "JPEG", **options)
    # With tables of its own, a file must fit into a buffer whose size Pillow guesses
    # from the pixels: noise does not, and would fail after printing to the terminal.
    pixels = planes.shape[0] * planes.shape[1]
    room = max(_ROOM, pixels * (2 if quality >= 95 else 1))
    if pixels > _OPTIMIZE_PIXELS or len(plain) + _TABLES > room:
        return plain
    return saved(planes, "JPEG", optimize=True, **options)


def _iptc_marker(record: bytes | None) -> bytes:
    """APP13 with an IPTC record as Photoshop's resource; nothing if it is too long."""
    if not record:
        return b""
    head = struct.pack(">4sHHI", b"8BIM", IPTC_RESOURCE, 0, len(record))
    data = PHOTOSHOP + head + record + bytes(len(record) % 2)
    if len(data) > LARGEST_MARKER:
        return b""
    return b"\xff\xed" + struct.pack(">H", len(data) + 2) + data


def present(metadata: Metadata, *names: str) -> dict[str, Any]:
    """Those of the named fields that are there, as options for an encoder."""
    return {name: value for name in names if (value := getattr(metadata, name))}


def saved(planes: Array, name: str, **options: Any) -> bytes:
    """Encode with Pillow."""
    stream = BytesIO()
    Image.fromarray(np.ascontiguousarray(planes)).save(stream, name, **options)
    return stream.getvalue()
