"""One array in an ``.npz``: written piece by piece, read piece by piece.

``numpy.save`` and ``numpy.load`` hold whole arrays; latents of a photograph are many
times its size. Objects are never read: what is no plain array is an error before
anything is allocated.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vaenhance.errors import LatentError

_PIECE = 1 << 20  # bytes copied at once
# All archives are of one moment: the same latents give the same bytes.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_LOCAL_HEADER = struct.Struct("<26sHH")
# zipfile unpacks others (bzip2, LZMA) without a bound: kilobytes become gigabytes.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def check_methods(archive: zipfile.ZipFile) -> None:
    """Refuses what cannot be unpacked in bounds; to be called before anything is read.

    Raises:
        LatentError: something is neither stored nor deflated.
    """
    for info in archive.infolist():
        if info.compress_type not in _METHODS:
            raise LatentError(
                f"{info.filename!r:.99} is packed in a way (method "
                f"{info.compress_type}) that is not read: save it with NumPy again"
            )


def write_array(archive: zipfile.ZipFile, key: str, array: NDArray[Any]) -> None:
    """Adds a small array of numbers or text, compressed."""
    array, method = np.asarray(array, order="C"), zipfile.ZIP_DEFLATED
    write_pieces(archive, key, array.shape, array.dtype, [array.tobytes()], method)


def write_pieces(
    archive: zipfile.ZipFile,
    key: str,
    shape: tuple[int, ...],
    dtype: np.dtype,
    pieces: Iterable[bytes],
    method: int = zipfile.ZIP_STORED,
) -> None:
    """Adds an array whose bytes come one after the other."""
    info = zipfile.ZipInfo(f"{key}.npy", _MOMENT)
    info.compress_type = method
    header = {
        "descr": npy.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape,
    }
    with archive.open(info, "w", force_zip64=True) as stream:
        npy.write_array_header_1_0(stream, header)
        for piece in pieces:
            stream.write(piece)


def copied(spool: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    """Yields a part of a file in pieces."""
    spool.seek(start)
    while length:
        piece = spool.read(min(length, _PIECE))
        if not piece:
            raise OSError("a temporary file became shorter than it was")
        length -= len(piece)
        yield piece


class _Window:
    """A part of a file that is stored as it is: reading may begin anywhere in it."""

    def __init__(self, file: BinaryIO, info: zipfile.ZipInfo) -> None:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER.size)
        # Signature and lengths of name and extra; the rest is in the directory, too.
        name, extra = _LOCAL_HEADER.unpack(header)[-2:]
        self._first = info.header_offset + _LOCAL_HEADER.size + name + extra
        self._file, self._size, self._here = file, info.file_size, 0

    def tell(self) -> int:
        return self._here

    def seek(self, place: int) -> None:
        self._here = place

    def read(self, length: int) -> bytes:
        self._file.seek(self._first + self._here)
        data = self._file.read(max(min(length, self._size - self._here), 0))
        self._here += len(data)
        return data

    def close(self) -> None:
        """Leaves the file open: it is the reader's."""


class Member:
    """One array of an archive, read from any place on.

    Args:
        archive: open for reading.
        key: name of the array.
        file: the archive's file, opened once more, to begin anywhere in arrays that
            are not compressed. ``zipfile`` would read all that lies before.

    Attributes:
        shape: as its header says; nothing is allocated for it.
        dtype: likewise; never of objects.

    Raises:
        LatentError: it is missing, or no plain array.
    """

    def __init__(
        self, archive: zipfile.ZipFile, key: str, file: BinaryIO | None = None
    ) -> None:
        self.key = key
        self._archive = archive
        try:
            self._info = archive.getinfo(f"{key}.npy")
        except KeyError as error:
            raise LatentError(f"it has no array {key}") from error
        self._stream: Any = archive.open(self._info)
        try:
            self.shape, self.dtype = self._read_header()
        except BaseException:
            self.close()
            raise
        self._start = self._stream.tell()
        if file is not None and self._info.compress_type == zipfile.ZIP_STORED:
            self.close()
            self._stream = _Window(file, self._info)
            self._stream.seek(self._start)

    def _read_header(self) -> tuple[tuple[int, ...], np.dtype]:
        key, version = self.key, npy.read_magic(self._stream)
        if version not in _HEADERS:
            raise LatentError(f"{key} is of an unknown kind of array")
        shape, is_fortran, dtype = _HEADERS[version](self._stream)
        if dtype.kind not in "biufU" or dtype.hasobject:
            raise LatentError(f"{key} holds {dtype}, neither numbers nor text")
        if is_fortran and len(shape) > 1:
            raise LatentError(f"{key} is stored column by column: save it in C order")
        end = self._stream.tell() + math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or end != self._info.file_size:
            raise LatentError(f"{key} has not the size that its shape {shape} says")
        return shape, dtype

    def read(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """Returns the next values, as an array of a shape."""
        length = math.prod(shape) * self.dtype.itemsize
        data = self._stream.read(length)
        if len(data) < length:
            raise LatentError(f"{self.key} ends too early")
        return np.frombuffer(data, self.dtype).reshape(shape)

    def go_to(self, value: int) -> None:
        """Goes on with the value of a number, counted from the first."""
        place = self._start + value * self.dtype.itemsize
        if isinstance(self._stream, _Window):
            self._stream.seek(place)
            return
        if place < self._stream.tell():
            self._stream.close()
            self._stream = self._archive.open(self._info)
        while (left := place - self._stream.tell()) > 0:
            if not self._stream.read(min(left, _PIECE)):
                raise LatentError(f"{self.key} ends too early")

    def close(self) -> None:
        """Ends reading."""
        self._stream.close()


def read_array(
    archive: zipfile.ZipFile, key: str, kinds: str, largest: int
) -> NDArray[Any]:
    """Returns a whole array.

    Args:
        archive: open for reading.
        key: name of the array.
        kinds: NumPy's letters of the kinds that make sense.
        largest: bytes that make sense.

    Raises:
        LatentError: it is missing, no plain array, of another kind or too large.
    """
    member = Member(archive, key)
    try:
        if member.dtype.kind not in kinds:
            raise LatentError(f"{key} holds {member.dtype}, which makes no sense there")
        if math.prod(member.shape) * member.dtype.itemsize > largest:
            raise LatentError(f"{key} is too large: its shape is {member.shape}")
        return member.read(member.shape)
    finally:
        member.close()
