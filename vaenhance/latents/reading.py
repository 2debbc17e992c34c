"""Read a file of latents, whoever has written it: nothing in it is run or believed.

Shapes are compared with what the sizes say before anything is allocated, checksums
before anything is used. Not for decoding; ``api_coding`` does that.
"""

from __future__ import annotations

import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from vaenhance.errors import LatentError
from vaenhance.latents.carried import read_alpha, read_metadata
from vaenhance.latents.members import Member, read_array
from vaenhance.latents.records import CONTENTS, SCHEMA_VERSION, Entry, Origin, Tile
from vaenhance.photo import EXTENSIONS
from vaenhance.tiling_grid import Tiling

_LARGEST_INDEX = 1 << 28  # bytes of names, sizes and so on, each
_LARGEST_SIDE = 1 << 30  # pixels
_FAULTS = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError),
    *(ValueError, KeyError, TypeError, OverflowError, NotImplementedError),
    *(MemoryError, RuntimeError, SyntaxError, struct.error),
)


class LatentReader:
    """The images and latents of one file; use it as a context.

    Args:
        source: the file, or its bytes.

    Attributes:
        origin: the model that made them.
        content: ``mean``, ``mean and scale``, ``draws`` or ``vectors``.
        entries: the images.

    Raises:
        LatentError: it is missing, damaged, of a newer version, or no such file.
    """

    def __init__(self, source: str | Path | bytes) -> None:
        is_bytes = isinstance(source, bytes)
        self.name = "the input" if is_bytes else str(source)
        self._open: dict[str, Member] = {}  # arrays of levels, by name
        self._files = ExitStack()
        try:
            with self._explained():
                # Twice: zipfile has its own idea of where in the file it is.
                ours, theirs = (
                    self._files.enter_context(_opened(source)) for _ in range(2)
                )
                self._file = ours
                self._archive = self._files.enter_context(zipfile.ZipFile(theirs))
                self.origin, self.content, self.entries = self._read_index()
                broken = self._archive.testzip()
                if broken is not None:
                    raise LatentError(f"the checksum of {broken} does not match")
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """Returns how many images there are."""
        return len(self.entries)

    def __enter__(self) -> Self:
        """Is open already."""
        return self

    def __exit__(self, *error: object) -> None:
        """Closes the file."""
        self.close()

    def close(self) -> None:
        """Closes the file."""
        for member in self._open.values():
            member.close()
        self._files.close()

    @property
    def draws(self) -> int:
        """Returns how many draws of each image there are; 0 if it is the mean.

        Raises:
            LatentError: it does not say.
        """
        if self.content != "draws":
            return 0
        with self._explained():
            return int(self._number("draws", 1, 1 << 20))

    @property
    def label(self) -> str | None:
        """Returns the class that was told of all images, or None."""
        with self._explained():
            return (
                self._word("class") if "class.npy" in self._archive.NameToInfo else None
            )

    def tiles(
        self, index: int, count: int, shapes: Sequence[tuple[int, int, int]]
    ) -> Iterator[Tile]:
        """Yields the tiles of an image, read one by one, as ``level0`` and so on.

        Args:
            index: which image.
            count: how many tiles it has (``Model.tile_shapes``).
            shapes: (h, w, c) of each level of a tile, likewise.

        Raises:
            LatentError: they are not so.
        """
        drawn = (self.draws,) if self.content == "draws" else ()
        with self._explained():
            parts = {}
            for level, shape in enumerate(shapes):
                wanted = (*drawn, *shape)
                found = self._part(f"level{level}", index, (count, *wanted))
                parts[f"level{level}"] = found, wanted
            for number in range(count):
                tile = {}
                for name, ((member, first), shape) in parts.items():
                    member.go_to(first + number * math.prod(shape))
                    tile[name] = member.read(shape).astype(np.float32)
                yield tile

    def alpha(self, index: int) -> NDArray[np.unsignedinteger] | None:
        """Returns the transparency of an image, (H, W), or None.

        Raises:
            LatentError: it is not as large as the image.
        """
        entry = self.entries[index]
        size = entry.height, entry.width
        with self._explained():
            return read_alpha(self._archive, index, size, entry.dtype)

    def vectors(self) -> NDArray[np.float32]:
        """Returns the pooled vectors, (N, D).

        Raises:
            LatentError: there are none.
        """
        with self._explained(), closing(Member(self._archive, "vectors")) as found:
            if len(found.shape) != 2 or found.shape[0] != len(self):
                raise LatentError(f"vectors has the shape {found.shape}")
            return found.read(found.shape).astype(np.float32)

    def _part(
        self, name: str, index: int, shape: tuple[int, ...]
    ) -> tuple[Member, int]:
        """Returns the array of an image and its first value in it.

        It stays open: the next image goes on where this one ends.
        """
        stacked = f"{name}.npy" in self._archive.NameToInfo
        key = name if stacked else f"{name}/{index}"
        expected = (len(self), *shape) if stacked else shape
        member = self._open.get(name)
        if member is None or member.key != key:
            if member is not None:
                member.close()
            member = self._open[name] = Member(self._archive, key, self._file)
        if member.dtype.kind != "f" or member.shape != expected:
            raise LatentError(
                f"{key} should be of floats and shape {expected}, it is of "
                f"{member.dtype} and shape {member.shape}"
            )
        return member, index * math.prod(shape) if stacked else 0

    def _read_index(self) -> tuple[Origin, str, tuple[Entry, ...]]:
        version = int(self._number("schema_version", 1, 1 << 30))
        if version > SCHEMA_VERSION:
            raise LatentError(
                f"it was made by a newer vaenhance (schema {version}, this one knows "
                f"{SCHEMA_VERSION}): upgrade vaenhance"
            )
        content = self._word("content")
        if content not in CONTENTS:
            raise LatentError(f"its content is {content!r}, not one of {CONTENTS}")
        steps = self._array("steps", "iu", 1)
        origin = Origin(
            self._word("model"),
            self._word("model_sha256"),
            self._word("precision"),
            int(self._number("stride", 1, 1 << 16)),
            int(self._number("margin", 0, 1 << 16)),
            tuple(int(step) for step in steps),
        )
        return origin, content, self._read_entries(origin)

    def _read_entries(self, origin: Origin) -> tuple[Entry, ...]:
        names = self._array("names", "U", 1)
        count = len(names)
        sizes = self._array("sizes", "iu", 2, (count, 2))
        tilings = self._array("tilings", "iu", 2, (count, 2))
        formats = self._array("formats", "U", 1, (count,))
        bits = self._array("bits", "iu", 1, (count,))
        gray = self._array("gray", "b", 1, (count,))
        dpi = self._array("dpi", "f", 2, (count, 2))
        if sizes.min(initial=1) < 1 or sizes.max(initial=1) > _LARGEST_SIDE:
            raise LatentError("sizes holds what is no size of an image")
        if tilings.min(initial=0) < 0 or tilings.max(initial=0) > _LARGEST_SIDE:
            raise LatentError("tilings holds what is no size of a tile")
        if not set(formats.tolist()) <= set(EXTENSIONS.values()):
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
                read_metadata(self._archive, i, dpi[i].tolist()),
            )
            for i in range(count)
        )

    def _array(
        self, key: str, kinds: str, axes: int, shape: tuple[int, ...] = ()
    ) -> NDArray[Any]:
        found = read_array(self._archive, key, kinds, _LARGEST_INDEX)
        if found.ndim != axes or (shape and found.shape != shape):
            raise LatentError(f"{key} has the shape {found.shape}")
        return found

    def _word(self, key: str) -> str:
        return str(self._array(key, "U", 0).item())

    def _number(self, key: str, least: int, most: int) -> float:
        number = float(self._array(key, "iuf", 0).item())
        if not least <= number <= most:
            raise LatentError(f"{key} is {number:g}")
        return number

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Names the file in whatever is wrong with it."""
        try:
            yield
        except LatentError as error:
            raise LatentError(f"{self.name} cannot be used: {error}") from error
        except FileNotFoundError as error:
            raise LatentError(f"there is no file {self.name}") from error
        except zipfile.BadZipFile as error:
            raise LatentError(
                f"{self.name} is no file of latents, or damaged: {error}"
            ) from error
        except _FAULTS as error:
            why = " ".join(str(error).split())[:160] or type(error).__name__
            raise LatentError(f"{self.name} is damaged: {why}") from error


def _opened(source: str | Path | bytes) -> BinaryIO:
    return BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")


def _checked_name(name: str) -> str:
    """Refuses a name that would lead out of the folder of results."""
    parts = PurePosixPath(name).parts
    is_path = not parts or name.startswith("/") or ".." in parts or "\0" in name
    # On Windows only: elsewhere a photograph may be called "12:30.jpg".
    if is_path or (os.name == "nt" and ("\\" in name or ":" in name)):
        raise LatentError(f"the name {name!r} is not that of a file in a folder")
    return name
