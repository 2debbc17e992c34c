"""Valid TIFF files of all kinds that tifffile writes, for ``scripts/fuzz``."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import tifffile


def _array(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape).astype(dtype)


def tiff_seeds(
    rng: np.random.Generator, size: tuple[int, int], profile: bytes
) -> dict[str, bytes]:
    """Returns files by name.

    Args:
        rng: decides the pixels.
        size: (height, width).
        profile: for the one that has a profile.
    """
    rgb, gray = {"photometric": "rgb"}, {"photometric": "minisblack"}
    alpha = {"extrasamples": ["unassalpha"]}
    cases: dict[str, tuple[int, Any, dict[str, Any]]] = {
        "gray8": (1, np.uint8, gray),
        "gray16 inverted": (1, np.uint16, {"photometric": "miniswhite"}),
        "gray alpha": (2, np.uint8, {**gray, **alpha, "planarconfig": "contig"}),
        "rgb8": (3, np.uint8, rgb),
        "rgb16 lzw": (3, np.uint16, {**rgb, "compression": "lzw", "predictor": True}),
        "rgba8 deflate": (4, np.uint8, {**rgb, **alpha, "compression": "zlib"}),
        "premultiplied": (4, np.uint16, {**rgb, "extrasamples": ["assocalpha"]}),
        "tiles": (3, np.uint8, {**rgb, "tile": (16, 16)}),
        "big tiff big endian": (
            3,
            np.uint16,
            {**rgb, "bigtiff": True, "byteorder": ">"},
        ),
        "cmyk": (4, np.uint8, {"photometric": "separated"}),
        "lab": (3, np.uint8, {"photometric": "cielab"}),
        "icclab": (3, np.uint8, {"photometric": "icclab"}),
        "planes": (1, np.uint8, {}),
        "float32": (3, np.float32, rgb),
        "float16": (1, np.float16, gray),
        "signed": (1, np.int16, gray),
        "profile": (3, np.uint8, {**rgb, "iccprofile": profile}),
    }
    for name in (
        "jpeg",
        "jpeg2000",
        "webp",
        "png",
        "zstd",
        "lzma",
        "packbits",
        "jpegxl",
    ):
        cases[name] = (3, np.uint8, {**rgb, "compression": name})
    found = {}
    for label, (channels, dtype, options) in cases.items():
        data = _array(rng, size if channels == 1 else (*size, channels), dtype)
        if label == "planes":
            data, options = np.stack([data] * 3), {**rgb, "planarconfig": "separate"}
        found[f"tiff/{label}"] = _tiff_file(data, **options)
    pages = np.stack([_array(rng, size, np.uint8)] * 3)
    found["tiff/pages"] = _tiff_file(pages, photometric="minisblack")
    return found


def _tiff_file(data: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, data, metadata=None, **options)
    return stream.getvalue()
