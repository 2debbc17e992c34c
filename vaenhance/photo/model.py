"""The records that pass between readers, writers and their callers.

Plain data only; not for decoding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

HEIC_INSTALLED = find_spec("pillow_heif") is not None

_EXTENSIONS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".apng": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".avif": "AVIF",
    ".gif": "GIF",
}
if HEIC_INSTALLED:
    _EXTENSIONS |= {".heic": "HEIF", ".heif": "HEIF", ".hif": "HEIF"}

#: File extension (lower case, with the dot) -> format.
EXTENSIONS: Mapping[str, str] = MappingProxyType(_EXTENSIONS)

_WRITABLE = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "TIFF": ".tif",
    "BMP": ".bmp",
    "AVIF": ".avif",
}
if HEIC_INSTALLED:
    _WRITABLE["HEIF"] = ".heic"

#: Format that can be written -> its usual extension. GIF is only read: 256 colours
#: cannot hold an enhanced photograph.
WRITABLE: Mapping[str, str] = MappingProxyType(_WRITABLE)

#: Chunks of a PNG that say what its numbers look like, with the length each must have.
COLOR_CHUNKS: Mapping[bytes, int] = MappingProxyType(
    {b"cICP": 4, b"mDCV": 24, b"cLLI": 8, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1}
)

#: Chunks of text in a PNG.
TEXT_CHUNKS = frozenset({b"iTXt", b"tEXt", b"zTXt"})


@dataclass(frozen=True)
class Metadata:
    r"""What a photograph carries beside its pixels.

    Attributes:
        exif: TIFF-structured block as in the file, without the ``Exif\0\0`` prefix,
            the orientation and the link to the thumbnail (which would show the
            picture as it was before).
        icc_profile: Colour profile, byte for byte.
        xmp: XMP packet without its orientation.
        dpi: Pixels per inch, horizontally and vertically in the upright picture.
        png_color: Colour chunks of a PNG other than its profile (cICP, mDCV, cLLI,
            gAMA, cHRM, sRGB), by name; other formats get a profile that says the
            same.
        iptc: IPTC record (IIM: caption, author, copyright); JPEG and TIFF have a place
            for it.
        comment: of a JPEG.
        png_text: Text chunks of a PNG but its XMP, by name (tEXt, zTXt, iTXt), as they
            are; they mean nothing to other formats.
    """

    exif: bytes | None = None
    icc_profile: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    png_color: tuple[tuple[bytes, bytes], ...] = ()
    iptc: bytes | None = None
    comment: bytes | None = None
    png_text: tuple[tuple[bytes, bytes], ...] = ()

    def bare(self) -> Metadata:
        """Returns what is needed to show the pixels right, and nothing else."""
        return Metadata(icc_profile=self.icc_profile, png_color=self.png_color)


@dataclass(frozen=True)
class PhotoInfo:
    """What the header of a photograph says; width and height are upright."""

    width: int
    height: int
    format: str

    @property
    def megapixels(self) -> float:
        """Size in millions of pixels."""
        return self.width * self.height / 1e6


@dataclass(frozen=True, eq=False)
class Photo:
    """One decoded photograph, upright.

    Attributes:
        pixels: (H, W, 3) uint8 or uint16: the stored numbers, not colour managed;
            gray is repeated in the three channels.
        alpha: (H, W) of the same type, straight (not multiplied into the pixels).
        is_gray: The file stores gray; it is written as gray again.
        format: Container it came in, such as ``"JPEG"``.
        metadata: What goes back into the file.
    """

    pixels: Array
    alpha: Array | None
    is_gray: bool
    format: str
    metadata: Metadata = field(default_factory=Metadata)

    @property
    def bit_depth(self) -> int:
        """Bits per channel: 8 or 16."""
        return 16 if self.pixels.dtype == np.uint16 else 8


@dataclass(frozen=True, eq=False)
class Decoded:
    """Upright pixels as a decoder returns them; the fields are those of Photo."""

    pixels: Array
    alpha: Array | None
    is_gray: bool


@dataclass(frozen=True, eq=False)
class Opened:
    """A file whose header is read and whose pixels are not.

    Attributes:
        format: Container.
        width: Pixels in a stored row.
        height: Stored rows.
        orientation: EXIF orientation, 1 to 8, that ``decode`` applies.
        metadata: Already free of the orientation.
        decode: Reads the pixels; valid while the file is open.
    """

    format: str
    width: int
    height: int
    orientation: int
    metadata: Metadata
    decode: Callable[[], Decoded]
