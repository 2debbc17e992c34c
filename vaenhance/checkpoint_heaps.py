"""A look at an HDF5 file before the HDF5 library sees it.

For what is known to keep the library busy for ever, or to be in kinds of files that
are never written here. Not a reader.
"""

from __future__ import annotations

from pathlib import Path

# Signature, and version of the superblock. Files are of the oldest version: shared
# messages, cache images and lists of free space, where HDF5 has had many errors, do not
# exist in it.
_BEGINNING = b"\x89HDF\r\n\x1a\n\0"
_HEAP = b"GCOL\x01\0\0\0"  # a global heap, of texts: signature, version, reserved
_HEADER = 16  # bytes before the objects of a heap, and before each object


def check_hdf5(path: Path) -> None:
    """Refuses a file that HDF5 should not be given.

    Args:
        path: of the file; it is read as a whole, as its arrays will be.

    Raises:
        OSError: it cannot be read.
        ValueError: says what is wrong.
    """
    data = path.read_bytes()
    if not data.startswith(_BEGINNING):
        raise ValueError("it does not begin as HDF5 does")
    place = data.find(_HEAP)
    while place >= 0:
        _check_heap(data, place)
        place = data.find(_HEAP, place + 1)


def _check_heap(data: bytes, start: int) -> None:
    """Walks from object to object; HDF5 stays for ever at one without a size."""
    end = start + _number(data, start + 8)
    here = start + _HEADER
    if not here <= end <= len(data):
        raise ValueError("a heap of texts is longer than the file")
    while here + _HEADER <= end:
        index, size = _number(data, here, 2), _number(data, here + 8)
        if index:
            here += _HEADER + -(-size // 8) * 8
        elif size >= _HEADER:  # what is free; its header counts
            here += size
        else:
            raise ValueError("a heap of texts leads nowhere")
    if here > end:
        raise ValueError("a text is longer than its heap")


def _number(data: bytes, place: int, length: int = 8) -> int:
    return int.from_bytes(data[place : place + length], "little")
