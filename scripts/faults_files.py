"""Photographs for scripts/faults.py: small, mixed, some broken; always the same.

Not for measuring quality: they show nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vaenhance import photo

# Few sizes: TensorFlow prepares itself anew for each shape.
SIDES = (24, 40, 64, 96)
FOLDERS = ("", "sub", "sub/deeper", "näme with blanks")
BROKEN = 25  # every so many files are no photographs


@dataclass(frozen=True)
class Kind:
    """How a photograph is stored."""

    format: str
    bits: int = 8
    has_alpha: bool = False
    is_gray: bool = False


KINDS = (
    Kind("JPEG"),
    Kind("PNG"),
    Kind("PNG", bits=16),
    Kind("WEBP"),
    Kind("TIFF"),
    Kind("BMP"),
    Kind("PNG", has_alpha=True),
    Kind("JPEG", is_gray=True),
    Kind("TIFF", bits=16),
    Kind("WEBP", has_alpha=True),
    Kind("PNG", bits=16, is_gray=True, has_alpha=True),
)


def make_photographs(folder: Path, count: int, seed: int) -> None:
    """Writes photographs of all kinds into a folder and its sub-folders.

    Args:
        folder: made if it is missing.
        count: how many files.
        seed: of their pixels.
    """
    for index in range(count):
        kind = KINDS[index % len(KINDS)]
        data = _encoded(kind, np.random.default_rng([seed, index]))
        place = folder / FOLDERS[index % len(FOLDERS)]
        place.mkdir(parents=True, exist_ok=True)
        if index % BROKEN == BROKEN - 1:
            data = _broken(data, index // BROKEN)
        path = place / f"{index:05}{photo.WRITABLE[kind.format]}"
        path.write_bytes(data)


def _encoded(kind: Kind, rng: np.random.Generator) -> bytes:
    height, width = rng.choice(SIDES, 2)
    dtype = np.uint8 if kind.bits == 8 else np.uint16
    top = np.iinfo(dtype).max
    slope = np.linspace(0.2, 0.7, width) + np.linspace(0, 0.1, height)[:, None]
    values = slope[..., None] + rng.normal(0, 0.06, (height, width, 3))
    if kind.is_gray:
        values = np.repeat(values[..., :1], 3, axis=2)
    pixels = (values.clip(0, 1) * top).astype(dtype)
    alpha = None
    if kind.has_alpha:
        alpha = rng.integers(0, top, (height, width), dtype, endpoint=True)
    empty = photo.Photo(pixels, alpha, kind.is_gray, kind.format, photo.Metadata())
    return photo.encode_photo(empty, pixels)


def _broken(data: bytes, number: int) -> bytes:
    """Returns half a file, nothing, words, or a file with a hole."""
    hole = bytearray(data)
    hole[len(hole) // 3 : len(hole) // 2] = bytes(len(hole) // 2 - len(hole) // 3)
    return (data[: len(data) // 2], b"", b"no photograph\n", bytes(hole))[number % 4]


def checksums(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of every file below a folder, hidden ones included."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in files
    }
