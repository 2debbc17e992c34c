"""One array in an ``.npz``: written piece by piece, read piece by piece.

``numpy.save`` and ``numpy.load`` hold whole arrays; latents of a photograph are many
times its size. Objects are never read: what is no plain array is an error before
anything is allocated.
"""

from __future__ import annotations

import math
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
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def write_array(
    archive: zipfile.ZipFile, key: str, array: NDArray[Any], *, packed: bool = True
) -> None:
    """Adds a small array.

    Args:
        archive: being written.
        key: its name for ``numpy.load``.
        array: of numbers or text.
        packed: compress it.
    """
    array = np.asarray(array, order="C")
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
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


class Member:
    """One array of an archive, read from its beginning on.

    Args:
        archive: open for reading.
        key: name of the array.

    Attributes:
        shape: as its header says; nothing is allocated for it.
        dtype: likewise; never of objects.

    Raises:
        LatentError: it is missing, or no plain array.
    """

    def __init__(self, archive: zipfile.ZipFile, key: str) -> None:
        self.key = key
        try:
            info = archive.getinfo(f"{key}.npy")
        except KeyError as error:
            raise LatentError(f"it has no array {key}") from error
        self._stream = archive.open(info)
        try:
            self.shape, self.dtype = self._read_header(info.file_size)
        except BaseException:
            self.close()
            raise

    def _read_header(self, size: int) -> tuple[tuple[int, ...], np.dtype]:
        key, version = self.key, npy.read_magic(self._stream)
        if version not in _HEADERS:
            raise LatentError(f"{key} is of an unknown kind of array")
        shape, is_fortran, dtype = _HEADERS[version](self._stream)
        if dtype.kind not in "biufU" or dtype.hasobject:
            raise LatentError(f"{key} holds {dtype}, neither numbers nor text")
        if is_fortran and len(shape) > 1:
            raise LatentError(f"{key} is stored column by column: save it in C order")
        claimed = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or self._stream.tell() + claimed != size:
            raise LatentError(f"{key} has not the size that its shape {shape} says")
        return shape, dtype

    def read(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """Returns the next values, as an array of a shape."""
        length = math.prod(shape) * self.dtype.itemsize
        data = self._stream.read(length)
        if len(data) < length:
            raise LatentError(f"{self.key} ends too early")
        return np.frombuffer(data, self.dtype).reshape(shape)

    def skip(self, values: int) -> None:
        """Passes over values."""
        self._stream.seek(values * self.dtype.itemsize, 1)

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
