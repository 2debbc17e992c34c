"""Write one photograph back with everything its format can carry.

Nothing is lost in silence: a format that cannot hold the transparency is refused.
Not for names and folders; ``atomic`` writes the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vaenhance.errors import PhotoError
from vaenhance.photo.atomic import write_atomic
from vaenhance.photo.canvas import strips, to_eight_bits, to_gray
from vaenhance.photo.color import Converter, is_of_gray, is_of_rgb
from vaenhance.photo.jpeg import encode_jpeg, present, saved
from vaenhance.photo.model import WRITABLE, Array, Metadata, Photo
from vaenhance.photo.png import encode_png
from vaenhance.photo.png_pixels import MAX_SIDE as PNG_SIDE
from vaenhance.photo.primaries import profile_of_png
from vaenhance.photo.source import explained
from vaenhance.photo.tiff import encode_tiff
from vaenhance.photo.transparency import alpha_of_size

_ALIASES = {"JPG": "JPEG", "TIF": "TIFF", "HEIC": "HEIF"}
_SIXTEEN_BIT = ("PNG", "TIFF")
_OPAQUE_ONLY = ("JPEG", "BMP")
_MAX_SIDE = {
    "JPEG": 65500,
    "PNG": PNG_SIDE,
    "WEBP": 16383,
    "AVIF": 65536,
    "HEIF": 65535,
}


def encode_photo(
    photo: Photo,
    pixels: Array,
    *,
    format: str | None = None,
    quality: int = 95,
    strip_metadata: bool = False,
) -> bytes:
    """Encode new pixels for a photograph.

    Gray is averaged back to one channel, alpha is carried over untouched (resampled
    only if the size changed; where it is opaque throughout and the format has none,
    it is left out). 16 bits become 8 only in a format that was asked for by name.
    Metadata that a format has no place for (all but the resolution in BMP; more
    than 64 kB of EXIF or XMP in JPEG) is left out.

    Args:
        photo: The photograph as read.
        pixels: (H, W, 3) of the same type as ``photo.pixels``.
        format: ``"JPEG"``, ``"PNG"``, ...; None keeps the format of the photograph.
        quality: 1 to 100, for JPEG (4:4:4), WebP, AVIF and HEIC. 100 makes WebP
            lossless.
        strip_metadata: Leave out EXIF, XMP, IPTC, texts and resolution. The colour
            profile stays: without it the colours would change.

    Returns:
        The bytes of the file; the same for the same input.

    Raises:
        PhotoError: The format cannot hold this photograph; says which one can.
    """
    if pixels.dtype != photo.pixels.dtype or pixels.shape[2:] != (3,):
        raise ValueError(
            f"Expected (H, W, 3) pixels of type {photo.pixels.dtype}. "
            f"Received: shape {pixels.shape}, type {pixels.dtype}"
        )
    if not 1 <= quality <= 100:
        raise ValueError(f"Expected a quality from 1 to 100. Received: {quality}")
    name = _container(photo, format, pixels.shape)
    metadata = photo.metadata
    if strip_metadata:
        metadata = metadata.bare()
    metadata = _with_profile(metadata, name, photo.is_gray)
    planes = _planes(photo, pixels, name)
    if name == "PNG" and is_of_rgb(metadata.icc_profile):
        planes = _with_colors(planes)  # of gray, libpng would leave the profile out
    with explained(f"cannot be encoded as {name}"):
        return _ENCODERS[name](planes, metadata, quality)


def check_encodable(
    photo: Photo, *, format: str | None = None, size: tuple[int, int] | None = None
) -> None:
    """Refuse now what ``encode_photo`` would refuse after all the work.

    Args:
        photo: The photograph as read.
        format: As for ``encode_photo``.
        size: (height, width) that it will have; None: as read.

    Raises:
        PhotoError: The format cannot hold this photograph; says which one can.
    """
    name = _container(photo, format, size or photo.pixels.shape)
    _check_transparency(photo.alpha, name)
    _with_profile(photo.metadata, name, photo.is_gray)


def check_format(name: str, longest: int = 0) -> None:
    """Refuse a format that no photograph is written in, such as GIF.

    Args:
        name: Of the format, or an extension without its dot.
        longest: Side of the photograph, pixels; too many are refused, too.

    Raises:
        PhotoError: Says what to do instead.
    """
    name = _writable(name)
    if longest > _MAX_SIDE.get(name, longest):
        raise PhotoError(
            f"{name} holds at most {_MAX_SIDE[name]} pixels a side: pass --format "
            + ("tiff" if longest > PNG_SIDE else "png")
        )


def save_png(pixels: Array, target: Path) -> None:
    """Write (H, W, 3) or (H, W) uint8 as PNG, whole or not at all.

    Raises:
        PhotoError: The file cannot be written.
    """
    if pixels.dtype != np.uint8 or pixels.shape[2:] not in ((), (3,)):
        raise ValueError(
            "Expected (H, W, 3) or (H, W) pixels of type uint8. "
            f"Received: shape {pixels.shape}, type {pixels.dtype}"
        )
    write_atomic(encode_png(pixels, Metadata()), target)


def _writable(name: str) -> str:
    """Normal name of a format that can be written."""
    name = _ALIASES.get(name.upper(), name.upper())
    if name == "HEIF" and name not in WRITABLE:
        raise PhotoError('HEIC needs an extra package: pip install "vaenhance[heic]"')
    if name not in WRITABLE:
        raise PhotoError(
            f"{name} cannot hold an enhanced photograph: pass --format png"
        )
    return name


def _container(photo: Photo, format: str | None, shape: tuple[int, ...]) -> str:
    """Name of the format to write, if it can hold a photograph of this kind."""
    name = _writable(format or photo.format)
    if photo.bit_depth == 16 and name not in _SIXTEEN_BIT and format is None:
        raise PhotoError(f"{name} cannot hold 16 bits: pass --format png")
    check_format(name, max(shape[:2]))
    return name


def _with_profile(metadata: Metadata, name: str, is_gray: bool) -> Metadata:
    """Returns metadata whose colour chunks of PNG are a profile for other formats."""
    # cICP goes before a profile, gAMA and cHRM behind it (PNG, third edition, 4.3).
    is_told = any(chunk == b"cICP" for chunk, _ in metadata.png_color)
    if name == "PNG" or (metadata.icc_profile and not is_told):
        return metadata
    try:
        profile = profile_of_png(metadata.png_color, is_gray=is_gray)
    except PhotoError as error:
        raise PhotoError(
            f"{name} cannot keep its colours: pass --format png"
        ) from error
    return replace(metadata, icc_profile=profile or metadata.icc_profile)


def _check_transparency(alpha: Array | None, name: str) -> None:
    if alpha is None or name not in _OPAQUE_ONLY:
        return
    if (alpha != np.iinfo(alpha.dtype).max).any():
        raise PhotoError(f"{name} cannot hold the transparency: pass --format png")


def _planes(photo: Photo, pixels: Array, name: str) -> Array:
    """Channels as the format stores them: (H, W), or (H, W, 2 to 4)."""
    convert = np.asarray if name in _SIXTEEN_BIT else to_eight_bits
    _check_transparency(photo.alpha, name)
    alpha = None if name in _OPAQUE_ONLY else photo.alpha
    colors = convert(to_gray(pixels) if photo.is_gray else pixels)
    if alpha is None:
        return colors
    if alpha.shape != pixels.shape[:2]:
        alpha = alpha_of_size(alpha, pixels.shape[:2])
    alpha = convert(alpha)
    height, width = alpha.shape
    planes = np.empty((height, width, 2 if photo.is_gray else 4), colors.dtype)
    planes[:, :, :-1] = colors.reshape(height, width, -1)
    planes[:, :, -1] = alpha
    return planes


def _with_colors(planes: Array) -> Array:
    """Gray as RGB, in three equal channels."""
    if planes.ndim == 3 and planes.shape[2] > 2:
        return planes
    planes = planes.reshape(*planes.shape[:2], -1)
    out = np.empty((*planes.shape[:2], 2 + planes.shape[2]), planes.dtype)
    out[:, :, :3] = planes[:, :, :1]
    out[:, :, 3:] = planes[:, :, 1:]
    return out


def _colored(planes: Array, metadata: Metadata) -> tuple[Array, Metadata]:
    """Gray as RGB, for formats without gray; a gray profile must be applied then."""
    out, profile = _with_colors(planes), metadata.icc_profile
    if out is not planes and is_of_gray(profile):
        converter = Converter("L", profile)
        metadata = replace(metadata, icc_profile=converter.icc_profile)
        for rows in strips(*out.shape[:2]):
            strip = np.ascontiguousarray(out[rows, :, 0])
            out[rows, :, :3] = converter(Image.fromarray(strip))
    return out, metadata


def _webp(planes: Array, metadata: Metadata, quality: int) -> bytes:
    planes, metadata = _colored(planes, metadata)
    options = present(metadata, "exif", "xmp", "icc_profile")
    # exact: colours under transparent pixels are kept
    lossless = quality == 100
    return saved(
        planes, "WEBP", quality=quality, lossless=lossless, exact=True, **options
    )


def _avif(planes: Array, metadata: Metadata, quality: int) -> bytes:
    options: dict[str, Any] = {"subsampling": "4:0:0"}
    if planes.ndim == 3:
        planes, metadata = _colored(planes, metadata)
        options["subsampling"] = "4:4:4"
        if planes.shape[2] == 4:
            options["advanced"] = {"alpha:lossless": "1"}
    options |= present(metadata, "exif", "xmp", "icc_profile")
    return saved(planes, "AVIF", quality=quality, **options)


def _heif(planes: Array, metadata: Metadata, quality: int) -> bytes:
    import pillow_heif

    if planes.ndim == 3:
        planes, metadata = _colored(planes, metadata)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[(*planes.shape, 1)[2]]
    stream = BytesIO()
    pillow_heif.encode(
        mode,
        planes.shape[1::-1],
        planes.tobytes(),
        stream,
        # -1 is lossless, the only way to an exact alpha
        quality=-1 if mode == "RGBA" else quality,
        chroma=444,
        **present(metadata, "exif", "xmp", "icc_profile"),
    )
    return stream.getvalue()


def _bmp(planes: Array, metadata: Metadata, quality: int) -> bytes:
    return saved(planes, "BMP", **present(metadata, "dpi"))


_ENCODERS: dict[str, Callable[[Array, Metadata, int], bytes]] = {
    "JPEG": encode_jpeg,
    "PNG": lambda planes, metadata, quality: encode_png(planes, metadata),
    "TIFF": lambda planes, metadata, quality: encode_tiff(planes, metadata),
    "WEBP": _webp,
    "AVIF": _avif,
    "HEIF": _heif,
    "BMP": _bmp,
}
