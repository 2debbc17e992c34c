"""What a file of latents says of its images: checked before anything is made of it.

And the same, as it is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import PurePosixPath
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from vaenhance.errors import LatentError
from vaenhance.latents.carried import read_metadata
from vaenhance.latents.members import Member, read_array
from vaenhance.latents.records import CONTENTS, SCHEMA_VERSION, Entry, Origin
from vaenhance.photo import EXTENSIONS
from vaenhance.runtime import PRECISIONS
from vaenhance.tiling_grid import Tiling

_LARGEST_INDEX = 1 << 28  # bytes of names, sizes and so on, each
_LARGEST_SIDE = 1 << 30  # pixels
_MOST_IMAGES = 1 << 20


def read_index(archive: ZipFile) -> tuple[Origin, str, tuple[Entry, ...]]:
    """Returns the model, the content and the images of a file.

    Raises:
        LatentError: it is of a newer version, or contradicts itself.
    """
    version = int(number(archive, "schema_version", 1, 1 << 30))
    if version > SCHEMA_VERSION:
        raise LatentError(
            f"it was made by a newer vaenhance (schema {version}, this one knows "
            f"{SCHEMA_VERSION}): upgrade vaenhance"
        )
    content = word(archive, "content")
    if content not in CONTENTS:
        raise LatentError(f"its content is {content!r}, not one of {CONTENTS}")
    precision = word(archive, "precision")
    if precision not in PRECISIONS:
        raise LatentError(f"its precision is {precision!r}, not one of {PRECISIONS}")
    steps = _array(archive, "steps", "iu", 1)
    origin = Origin(
        word(archive, "model"),
        word(archive, "model_sha256"),
        precision,
        int(number(archive, "stride", 1, 1 << 16)),
        int(number(archive, "margin", 0, 1 << 16)),
        tuple(int(step) for step in steps),
    )
    return origin, content, _read_entries(archive, origin)


def index_arrays(
    origin: Origin,
    content: str,
    facts: Mapping[str, float | str],
    entries: Sequence[Entry],
) -> dict[str, Any]:
    """Returns what a file says of its images and their latents, by key.

    Args:
        origin: the model's.
        content: one of ``CONTENTS``.
        facts: further words and numbers.
        entries: the images; of their metadata only the resolution is here.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "content": content,
        "model": origin.model,
        "model_sha256": origin.checksum,
        "precision": origin.precision,
        "stride": origin.stride,
        "margin": origin.margin,
        "steps": np.array(origin.steps, np.int64),
        **facts,
        "names": [entry.name for entry in entries],
        "sizes": np.array([(e.height, e.width) for e in entries], np.int64),
        "tilings": np.array(
            [(e.tiling.tile, e.tiling.overlap) for e in entries], np.int64
        ),
        "formats": [entry.format for entry in entries],
        "bits": np.array([entry.bits for entry in entries], np.int64),
        "gray": np.array([entry.is_gray for entry in entries], bool),
        "dpi": np.array([e.metadata.dpi or (np.nan, np.nan) for e in entries]),
    }


def _read_entries(archive: ZipFile, origin: Origin) -> tuple[Entry, ...]:
    names = _array(archive, "names", "U", 1)
    count = len(names)
    if count:  # before anything is made of so many
        claimed(archive, count)
    sizes = _array(archive, "sizes", "iu", 2, (count, 2))
    tilings = _array(archive, "tilings", "iu", 2, (count, 2))
    formats = _array(archive, "formats", "U", 1, (count,))
    bits = _array(archive, "bits", "iu", 1, (count,))
    gray = _array(archive, "gray", "b", 1, (count,))
    dpi = _array(archive, "dpi", "f", 2, (count, 2))
    if sizes.min(initial=1) < 1 or sizes.max(initial=1) > _LARGEST_SIDE:
        raise LatentError("sizes holds what is no size of an image")
    if tilings.min(initial=0) < 0 or tilings.max(initial=0) > _LARGEST_SIDE:
        raise LatentError("tilings holds what is no size of a tile")
    # Without the extra, too: the other images, and another --format, do without it.
    if not set(formats.tolist()) <= {*EXTENSIONS.values(), "HEIF"}:
        raise LatentError("formats holds what is no format of images")
    if not set(bits.tolist()) <= {8, 16, 32}:
        raise LatentError("bits holds something else than 8, 16 and 32")
    return tuple(
        Entry(
            _checked_name(str(names[i])),
            int(sizes[i, 0]),
            int(sizes[i, 1]),
            Tiling(
                int(tilings[i, 0]),
                int(tilings[i, 1]),
                origin.stride,
                origin.margin,
            ),
            str(formats[i]),
            int(bits[i]),
            bool(gray[i]),
            read_metadata(archive, i, dpi[i].tolist()),
        )
        for i in range(count)
    )


def claimed(archive: ZipFile, count: int) -> tuple[int, ...]:
    """Returns the shape of an image's first level, by its header.

    Raises:
        LatentError: there are not so many images.
    """
    stacked = [k for k in ("vectors", "level0") if f"{k}.npy" in archive.NameToInfo]
    key = stacked[0] if stacked else f"level0/{count - 1}"
    with closing(Member(archive, key)) as member:
        shape = member.shape[1:] if stacked else member.shape
        if count > _MOST_IMAGES or (stacked and member.shape[:1] != (count,)):
            raise LatentError(f"it claims {count} images, and holds others")
        if 0 in shape:
            raise LatentError(f"{key} has the shape {member.shape}: there is nothing")
        return shape


def _array(
    archive: ZipFile, key: str, kinds: str, axes: int, shape: tuple[int, ...] = ()
) -> NDArray[Any]:
    found = read_array(archive, key, kinds, _LARGEST_INDEX)
    if found.ndim != axes or (shape and found.shape != shape):
        raise LatentError(f"{key} has the shape {found.shape}")
    return found


def word(archive: ZipFile, key: str) -> str:
    """Returns an array that is a text.

    Raises:
        LatentError: there is none.
    """
    return str(_array(archive, key, "U", 0).item())


def number(archive: ZipFile, key: str, least: int, most: int) -> float:
    """Returns an array that is a number of a range.

    Raises:
        LatentError: there is none.
    """
    found = float(_array(archive, key, "iuf", 0).item())
    if not least <= found <= most:
        raise LatentError(f"{key} is {found:g}")
    return found


def _checked_name(name: str) -> str:
    """Refuses a name that would lead out of the folder of results."""
    os.fsencode(name)  # a ValueError if no file can be called so
    parts = PurePosixPath(name).parts
    is_path = not parts or name.startswith("/") or ".." in parts or "\0" in name
    # On Windows only: elsewhere a photograph may be called "12:30.jpg".
    if is_path or (os.name == "nt" and ("\\" in name or ":" in name)):
        raise LatentError(f"the name {name!r} is not that of a file in a folder")
    return name
