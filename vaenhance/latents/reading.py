"""Read a file of latents, whoever has written it: nothing in it is run or believed.

Shapes are compared with what the sizes say before anything is allocated, checksums
before anything is used. Not for decoding; ``api_coding`` does that.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from vaenhance import archives
from vaenhance.errors import LatentError
from vaenhance.latents.carried import check_carried, read_alpha
from vaenhance.latents.index import claimed, number, read_index, word
from vaenhance.latents.members import Member, check_methods
from vaenhance.latents.records import Tile

_MOST_NUMBERS = 1 << 20  # of a pooled vector


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
                check_methods(self._archive)
                check_carried(self._archive)
                self.origin, self.content, self.entries = read_index(self._archive)
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
            draws = int(number(self._archive, "draws", 1, 1 << 20))
            if len(self) and claimed(self._archive, len(self))[1:2] != (draws,):
                raise LatentError(f"it claims {draws} draws, and holds others")
            return draws

    @property
    def label(self) -> str | None:
        """Returns the class that was told of all images, or None."""
        with self._explained():
            is_told = "class.npy" in self._archive.NameToInfo
            return word(self._archive, "class") if is_told else None

    def tiles(
        self,
        index: int,
        count: int,
        shapes: Sequence[tuple[int, int, int]],
        draw: int | None = None,
    ) -> Iterator[Tile]:
        """Yields the tiles of an image, read one by one, as ``level0`` and so on.

        Shapes are compared at once, before the first tile is asked for.

        Args:
            index: which image.
            count: how many tiles it has (``Model.tile_shapes``).
            shapes: (h, w, c) of each level of a tile, likewise.
            draw: which one of several draws alone; None yields (K, h, w, c) of all.
                Of a mean there is only 0.

        Raises:
            LatentError: they are not so, or there is no such image or draw.
        """
        self._check_index(index)
        draws = self.draws or 1
        if draw is not None and not 0 <= draw < draws:
            raise LatentError(f"{self.name} has no draw {draw}: it has {draws}, from 0")
        drawn = (draws,) if self.content == "draws" else ()
        with self._explained():
            parts = {}
            for level, shape in enumerate(shapes):
                wanted = (*drawn, *shape)
                found = self._part(f"level{level}", index, (count, *wanted))
                parts[f"level{level}"] = found, wanted
        return self._tiles(parts, count, draw if drawn else None)

    def _tiles(
        self,
        parts: Mapping[str, tuple[tuple[Member, int], tuple[int, ...]]],
        count: int,
        draw: int | None,
    ) -> Iterator[Tile]:
        with self._explained():
            for tile_number in range(count):
                tile = {}
                for name, ((member, first), wanted) in parts.items():
                    at = first + tile_number * math.prod(wanted)
                    if draw is not None:
                        wanted = wanted[1:]
                        at += draw * math.prod(wanted)
                    member.go_to(at)
                    tile[name] = member.read(wanted).astype(np.float32)
                yield tile

    def alpha(self, index: int) -> NDArray[np.unsignedinteger] | None:
        """Returns the transparency of an image, (H, W), or None.

        Raises:
            LatentError: it is not as large as the image, or there is no such image.
        """
        self._check_index(index)
        entry = self.entries[index]
        size = entry.height, entry.width
        with self._explained():
            return read_alpha(self._archive, index, size, entry.dtype)

    def vectors(self, numbers: int | None = None) -> NDArray[np.float32]:
        """Returns the pooled vectors, (N, D).

        Args:
            numbers: the D that is expected, if it is known.

        Raises:
            LatentError: there are none, or others.
        """
        with self._explained(), closing(Member(self._archive, "vectors")) as found:
            most = _MOST_NUMBERS if numbers is None else numbers
            wide = len(found.shape) != 2 or found.shape[1] > most
            if wide or found.shape[0] != len(self):
                raise LatentError(f"vectors has the shape {found.shape}")
            return found.read(found.shape).astype(np.float32)

    def _check_index(self, index: int) -> None:
        if not 0 <= index < len(self):
            raise LatentError(
                f"{self.name} has no image {index}: it has {len(self)}, from 0"
            )

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

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Names the file in whatever is wrong with it."""
        try:
            yield
        except LatentError as error:
            raise LatentError(f"{self.name} cannot be used: {error}") from error
        except FileNotFoundError as error:
            raise LatentError(f"there is no file {self.name}") from error
        except (PermissionError, IsADirectoryError) as error:
            raise LatentError(
                f"{self.name} cannot be read: {error.strerror}"
            ) from error
        except zipfile.BadZipFile as error:
            raise LatentError(
                f"{self.name} is no file of latents, or damaged: {error}"
            ) from error
        except archives.FAULTS as error:
            raise LatentError(
                f"{self.name} is damaged: {archives.fault(error)}"
            ) from error


def _opened(source: str | Path | bytes) -> BinaryIO:
    return BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")
