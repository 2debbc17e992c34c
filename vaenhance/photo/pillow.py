"""Read JPEG, BMP, GIF, AVIF and HEIC with Pillow.

The plug-in of the known format is called directly instead of ``Image.open``: the
size limit is ours (``max_megapixels``), so Pillow's process-wide pixel limit is
neither needed nor touched. Not for PNG, TIFF and WebP, of which Pillow would lose
bits, tags or very large pictures.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile

from vaenhance.errors import PhotoError
from vaenhance.photo import exif
from vaenhance.photo.canvas import Canvas, is_sideways, strips
from vaenhance.photo.color import Converter, is_of_rgb
from vaenhance.photo.dimensions import of_size
from vaenhance.photo.jpeg_reading import Jpeg, comment_of, iptc_of, load_whole
from vaenhance.photo.model import HEIC_INSTALLED, Array, Decoded, Metadata, Opened
from vaenhance.photo.primaries import profile_of_points
from vaenhance.photo.source import TRUNCATED, quiet, size_of

_MOST_PROPERTIES = 1 << 20  # bytes at the beginning in which colours are looked for


def open_pillow(stream: BinaryIO, name: str) -> Opened:
    """Read the header of a file of a known format.

    Raises:
        PhotoError: Animated, cut off in the header, or its reader is not installed.
    """
    image = _header(stream, name)
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and name in ("GIF", "AVIF"):
        raise PhotoError(f"animated, {frames} frames: not supported")
    metadata, orientation = _metadata(image, name)
    icc_profile = image.info.get("icc_profile") or None
    if icc_profile is None and name in ("AVIF", "HEIF"):
        points = _code_points(stream, image.info)
        icc_profile = profile_of_points(*points, is_gray=image.mode in ("L", "LA"))
    converter = None
    if image.mode == "CMYK":
        converter = Converter(image.mode, icc_profile)
        icc_profile = converter.icc_profile
    return Opened(
        name,
        *image.size,
        orientation,
        replace(metadata, icc_profile=icc_profile),
        lambda: _decode(stream, image, orientation, converter),
    )


def _metadata(image: ImageFile.ImageFile, name: str) -> tuple[Metadata, int]:
    """What is kept but the profile, and the orientation that is still to be applied."""
    info = image.info
    block, turned = _avif_exif(image) if name == "AVIF" else (info.get("exif"), None)
    block, orientation, exif_dpi = exif.clean_exif(block)
    xmp, xmp_orientation = exif.clean_xmp(_as_bytes(info.get("xmp")))
    if name == "AVIF":  # the file's own properties alone turn it (MIAF)
        orientation, xmp_orientation = turned or orientation, None
    orientation = orientation or xmp_orientation or 1
    dpi = info.get("dpi")
    dpi = (float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else exif_dpi
    is_jpeg = name == "JPEG"
    metadata = Metadata(
        block,
        xmp=xmp,
        dpi=dpi,
        iptc=iptc_of(image) if is_jpeg else None,
        comment=comment_of(image) if is_jpeg else None,
    )
    if name == "HEIF":
        # libheif has turned the picture, and pillow-heif has made the tag a 1; the
        # size beside the tag is that before.
        if is_sideways(info.get("original_orientation") or orientation):
            metadata = of_size(metadata, *image.size)
        return metadata, 1
    if dpi and is_sideways(orientation):
        metadata = replace(metadata, dpi=dpi[::-1])
    return metadata, orientation


def _avif_exif(image: ImageFile.ImageFile) -> tuple[bytes | None, int | None]:
    """EXIF as it is in an AVIF file, and how its properties turn the picture.

    Pillow writes EXIF anew where its tag and the properties differ, which would break
    maker notes. Its decoder is not public: without it, Pillow's EXIF has to do.

    Returns:
        The block, and the orientation (None: the tag in the block is right).
    """
    try:
        *_, block, turned, _ = image._decoder.get_info()  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError):
        block, turned = None, None
    is_known = isinstance(block, bytes | None) and isinstance(turned, int)
    if not is_known or turned not in range(1, 9):
        return image.info.get("exif"), None
    return block, turned


def _header(stream: BinaryIO, name: str) -> ImageFile.ImageFile:
    """Let the plug-in read the header."""
    if name in ("AVIF", "HEIF"):
        _check_boxes(stream)
    try:
        if name == "JPEG":
            return Jpeg(stream)
        with quiet():
            image = _plugin(name)(stream)
            _ = getattr(image, "n_frames", 1)  # a GIF is walked through here
            return image
    except PhotoError:
        raise
    except Exception as error:
        if name not in ("AVIF", "HEIF") and not stream.read(1):
            raise PhotoError(TRUNCATED) from error
        raise


def _plugin(name: str) -> Callable[[BinaryIO], ImageFile.ImageFile]:
    """The Pillow class of a format; the rare ones are imported when needed."""
    if name == "BMP":
        return BmpImageFile
    if name == "GIF":
        return GifImageFile
    if name == "AVIF":
        from PIL.AvifImagePlugin import AvifImageFile

        return AvifImageFile
    if not HEIC_INSTALLED:
        raise PhotoError('HEIC needs an extra package: pip install "vaenhance[heic]"')
    from pillow_heif.as_plugin import HeifImageFile

    plugin: Callable[[BinaryIO], ImageFile.ImageFile] = HeifImageFile
    return plugin


def _check_boxes(stream: BinaryIO) -> None:
    """Walk the outer boxes of an ISO media file: is the last one complete?"""
    end, here = size_of(stream), 0
    while here < end:
        stream.seek(here)
        head = stream.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:  # up to the end of the file
            length = end - here
        if length < 8 or here + length > end:
            raise PhotoError(TRUNCATED)
        here += length
    stream.seek(0)


def _code_points(stream: BinaryIO, info: Mapping[Any, Any]) -> tuple[int, int]:
    """Primaries and transfer function of an AVIF or HEIC file; 2 is unspecified."""
    told = info.get("nclx_profile")  # of pillow-heif
    if told:
        return int(told["color_primaries"]), int(told["transfer_characteristics"])
    here = stream.tell()
    stream.seek(0)
    head = stream.read(_MOST_PROPERTIES)
    stream.seek(here)
    at = head.find(b"colrnclx") + 8
    if at < 8 or len(head) < at + 4:
        return 2, 2
    primaries, transfer = struct.unpack_from(">HH", head, at)
    return primaries, transfer


def _as_bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _decode(
    stream: BinaryIO,
    image: ImageFile.ImageFile,
    orientation: int,
    converter: Converter | None,
) -> Decoded:
    """Decode, and copy strip by strip: Pillow's own arrays cost a second copy."""
    if isinstance(image, Jpeg):
        load_whole(image, stream)
    else:
        image.load()
    mode, read = _strip_reader(image, converter)
    width, height = image.size
    canvas = Canvas(width, height, len(mode), np.uint8, orientation)
    for rows in strips(height, width):
        canvas.put(read(image.crop((0, rows.start, width, rows.stop))), rows)
    return canvas.finish()


def _strip_reader(
    image: Image.Image, converter: Converter | None
) -> tuple[str, Callable[[Image.Image], Array]]:
    """Choose the mode to read in (L, LA, RGB or RGBA) and how to get there."""
    if converter is not None:
        return "RGB", converter
    mode, clear = image.mode, "transparency" in image.info
    if mode in ("P", "PA"):
        palette = np.frombuffer(bytes(image.getpalette() or ()), np.uint8)
        palette = palette.reshape(-1, 3)
        is_gray = bool((palette == palette[:, :1]).all())
        is_gray = is_gray and not is_of_rgb(image.info.get("icc_profile"))
        mode = "L" if is_gray else "RGB"
        clear = clear or image.mode == "PA"
        if is_gray and clear:  # Pillow cannot go from P to LA in one step
            return "LA", lambda strip: np.asarray(strip.convert("RGBA"))[:, :, 2:]
    elif mode == "1":
        mode = "L"
    if mode in ("L", "RGB") and clear:
        mode += "A"
    if mode not in ("L", "LA", "RGB", "RGBA"):
        raise PhotoError(f"pixels of kind {mode} are not supported")
    if mode == image.mode:
        return mode, np.asarray
    return mode, lambda strip: np.asarray(strip.convert(mode))
