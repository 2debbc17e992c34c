"""Read one photograph: header first, pixels only if the size is acceptable.

Not for choosing files; that is in ``data`` and ``workflows``.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from vaenhance.errors import PhotoError
from vaenhance.photo.canvas import is_sideways, to_eight_bits
from vaenhance.photo.dimensions import of_size
from vaenhance.photo.model import Array, Metadata, Opened, Photo, PhotoInfo
from vaenhance.photo.source import explained, identify, open_source

MAX_MEGAPIXELS = 512.0


def probe(source: Path | bytes) -> PhotoInfo:
    """Read the header only.

    Args:
        source: A file, or the bytes of one.

    Raises:
        PhotoError: Not a photograph that can be read: missing, empty, not an image,
            animated, several pages, cut off in the header.
    """
    with explained(), open_source(source) as stream:
        opened = _open(stream)
        width, height = opened.width, opened.height
        if is_sideways(opened.orientation):
            width, height = height, width
        return PhotoInfo(width, height, opened.format)


def read_photo(
    source: Path | bytes, *, max_megapixels: float = MAX_MEGAPIXELS
) -> Photo:
    """Read a photograph with everything it carries.

    The numbers are those in the file: no colour management, except that CMYK and
    L*a*b* are converted to sRGB. Palettes are looked up (to gray when all colours
    are), one-bit pictures become gray.

    Args:
        source: A file, or the bytes of one.
        max_megapixels: Larger pictures are refused before anything is decoded.

    Raises:
        PhotoError: The one line that says why it cannot be read.
    """
    with explained(), open_source(source) as stream:
        opened = _open(stream)
        check_size(opened.width, opened.height, max_megapixels)
        decoded = opened.decode()
        return Photo(
            decoded.pixels,
            decoded.alpha,
            decoded.is_gray,
            opened.format,
            _upright(opened),
        )


def check_size(width: int, height: int, max_megapixels: float) -> None:
    """Refuses a picture that is too large, by its header.

    Raises:
        PhotoError: Says how large it is, and what the limit.
    """
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        raise PhotoError(
            f"{width} x {height} pixels are {megapixels:.0f} megapixels, more than the "
            f"limit of {max_megapixels:g}: raise it with --max-megapixels, where the "
            "command has that"
        )


def read_pixels(
    source: Path | bytes, *, max_megapixels: float = MAX_MEGAPIXELS
) -> Array:
    """Read only the pixels, for training: exactly those ``read_photo`` gives.

    Returns:
        (H, W, 3) uint8, upright; 16 bits are scaled down, alpha is left out.

    Raises:
        PhotoError: As ``read_photo``.
    """
    photo = read_photo(source, max_megapixels=max_megapixels)
    return to_eight_bits(photo.pixels)


def read_bytes(source: Path) -> bytes:
    """Read a file as it is.

    Raises:
        PhotoError: It cannot be read, or was changed in the meantime.
    """
    with explained(), open_source(source) as stream:
        return stream.read()


def _open(stream: BinaryIO) -> Opened:
    """Read the header of any supported format."""
    name = identify(stream)
    if name == "PNG":
        from vaenhance.photo.png import open_png

        return _checked(open_png(stream))
    if name == "TIFF":
        from vaenhance.photo.tiff import open_tiff

        return _checked(open_tiff(stream))
    if name == "WEBP":
        from vaenhance.photo.webp import open_webp

        return _checked(open_webp(stream))
    from vaenhance.photo.pillow import open_pillow

    return _checked(open_pillow(stream, name))


def _upright(opened: Opened) -> Metadata:
    """Returns the metadata with the size that the picture has when it is turned."""
    if not is_sideways(opened.orientation):
        return opened.metadata
    return of_size(opened.metadata, opened.height, opened.width)


def _checked(opened: Opened) -> Opened:
    if min(opened.width, opened.height) < 1:
        raise PhotoError("damaged: the picture has no pixels")
    return opened
