"""Valid image files of every kind, as the material of ``scripts/fuzz``.

Each is small, and together they reach every branch of the readers: modes, depths,
compressions, interlacing, byte orders, metadata. All from a seed.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from scripts.fuzz_seeds_tiff import tiff_seeds
from vaenhance.photo.color import srgb_profile
from vaenhance.photo.png_pixels import chunk

WIDTH, HEIGHT = 23, 17
_PNG_KINDS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNG_MODES = (
    *((0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16)),
    *((3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (4, 16), (6, 8), (6, 16)),
)
_PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)

Files = dict[str, bytes]


def all_seeds(seed: int = 0) -> Files:
    """Returns valid files by name, such as ``tiff/rgb16 lzw``."""
    rng = np.random.default_rng(seed)
    found: Files = {}
    for make in (_jpeg, _png, _webp, _old_tiff, _avif, _bmp, _gif, _heic):
        found |= make(rng)
    found |= tiff_seeds(rng, (HEIGHT, WIDTH), metadata(rng)["icc_profile"])
    return found


def metadata(rng: np.random.Generator) -> dict[str, bytes]:
    """Returns EXIF with a position, an sRGB profile and XMP."""
    exif = Image.Exif()
    exif[0x0112] = int(rng.integers(1, 9))
    exif[0x010E], exif[0x013B] = "a description", "an artist"
    exif.get_ifd(0x8769)[0x927C] = rng.bytes(64)  # maker note
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E"})
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" tiff:Orientation="6"></x:xmpmeta>'
    return {"exif": exif.tobytes(), "icc_profile": srgb_profile(), "xmp": xmp}


def pixels(rng: np.random.Generator, mode: str) -> Image.Image:
    """Returns a picture of noise on a slope, in a mode of Pillow."""
    slope = np.linspace(0, 200, WIDTH)[None, :, None] + np.zeros((HEIGHT, 1, 4))
    values = (slope + rng.integers(0, 55, slope.shape)).astype(np.uint8)
    if mode == "LAB":
        return Image.frombytes("LAB", (WIDTH, HEIGHT), values[..., :3].tobytes())
    if mode == "CMYK":
        return Image.frombytes("CMYK", (WIDTH, HEIGHT), values.tobytes())
    return Image.fromarray(values, "RGBA").convert(mode)


def _saved(image: Image.Image, name: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, name, **options)
    return stream.getvalue()


def _variants(
    rng: np.random.Generator, name: str, cases: dict[str, tuple[str, dict[str, Any]]]
) -> Files:
    return {
        f"{name.lower()}/{label}": _saved(pixels(rng, mode), name, **options)
        for label, (mode, options) in cases.items()
    }


def _frames(rng: np.random.Generator, mode: str, count: int = 3) -> dict[str, Any]:
    more = [pixels(rng, mode) for _ in range(count - 1)]
    return {"save_all": True, "append_images": more}


def _jpeg(rng: np.random.Generator) -> Files:
    data = metadata(rng)
    found = _variants(
        rng,
        "JPEG",
        {
            "gray": ("L", {}),
            "rgb 4:2:0": ("RGB", {}),
            "rgb 4:4:4 metadata": ("RGB", {**data, "subsampling": 0}),
            "progressive": ("RGB", {"progressive": True}),
            "restarts": ("RGB", {"restart_marker_blocks": 1}),
            "cmyk": ("CMYK", {}),
            "cmyk odd profile": ("CMYK", {"icc_profile": data["icc_profile"]}),
        },
    )
    found["jpeg/mpo"] = _saved(pixels(rng, "RGB"), "MPO", **_frames(rng, "RGB"))
    return found


def _png(rng: np.random.Generator) -> Files:
    found = {
        f"png/kind {kind} {depth} bits{' interlaced' * interlaced}": png_file(
            rng, kind, depth, interlaced
        )
        for kind, depth in _PNG_MODES
        for interlaced in (False, True)
    }
    frames = _frames(rng, "RGB")
    return {**found, "png/animated": _saved(pixels(rng, "RGB"), "PNG", **frames)}


def png_file(
    rng: np.random.Generator, kind: int, depth: int, interlaced: bool
) -> bytes:
    """Returns a PNG file of random samples and filters, with metadata."""
    rows = []
    for x, y, dx, dy in _PASSES if interlaced else ((0, 0, 1, 1),):
        across, down = -((x - WIDTH) // dx), -((y - HEIGHT) // dy)
        length = (across * depth * _PNG_KINDS[kind] + 7) // 8
        rows += [bytes([rng.integers(5)]) + rng.bytes(length) for _ in range(down)]
    data, header = metadata(rng), (WIDTH, HEIGHT, depth, kind, 0, 0, int(interlaced))
    chunks = [chunk(b"IHDR", struct.pack(">IIBBBBB", *header))]
    chunks.append(chunk(b"gAMA", struct.pack(">I", 45455)))
    chunks.append(chunk(b"iCCP", b"p\0\0" + zlib.compress(data["icc_profile"])))
    chunks.append(chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1)))
    if kind == 3:
        chunks.append(chunk(b"PLTE", rng.bytes(3 << min(depth, 5))))
    if kind in (0, 2, 3):
        chunks.append(chunk(b"tRNS", rng.bytes(2 * _PNG_KINDS[kind])))
    chunks.append(chunk(b"eXIf", data["exif"][6:]))
    chunks.append(chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + data["xmp"]))
    chunks.append(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"words")))
    packed = zlib.compress(b"".join(rows))
    chunks += [chunk(b"IDAT", packed[:40]), chunk(b"IDAT", packed[40:])]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def _webp(rng: np.random.Generator) -> Files:
    return _variants(
        rng,
        "WEBP",
        {
            "lossy": ("RGB", {}),
            "lossless": ("RGB", {"lossless": True}),
            "alpha metadata": ("RGBA", metadata(rng)),
            "lossless alpha": ("RGBA", {"lossless": True, "exact": True}),
            "animated": ("RGB", _frames(rng, "RGB")),
        },
    )


def _old_tiff(rng: np.random.Generator) -> Files:
    """Those that Pillow writes."""
    data = metadata(rng)
    fax = {"compression": "group4"}
    return _variants(
        rng,
        "TIFF",
        {
            "bits": ("1", {}),
            "fax": ("1", fax),
            "palette": ("P", {}),
            "palette lzw": ("P", {"compression": "tiff_lzw"}),
            "rgb metadata": ("RGB", {"exif": data["exif"], "dpi": (72, 72)}),
            "cmyk profile": ("CMYK", {"icc_profile": data["icc_profile"]}),
        },
    )


def _avif(rng: np.random.Generator) -> Files:
    found = _variants(
        rng,
        "AVIF",
        {
            "rgb": ("RGB", {"speed": 10}),
            "rgba metadata": ("RGBA", {**metadata(rng), "speed": 10}),
            "animated": ("RGB", {**_frames(rng, "RGB", 2), "speed": 10}),
        },
    )
    return {name: _timeless(data) for name, data in found.items()}


def _timeless(data: bytes) -> bytes:
    """Takes out when a film was made: the same every time."""
    out = bytearray(data)
    for box in (b"mvhd", b"tkhd", b"mdhd"):
        if (place := data.find(box) + 8) >= 8:
            out[place : place + 16] = bytes(16)
    return bytes(out)


def _bmp(rng: np.random.Generator) -> Files:
    cases: dict[str, tuple[str, dict[str, Any]]] = {
        **{mode: (mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA")}
    }
    found = _variants(rng, "BMP", cases)
    runs = b"".join(bytes([WIDTH, y, 0, 0]) for y in range(HEIGHT)) + b"\0\1"
    for bits, method in ((8, 1), (4, 2)):
        colors = rng.bytes(4 << bits)
        start = 54 + len(colors)
        head = struct.pack("<2sIII", b"BM", start + len(runs), 0, start)
        info = (40, WIDTH, HEIGHT, 1, bits, method, len(runs), 2835, 2835, 0, 0)
        found[f"bmp/rle{bits}"] = (
            head + struct.pack("<IiiHHIIiiII", *info) + colors + runs
        )
    small = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 24)  # OS/2
    rows = rng.bytes((WIDTH * 3 + 3) // 4 * 4 * HEIGHT)
    head = struct.pack("<2sIII", b"BM", 26 + len(rows), 0, 26)
    return {**found, "bmp/os2": head + small + rows}


def _gif(rng: np.random.Generator) -> Files:
    return _variants(
        rng,
        "GIF",
        {
            "palette": ("P", {}),
            "clear": ("P", {"transparency": 3, "interlace": 1}),
            "gray": ("L", {}),
            "animated": ("P", _frames(rng, "P")),
        },
    )


def _heic(rng: np.random.Generator) -> Files:
    try:
        import pillow_heif
    except ImportError:
        return {}
    make: Callable[[], bytes] = lambda: _heif(pillow_heif, pixels(rng, "RGB"))  # noqa: E731
    return {"heif/rgb": make()}


def _heif(library: Any, image: Image.Image) -> bytes:
    stream = io.BytesIO()
    library.from_pillow(image).save(stream, quality=90)
    return stream.getvalue()
