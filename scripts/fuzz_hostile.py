"""Files that were made to do harm: claims, bombs, loops, absurd metadata.

Written by hand from the specifications; the same every time.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from scripts.fuzz_seeds import metadata, pixels
from vaenhance.photo import Metadata, Photo, encode_photo
from vaenhance.photo.png_pixels import chunk

SIDE = 100_000
_RNG = np.random.default_rng(7)
_PNG = b"\x89PNG\r\n\x1a\n"


def all_hostile() -> Iterator[tuple[str, bytes]]:
    """Yields (what it is, the file), one by one: some have tens of megabytes."""
    for make in (claims, _packed_bombs, _png_bombs, _tiff_bombs, tiff_claims):
        yield from make()
    for make in (_blocks, _loops, _long_strips, _many_scans):
        yield from make()


def _file(name: str, mode: str = "RGB", **options: Any) -> bytearray:
    stream = io.BytesIO()
    pixels(_RNG, mode).save(stream, name, **options)
    return bytearray(stream.getvalue())


def claims() -> Iterator[tuple[str, bytes]]:
    """Headers of more pixels than there are, up to the limit of the format."""
    for side in (SIDE, 22_000):  # above and just below the default limit
        at = f"claims {side} x {side}"
        yield f"png {at}", png(side, side, zlib.compress(bytes(1000)))
        for sof in ("baseline", "progressive"):
            data = _file("JPEG", progressive=sof == "progressive")
            place = data.index(b"\xff\xc2" if sof == "progressive" else b"\xff\xc0") + 5
            struct.pack_into(">HH", data, place, min(side, 65535), min(side, 65535))
            yield f"jpeg {sof} {at}", bytes(data)
        data = _file("BMP")
        struct.pack_into("<ii", data, 18, side, side)
        yield f"bmp {at}", bytes(data)
        data = _file("GIF", "P")
        struct.pack_into("<HH", data, 6, min(side, 65535), min(side, 65535))
        yield f"gif {at}", bytes(data)
        data = _file("AVIF", speed=10)
        struct.pack_into(">II", data, data.index(b"ispe") + 8, side, side)
        yield f"avif {at}", bytes(data)
        yield f"tiff {at}", tiff(width=side, height=side)
        yield f"tiff deflate {at}", tiff(width=side, height=side, compression=8)
    data = _file("WEBP", lossless=True)
    place = data.index(b"VP8L") + 9
    struct.pack_into("<I", data, place, 16382 | 16382 << 14)
    yield "webp claims 16383 x 16383", bytes(data)


def png(width: int, height: int, packed: bytes, *chunks: bytes, kind: int = 2) -> bytes:
    """Returns a PNG file of 8 bits with these compressed rows."""
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *chunks, chunk(b"IDAT", packed), chunk(b"IEND", b"")]
    return _PNG + b"".join(parts)


def zeros_packed(gigabytes: float) -> bytes:
    """Returns zeros, compressed about a thousand times, quickly."""
    engine, times = zlib.compressobj(6), int(gigabytes * 64)
    block = bytes(1 << 24)
    # After a full flush nothing refers back: the second piece can be repeated.
    first, other = (
        engine.compress(block) + engine.flush(zlib.Z_FULL_FLUSH) for _ in range(2)
    )
    checksum = (times << 24) % 65521 << 16 | 1  # Adler-32 of zeros
    end = b"\3\0" + checksum.to_bytes(4, "big")
    return first + other * (times - 1) + end


def _packed_bombs() -> Iterator[tuple[str, bytes]]:
    bomb = zeros_packed(1.5)
    rows = zlib.compress(bytes((4 * 3 + 1) * 4))
    texts = {
        "zTXt": b"Comment\0\0" + bomb,
        "zTXt exif": b"Raw profile type exif\0\0" + bomb,
        "iTXt": b"XML:com.adobe.xmp\0\1\0\0\0" + bomb,
        "iCCP": b"p\0\0" + bomb,
    }
    for name, body in texts.items():
        extra = chunk(name[:4].encode(), body)
        yield f"png bomb in {name}", png(4, 4, rows, extra)
        yield f"png 15 bombs in {name}", png(4, 4, rows, *[extra] * 15)
    yield "png bomb in the pixels", png(4, 4, bomb)


def _png_bombs() -> Iterator[tuple[str, bytes]]:
    rows = zlib.compress(bytes((4 * 3 + 1) * 4))
    yield "png 300,000 empty chunks", png(4, 4, rows, *[chunk(b"tEXt", b"")] * 300_000)
    many = b"".join(chunk(b"IDAT", rows[i : i + 1]) for i in range(len(rows)))
    empty = chunk(b"IDAT", b"") * 200_000
    head = png(4, 4, rows).partition(b"\0\0\0")[0]
    start = png(4, 4, rows)[: len(head) + 25]
    yield "png pixels in 200,000 pieces", start + empty + many + chunk(b"IEND", b"")
    big = chunk(b"eXIf", b"II*\0\x08\0\0\0" + bytes(40 << 20))
    yield "png exif of 40 MB", png(4, 4, rows, big)


def tiff(
    width: int = 16,
    height: int = 16,
    data: bytes = bytes(16 * 16 * 3),
    compression: int = 1,
    tile: tuple[int, int] | None = None,
    rows: int | None = None,
) -> bytes:
    """Returns an RGB TIFF file of one strip or tile that holds these bytes."""
    first = (324, 4, 1, 8) if tile else (273, 4, 1, 8)
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), first]
    entries += [(259, 3, 1, compression), (262, 3, 1, 2), (277, 3, 1, 3)]
    if tile:
        entries += [(322, 4, 1, tile[0]), (323, 4, 1, tile[1]), (325, 4, 1, len(data))]
    else:
        entries += [(278, 4, 1, rows or height), (279, 4, 1, len(data))]
    data += bytes(len(data) % 2)
    table = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    head = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    return head + data + struct.pack("<H", len(entries)) + table + bytes(4)


def _tiff_bombs() -> Iterator[tuple[str, bytes]]:
    bomb = zeros_packed(1.5)
    yield "tiff strip that inflates to 1.5 GB", tiff(data=bomb, compression=8)
    packed = b"\x81\0" * 3_000_000  # 128 zeros each
    yield "tiff packbits strip of 384 MB", tiff(data=packed, compression=32773)
    for name in ("lzma", "zstd", "lzw"):
        code, data = _strip_of_zeros(name)
        yield f"tiff {name} strip of 27 MB", tiff(data=data, compression=code)


def tiff_claims() -> Iterator[tuple[str, bytes]]:
    """Tiles, and pictures inside strips, that say they are huge."""
    for side in (30_000, SIDE, 2**31 - 16):
        for method in (1, 8, 5):
            what = f"tiff tiles of {side} a side, compression {method}"
            yield (
                what,
                tiff(data=zlib.compress(b""), compression=method, tile=(side, side)),
            )
    yield "tiff strips of 2^31 rows", tiff(compression=5, rows=2**31)
    claims = _file("JPEG")
    struct.pack_into(">HH", claims, claims.index(b"\xff\xc0") + 5, 65500, 65500)
    yield "tiff with a jpeg of 65500 x 65500", tiff(data=bytes(claims), compression=7)
    inner = png(60_000, 60_000, zlib.compress(bytes(100)))
    yield "tiff with a png of 60000 x 60000", tiff(data=inner, compression=34933)
    webp = _file("WEBP", lossless=True)
    struct.pack_into("<I", webp, webp.index(b"VP8L") + 9, 16382 | 16382 << 14)
    yield "tiff with a webp of 16383 x 16383", tiff(data=bytes(webp), compression=50001)


def _strip_of_zeros(name: str) -> tuple[int, bytes]:
    """Returns the code of a compression, and 27 MB of zeros in it."""
    stream = io.BytesIO()
    zeros = np.zeros((3000, 3000, 3), np.uint8)
    tifffile.imwrite(
        stream, zeros, photometric="rgb", compression=name, rowsperstrip=3000
    )
    stream.seek(0)
    with tifffile.TiffFile(stream) as file:
        page = file.pages[0]
        start, length = page.dataoffsets[0], page.databytecounts[0]
        return int(page.compression), stream.getvalue()[start : start + length]


def _blocks() -> Iterator[tuple[str, bytes]]:
    """Huge, broken and unfitting EXIF and profiles."""
    picture = np.asarray(pixels(_RNG, "RGB"))
    profile = metadata(_RNG)["icc_profile"]
    unfit = {
        "broken profile": profile[:200] + bytes(300),
        "profile of noise": _RNG.bytes(3000),
        "profile of 16 MB": profile + bytes(16 << 20),
        "exif of nothing but prefixes": b"Exif\0\0" * 5_000_000,
        "empty tags": b"II*\0\x08\0\0\0\0\0" + bytes(8),
    }
    for label, block in unfit.items():
        is_exif = block[:1] in b"IE"
        held = Metadata(**{"exif" if is_exif else "icc_profile": block})
        names = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
        for name in ("PNG", "WEBP") if "prefixes" in label else names:
            photo = Photo(picture, None, False, name, held)
            yield f"{name.lower()} with {label}", encode_photo(photo, picture)
    for name in ("JPEG", "TIFF"):
        for label in ("broken profile", "profile of noise"):
            data = _file(name, "CMYK", icc_profile=unfit[label])
            yield f"{name.lower()} cmyk with {label}", bytes(data)
    huge = Photo(picture, None, False, "TIFF", Metadata(icc_profile=bytes(100 << 20)))
    yield "tiff with profile of 100 MB", encode_photo(huge, picture)
    exif = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 0x927C, 7, 60 << 20, 26)
    exif += bytes(4) + bytes(60 << 20)
    huge = Photo(picture, None, False, "WEBP", Metadata(exif=exif))
    yield "webp with exif of 60 MB", encode_photo(huge, picture)


def _loops() -> Iterator[tuple[str, bytes]]:
    """Directories that lead to themselves, and chains of a great many."""
    data = bytearray(tiff())
    data[-4:] = data[4:8]
    yield "tiff directory that follows itself", bytes(data)
    chain = bytearray(tiff())
    for _ in range(100_000):
        chain[-4:] = struct.pack("<I", len(chain))
        chain += struct.pack("<HHHIII", 1, 254, 4, 1, 1, 0)
    yield "tiff with 100,000 previews", bytes(chain)
    loop = b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x8769, 4, 1, 8, 8)
    picture = np.asarray(pixels(_RNG, "RGB"))
    for name in ("JPEG", "PNG", "TIFF"):
        photo = Photo(picture, None, False, name, Metadata(exif=loop))
        yield f"{name.lower()} exif that holds itself", encode_photo(photo, picture)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    yield "gif of 200,000 frames", head + frame * 200_000 + b";"


def _long_strips() -> Iterator[tuple[str, bytes]]:
    """One pixel high and as wide as can be, and the reverse."""
    for name, side in (
        ("JPEG", 65500),
        ("PNG", 65535),
        ("TIFF", 65535),
        ("BMP", 65535),
    ):
        for shape in ((1, side, 3), (side, 1, 3)):
            strip = _RNG.integers(0, 255, shape).astype(np.uint8)
            photo = Photo(strip, None, False, name)
            yield f"{name.lower()} {shape[1]} x {shape[0]}", encode_photo(photo, strip)


def _many_scans() -> Iterator[tuple[str, bytes]]:
    """A progressive JPEG that paints the same large picture again and again."""
    stream = io.BytesIO()
    Image.new("RGB", (4000, 4000)).save(stream, "JPEG", progressive=True, quality=10)
    data = stream.getvalue()
    start = data.rindex(b"\xff\xda")
    scan = data[start:-2]
    yield "jpeg with 1,000 scans", data[:-2] + scan * 1000 + b"\xff\xd9"
