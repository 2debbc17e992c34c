"""Write a file of latents, image by image, in memory that does not grow with them.

Tiles go to a temporary file for each array; when all images are there, it is known
whether they have one shape, and the archive is made of those files. It takes the
target's name when it is whole.
"""

from __future__ import annotations

import math
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Self, cast

import numpy as np
from numpy.typing import NDArray

from vaenhance.errors import PhotoError, UsageProblem
from vaenhance.latents.carried import Packing, carried
from vaenhance.latents.index import index_arrays
from vaenhance.latents.members import copied, write_array, write_pieces
from vaenhance.latents.records import (
    CONTENTS,
    Entry,
    Origin,
    Tile,
    TiledLatents,
)
from vaenhance.photo import Metadata, atomic_stream

_FLOAT = np.dtype(np.float32)


class Unwritable(PhotoError):
    """What is temporary, or a stream, cannot be written: nor can further images."""


@dataclass(frozen=True)
class _Kept:
    """An array in the temporary file of all that is no latents."""

    key: str
    start: int  # byte
    shape: tuple[int, ...]
    dtype: np.dtype


@dataclass(frozen=True)
class _Stored:
    """Where the arrays of one image are."""

    entry: Entry  # without the metadata, but for the resolution
    carried: list[_Kept]
    shapes: dict[str, tuple[int, ...]]  # (T, h, w, c), or (D,) of a vector
    starts: dict[str, int]  # byte in the temporary file


class LatentWriter:
    """Collects the latents of images and writes them as one ``.npz``.

    Use it as a context; the file is written at its end, unless an error ends it.

    Args:
        target: the file, or a stream to write to.
        origin: the model's (``Model.origin``).
        content: ``mean``, ``mean and scale``, ``draws`` or ``vectors``.
        facts: further words and numbers to keep, by name, such as a seed.
        overwrite: replace a target that exists.

    Raises:
        UsageProblem: the target exists, or the content is none of these.
    """

    def __init__(
        self,
        target: str | Path | BinaryIO,
        origin: Origin,
        content: str = "mean",
        *,
        facts: dict[str, float | str] | None = None,
        overwrite: bool = False,
    ) -> None:
        if content not in CONTENTS:
            raise UsageProblem(f"content must be one of {CONTENTS}, not {content!r}")
        self._target = Path(target) if isinstance(target, str) else target
        if isinstance(self._target, Path) and self._target.exists() and not overwrite:
            raise UsageProblem(f"{target} exists; pass overwrite to replace it")
        self._overwrite = overwrite
        self._origin, self._content, self._facts = origin, content, facts or {}
        self._folder = self._target.parent if isinstance(self._target, Path) else None
        self._spools: dict[str, BinaryIO] = {}
        self._carried: BinaryIO | None = None
        self._stored: list[_Stored] = []
        self._shapes: dict[str, list[tuple[int, ...]]] = {}
        self._starts: dict[str, int] = {}
        self._is_done = False  # finished or closed

    def __len__(self) -> int:
        """Returns how many images have been added."""
        return len(self._stored)

    def __enter__(self) -> Self:
        """Writes nothing yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Writes the file if all went well, and drops what is temporary."""
        try:
            if kind is None and not self._is_done:
                self.finish()
        finally:
            self.close()

    def add(
        self,
        entry: Entry,
        latents: TiledLatents | None = None,
        alpha: NDArray[np.unsignedinteger] | None = None,
    ) -> None:
        """Adds one image.

        Args:
            entry: its name, size and so on.
            latents: of ``Model.encode_tiles``; None if the tiles were given to
                ``keep`` one by one.
            alpha: (H, W) of its own type, the transparency.

        Raises:
            Unwritable: a temporary file cannot be written.
            UsageProblem: the file was written or closed already.
        """
        self._check_open()
        for number, tile in enumerate(() if latents is None else latents.tiles):
            self.keep(number, tile)
        shapes = {
            name: shapes[0] if self._content == "vectors" else (len(shapes), *shapes[0])
            for name, shapes in self._shapes.items()
        }
        kept = [
            self._keep(key, array)
            for key, array in carried(len(self), entry.metadata, alpha).items()
        ]
        entry = replace(entry, metadata=Metadata(dpi=entry.metadata.dpi))
        self._stored.append(_Stored(entry, kept, shapes, self._starts))
        self._shapes, self._starts = {}, {}

    def _keep(self, key: str, array: NDArray[np.unsignedinteger]) -> _Kept:
        with self._explained():
            if self._carried is None:
                self._carried = self._temporary()
            start = self._carried.tell()
            self._carried.write(np.ascontiguousarray(array).data)
        return _Kept(key, start, array.shape, array.dtype)

    def keep(self, number: int, tile: Tile) -> None:
        """Takes one tile of the image that is to be added next.

        Args:
            number: of the tile; 0 begins again.
            tile: its arrays by name.

        Raises:
            Unwritable: a temporary file cannot be written.
            UsageProblem: the file was written or closed already.
        """
        self._check_open()
        if number == 0:
            self.discard()
        with self._explained():
            for name, array in tile.items():
                spool = self._spool(name)
                self._starts.setdefault(name, spool.tell())
                self._shapes.setdefault(name, []).append(array.shape)
                spool.write(np.ascontiguousarray(array, _FLOAT).data)

    def discard(self) -> None:
        """Forgets the tiles of an image that is not added after all.

        Raises:
            Unwritable: they cannot be taken out of a temporary file, and stay for the
                next time: arrays of images must follow each other without gaps.
        """
        with self._explained():
            for name, start in self._starts.items():
                self._spools[name].truncate(start)  # writes first what is pending
                self._spools[name].seek(start)
        self._shapes, self._starts = {}, {}

    def finish(self) -> None:
        """Writes the file; nothing can be added to it afterwards.

        Raises:
            UsageProblem: there is no image, or it was written or closed already.
            TargetTaken: the target has come to be there.
            PhotoError: it cannot be written; nothing is left behind, but in a stream.
        """
        self._check_open()
        self.discard()
        if not self._stored:
            raise UsageProblem("there are no latents to write")
        self._is_done = True
        if isinstance(self._target, Path):
            with atomic_stream(self._target, replace=self._overwrite) as stream:
                self._write(stream)
        else:
            with self._explained():
                self._write(self._target)

    def close(self) -> None:
        """Drops the temporary files; nothing can be written afterwards."""
        self._is_done = True
        for spool in (*self._spools.values(), self._carried):
            if spool is not None:
                with suppress(OSError):  # what is pending is not needed any more
                    spool.close()
        self._spools, self._carried = {}, None
        self._shapes, self._starts = {}, {}

    def _check_open(self) -> None:
        if self._is_done:
            raise UsageProblem("the latents were written or closed already")

    def _spool(self, name: str) -> BinaryIO:
        if name not in self._spools:
            self._spools[name] = self._temporary()
        return self._spools[name]

    def _temporary(self) -> BinaryIO:
        # Beside the target: a folder for temporary files is often too small.
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        return cast(BinaryIO, file)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Says where there is no room, or whatever else a disk says."""
        try:
            yield
        except OSError as error:
            why = error.strerror or str(error)
            folder = self._folder or tempfile.gettempdir()
            raise Unwritable(
                f"cannot be written: {why[:1].lower()}{why[1:]} (temporary files are "
                f"in the folder {folder})"
            ) from error

    def _write(self, stream: BinaryIO) -> None:
        with zipfile.ZipFile(stream, "w") as archive:
            index = index_arrays(
                self._origin,
                self._content,
                self._facts,
                [one.entry for one in self._stored],
            )
            for key, value in index.items():
                write_array(archive, key, np.asarray(value))
            for name in self._spools:
                self._write_part(archive, name)
            packing = Packing()
            for one in (one for stored in self._stored for one in stored.carried):
                assert self._carried is not None
                length = math.prod(one.shape) * one.dtype.itemsize
                pieces = copied(self._carried, one.start, length)
                method = packing.method(one.key, length)
                write_pieces(archive, one.key, one.shape, one.dtype, pieces, method)

    def _write_part(self, archive: zipfile.ZipFile, name: str) -> None:
        """Writes level0 as one array if all images have one shape, else one each."""
        spool, stored = self._spools[name], self._stored
        shapes = {one.shapes[name] for one in stored}
        if len(shapes) == 1:
            (shape,) = shapes
            length = len(stored) * math.prod(shape) * _FLOAT.itemsize
            pieces = copied(spool, stored[0].starts[name], length)
            write_pieces(archive, name, (len(stored), *shape), _FLOAT, pieces)
            return
        for index, one in enumerate(stored):
            shape = one.shapes[name]
            length = math.prod(shape) * _FLOAT.itemsize
            pieces = copied(spool, one.starts[name], length)
            write_pieces(archive, f"{name}/{index}", shape, _FLOAT, pieces)
