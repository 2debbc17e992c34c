"""The chunks of a PNG file: what they say, and how they are written.

Metadata never reaches a decoder: chunks are read here, within limits, and put back
here. Not for pixels; those are in ``png_pixels``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from vaenhance.errors import PhotoError
from vaenhance.photo import exif, png_pixels
from vaenhance.photo.canvas import is_sideways
from vaenhance.photo.color import is_of_rgb
from vaenhance.photo.model import COLOR_CHUNKS, TEXT_CHUNKS, Array, Metadata, Opened
from vaenhance.photo.png_pixels import chunk
from vaenhance.photo.source import TRUNCATED, size_of

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = b"XML:com.adobe.xmp"
# As ImageMagick wrote them before there were chunks for them.
_EXIF_KEYWORDS = (b"Raw profile type exif", b"Raw profile type APP1")
_OLD_XMP_KEYWORD = b"Raw profile type xmp"
_INCH = 0.0254  # metres
_MAX_CHUNKS = 1_000_000
_MAX_METADATA = 32 << 20  # bytes of one chunk, unpacked
_MAX_SIDE = 2**31 - 1
_OF_PIXELS = {b"PLTE", b"tRNS"}  # without which the pixels would be others
_READ = {*_OF_PIXELS, b"acTL", b"iCCP", b"eXIf", b"pHYs", *COLOR_CHUNKS, *TEXT_CHUNKS}
# EXIF, XMP and profiles of old writers, hexadecimal: what is understood is kept as
# what it is, and of the rest the meaning for other pixels is not known.
_RAW = b"Raw profile type "
_MAX_KEPT = 4 << 20  # bytes of all texts that go back as they came


@dataclass(frozen=True)
class _Chunks:
    """First chunk of each kind, all texts, and where the pixels are."""

    first: dict[bytes, bytes]
    texts: list[tuple[bytes, bytes]]
    pixels: list[tuple[int, int]]


def open_png(stream: BinaryIO) -> Opened:
    """Read everything in a PNG file but its pixels.

    Raises:
        PhotoError: Animated, cut off or damaged.
    """
    head = png_pixels.read_header(stream)
    chunks = _walk(stream)
    frames = int.from_bytes(chunks.first.get(b"acTL", b"")[:4], "big")
    if frames > 1:
        raise PhotoError(f"animated, {frames} frames: not supported")
    if not chunks.pixels:
        raise PhotoError(TRUNCATED)
    metadata, orientation = _metadata(chunks)
    return Opened(
        "PNG",
        head.width,
        head.height,
        orientation,
        metadata,
        lambda: png_pixels.decode(
            head,
            _pixel_data(stream, chunks.pixels),
            palette=chunks.first.get(b"PLTE", b""),
            transparency=chunks.first.get(b"tRNS"),
            keeps_colors=is_of_rgb(metadata.icc_profile),
            orientation=orientation,
        ),
    )


def _walk(stream: BinaryIO) -> _Chunks:
    """Go from chunk to chunk; pixels are only located."""
    end, here = size_of(stream), len(_SIGNATURE)
    chunks = _Chunks({}, [], [])
    for _ in range(_MAX_CHUNKS):
        stream.seek(here)
        head = stream.read(8)
        if not head and chunks.pixels:
            return chunks  # the end mark is missing, nothing else
        if len(head) < 8:
            raise PhotoError(TRUNCATED)
        length, name = struct.unpack(">I4s", head)
        if name == b"IEND":
            return chunks
        if here + 12 + length > end:
            raise PhotoError(TRUNCATED)
        if name == b"IDAT":
            chunks.pixels.append((here + 8, length))
        elif name in _READ and length <= _MAX_METADATA:
            data = stream.read(length)
            if name in _OF_PIXELS:
                png_pixels.check_checksum(name + data, stream.read(4))
            if name in TEXT_CHUNKS and len(chunks.texts) < 1000:
                chunks.texts.append((name, data))
            chunks.first.setdefault(name, data)
        here += 12 + length
    raise PhotoError("damaged: too many chunks in the PNG file")


def _pixel_data(
    stream: BinaryIO, places: list[tuple[int, int]], block: int = 1 << 20
) -> Iterator[bytes]:
    """The compressed pixels in blocks, each chunk checked against its checksum."""
    for start, length in places:
        stream.seek(start)
        checksum, left = zlib.crc32(b"IDAT"), length
        while left:
            data = stream.read(min(block, left))
            if not data:
                raise PhotoError(TRUNCATED)
            checksum, left = zlib.crc32(data, checksum), left - len(data)
            yield data
        if stream.read(4) != checksum.to_bytes(4, "big"):
            raise PhotoError("damaged: a checksum of the pixels does not match")


def _metadata(chunks: _Chunks) -> tuple[Metadata, int]:
    """What is kept of a file, and its orientation."""
    first = chunks.first
    xmp, old_exif = _texts(chunks.texts)
    block, orientation, exif_dpi = exif.clean_exif(first.get(b"eXIf") or old_exif)
    xmp, xmp_orientation = exif.clean_xmp(xmp)
    turned = orientation or xmp_orientation or 1
    dpi = exif_dpi
    if len(physical := first.get(b"pHYs", b"")) == 9 and physical[8] == 1:
        across, down = struct.unpack(">II", physical[:8])
        dpi = (across * _INCH, down * _INCH) if across and down else dpi
    if dpi and is_sideways(turned):
        dpi = dpi[::-1]
    color = tuple(
        (name, first[name])
        for name, length in COLOR_CHUNKS.items()
        if len(first.get(name, b"")) == length
    )
    profile, texts = _profile(first.get(b"iCCP")), _kept(chunks.texts)
    return Metadata(block, profile, xmp, dpi, color, png_text=texts), turned


def _kept(texts: list[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """Texts that go back as they came: title, author, how it was made."""
    kept, left = [], _MAX_KEPT
    for name, data in texts:
        keyword = data.partition(b"\0")[0]
        if keyword == _XMP_KEYWORD or keyword.startswith(_RAW) or len(data) > left:
            continue
        left -= len(data)
        kept.append((name, data))
    return tuple(kept)


def _unpack(data: bytes) -> bytes | None:
    """Inflate metadata; None when it is damaged or a bomb."""
    try:
        engine = zlib.decompressobj()
        unpacked = engine.decompress(data, _MAX_METADATA)
    except zlib.error:
        return None
    return unpacked if engine.eof else None


def _profile(data: bytes | None) -> bytes | None:
    """Profile in an iCCP chunk: name, zero, method, packed bytes."""
    _, found, rest = (data or b"").partition(b"\0")
    return (_unpack(rest[1:]) or None) if found else None


def _texts(texts: list[tuple[bytes, bytes]]) -> tuple[bytes | None, bytes | None]:
    """XMP, and EXIF that has no chunk of its own.

    Of each only the first is unpacked, so that many bombs are as quick as one.
    """
    first: dict[bytes, tuple[bytes, bytes]] = {}
    for name, data in texts:
        keyword, _, rest = data.partition(b"\0")
        if name == b"iTXt" or keyword in (*_EXIF_KEYWORDS, _OLD_XMP_KEYWORD):
            first.setdefault(keyword, (name, rest))
    old_exif = next((first[word] for word in _EXIF_KEYWORDS if word in first), None)
    xmp = _xmp(first.get(_XMP_KEYWORD)) or _raw_profile(first.get(_OLD_XMP_KEYWORD))
    return xmp, _raw_profile(old_exif)


def _xmp(found: tuple[bytes, bytes] | None) -> bytes | None:
    if found is None:
        return None
    rest = found[1]  # compressed?, method, language, translated keyword, text
    text = rest[2:].split(b"\0", 2)[-1]
    return _unpack(text) if rest[:1] == b"\1" else text


def _raw_profile(found: tuple[bytes, bytes] | None) -> bytes | None:
    """What a text holds in hexadecimal."""
    if found is None:
        return None
    name, rest = found
    text = (_unpack(rest[1:]) or b"") if name == b"zTXt" else rest
    try:  # "\nexif\n   length\nhexadecimal"
        return bytes.fromhex(text.split(b"\n", 3)[3].decode("ascii"))
    except (IndexError, ValueError):
        return None


def encode_map(pixels: Array, words: Mapping[str, str]) -> bytes:
    """Encode (H, W) or (H, W, 3) uint8 or uint16 that are no photograph.

    Args:
        pixels: The numbers, as they are.
        words: Keyword -> Latin-1 text, such as ``{"Scale": "256"}``; written as tEXt.
    """
    texts = [
        chunk(b"tEXt", keyword.encode("latin-1") + b"\0" + text.encode("latin-1"))
        for keyword, text in words.items()
    ]
    return _with_chunks(pixels, texts)


def encode_png(pixels: Array, metadata: Metadata) -> bytes:
    """Encode (H, W) or (H, W, 2 to 4) uint8 or uint16 with its metadata."""
    return _with_chunks(pixels, _chunks_of(metadata))


def _with_chunks(pixels: Array, extra: list[bytes]) -> bytes:
    """Encode pixels, with chunks after the header."""
    if max(pixels.shape[:2]) > png_pixels.MAX_SIDE:
        raise PhotoError(f"PNG is written up to {png_pixels.MAX_SIDE} pixels a side")
    data = memoryview(png_pixels.encode(pixels))
    after_header = len(_SIGNATURE) + 25
    return b"".join((data[:after_header], *extra, data[after_header:]))


def _chunks_of(metadata: Metadata) -> list[bytes]:
    """Metadata as chunks, in the order the specification asks for."""
    chunks = [chunk(name, data) for name, data in metadata.png_color]
    if metadata.icc_profile:
        packed = zlib.compress(metadata.icc_profile, 9)
        chunks.append(chunk(b"iCCP", b"ICC Profile\0\0" + packed))
    if metadata.dpi:
        across, down = (round(value / _INCH) for value in metadata.dpi)
        if min(across, down) > 0 and max(across, down) <= _MAX_SIDE:
            chunks.append(chunk(b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif:
        chunks.append(chunk(b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append(chunk(b"iTXt", _XMP_KEYWORD + bytes(5) + metadata.xmp))
    chunks += [chunk(name, data) for name, data in metadata.png_text]
    return chunks
