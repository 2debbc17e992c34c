"""Reads the HDF5 files that are written here, and no others.

Weights come from strangers, and the HDF5 library has errors in reading crafted files
that are worse than a crash. So it never sees them: what is written here is of the
oldest and plainest kind, groups of arrays that lie in one piece, and a reader of that
is short. Links of every sort, arrays in chunks, packed, external or virtual, other
types than numbers and other versions of anything are refused, and nothing is taken in
memory before its size has been compared with what is asked for.

The format: "HDF5 File Format Specification Version 3.0", The HDF Group; section numbers
in the comments are of that text.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

# II.A, superblock 0: signature, versions, 8 bytes for offsets and lengths, and half of
# the entries that a leaf and an inner node of a group have at most.
_BEGINNING = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0"
_MOST_ENTRIES, _MOST_CHILDREN = 8, 32
_ROOT = 56  # where the entry of the first group lies
_ENTRY = struct.Struct("<QQII16x")  # III.C: name, header, kind of what is cached
_HARD = (0, 1)  # such kinds: nothing, or a group; 2 is a symbolic link
# IV.A.2: types of messages in the header of an object.
_SPACE, _TYPE, _LINK, _EXTERNAL, _LAYOUT = 0x01, 0x03, 0x06, 0x07, 0x08
_FILTERS, _ATTRIBUTE, _MORE, _GROUP = 0x0B, 0x0C, 0x10, 0x11
_REFUSED = {_LINK: "links", _EXTERNAL: "external data", _FILTERS: "packed data"}
_SHARED = 0x02  # flag of a message that is somewhere else
# Guards; real files stay far below.
_MOST_MESSAGES = 1024  # of an object
_MOST_NODES = 10_000  # of a group
_LONGEST = 16 * 2**20  # bytes of a header, of the names of a group, of a text
_LONGEST_NAME = 1024  # bytes of a name in a group
_MOST_NAMES = 16 * 2**20  # bytes of the names in all groups that are read; they and
_ENTRY_ROOM = 64  # bytes for each are copied
_DEEPEST = 8  # levels of the tree of a group


class Unreadable(ValueError):
    """The file is damaged, or is not of the kind that is written here."""


class OtherNetwork(Unreadable):
    """An array is not there, or has another shape."""


class Hdf5:
    """A file of arrays, open for reading.

    Args:
        path: of the file.

    Raises:
        OSError: it cannot be read.
        Unreadable: it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("rb")
        self._groups: dict[int, dict[str, int]] = {}
        self._names = 0  # bytes of the names in them
        try:
            self._size = self._file.seek(0, 2)
            start = self._bytes(0, _ROOT + _ENTRY.size)
            # Files that begin elsewhere than at byte 0 are not made here.
            if not start.startswith(_BEGINNING) or any(start[24:32]):
                raise Unreadable("it does not begin as weights of vaenhance do")
            self._root = int(_ENTRY.unpack_from(start, _ROOT)[1])
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        """Is open already."""
        return self

    def __exit__(self, *error: object) -> None:
        """Closes the file."""
        self._file.close()

    def array(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Reads an array; memory is taken only if it has the shape that is asked for.

        Args:
            name: with the groups that lead to it, ``group/name``.
            shape: that it must have.

        Raises:
            OtherNetwork: there is none of that name, or it has another shape.
            Unreadable: it is no plain array of numbers.
        """
        messages = self._messages(self._find(name))
        space, kind, layout = (messages.get(t) for t in (_SPACE, _TYPE, _LAYOUT))
        if space is None or kind is None or layout is None:
            raise Unreadable(f"{name} is not a plain array")
        found, dtype = _shape(space[0]), _dtype(kind[0], name)
        place, length = _contiguous(layout[0], name)
        if found != tuple(shape):
            raise OtherNetwork(
                f"{name} has shape {found}, the configuration says {tuple(shape)}"
            )
        size = dtype.itemsize * math.prod(found)
        if length != size:
            raise Unreadable(f"{name} takes {length} bytes instead of {size}")
        data = self._bytes(place, size, size) if size else b""
        return np.frombuffer(data, dtype).reshape(found)

    def text(self, name: str) -> str:
        """Returns an attribute of the file; empty if it is missing or no text.

        Raises:
            Unreadable: it is damaged.
        """
        for data in self._messages(self._root).get(_ATTRIBUTE, []):
            label, kind, value = _attribute(data)
            if label != name:
                continue
            is_text = len(kind) >= 8 and kind[0] & 15 == 9 and kind[1] & 15 == 1
            if not is_text or len(value) < 16:  # IV.A.2.d: of variable length
                return ""
            length, heap, index = struct.unpack_from("<IQI", value)
            return self._from_heap(heap, index, length).decode("utf-8")
        return ""

    def _find(self, name: str) -> int:
        """Returns where the header of an object lies."""
        here = self._root
        for part in name.split("/"):
            entries = self._group(here)
            if part not in entries:
                raise OtherNetwork(f"it has no {name}")
            here = entries[part]
        return here

    def _group(self, header: int) -> dict[str, int]:
        """Returns the headers of what a group holds; without links, which are none."""
        if header not in self._groups:
            tables = self._messages(header).get(_GROUP)
            if tables is None or len(tables[0]) < 16:
                return {}
            tree, heap = struct.unpack_from("<QQ", tables[0])
            start = self._bytes(heap, 32)  # III.D: the names
            length, place = struct.unpack_from("<8xQ8xQ", start)
            if not start.startswith(b"HEAP\0"):
                raise Unreadable("a group has no names")
            names = self._bytes(place, length)
            self._groups[header] = self._leaves(tree, names)
        return self._groups[header]

    def _leaves(self, tree: int, names: bytes) -> dict[str, int]:
        """Walks over the tree of a group; III.A.1 and III.B."""
        found: dict[str, int] = {}
        seen: set[int] = set()
        waiting = [(tree, _DEEPEST)]
        while waiting:
            place, left = waiting.pop()
            if place in seen or len(seen) >= _MOST_NODES or not left:
                raise Unreadable("a group leads nowhere")
            seen.add(place)
            start = self._bytes(place, 8)
            (used,) = struct.unpack_from("<H", start, 6)
            if start.startswith(b"TREE\0") and used <= _MOST_CHILDREN:
                pairs = self._bytes(place + 32, 16 * used)  # child, key
                children = (child for child, _ in struct.iter_unpack("<QQ", pairs))
                waiting += [(child, left - 1) for child in children]
            elif start.startswith(b"SNOD\1") and used <= _MOST_ENTRIES:
                entries = self._bytes(place + 8, used * _ENTRY.size)
                for label, header, cached, _ in _ENTRY.iter_unpack(entries):
                    end = names.find(b"\0", label, label + _LONGEST_NAME + 1)
                    self._names += _ENTRY_ROOM + max(end - label, 0)
                    if self._names > _MOST_NAMES:
                        raise Unreadable("it has too many arrays, or too long names")
                    if cached in _HARD and 0 <= label < end:
                        found[names[label:end].decode("utf-8")] = header
            else:
                raise Unreadable("a group is damaged")
        return found

    def _messages(self, header: int) -> dict[int, list[bytes]]:
        """Returns the messages of an object's header by type; IV.A.1.a."""
        version, count, length = struct.unpack("<BxH4xI4x", self._bytes(header, 16))
        if version != 1 or count > _MOST_MESSAGES:
            raise Unreadable("the header of an object is damaged")
        found: dict[int, list[bytes]] = {}
        blocks, left = [(header + 16, length)], count
        while blocks and left:
            place, length = blocks.pop(0)
            data, here = self._bytes(place, length), 0
            while left and here + 8 <= length:
                kind, size, flags = struct.unpack_from("<HHB", data, here)
                body = data[here + 8 : here + 8 + size]
                here, left = here + 8 + size, left - 1
                if here > length or kind in _REFUSED or flags & _SHARED:
                    what = _REFUSED.get(kind, "a header that is damaged")
                    raise Unreadable(f"it has {what}: not a plain array")
                if kind == _MORE and size >= 16:
                    blocks.append(struct.unpack_from("<QQ", body))
                found.setdefault(kind, []).append(body)
        return found

    def _from_heap(self, place: int, index: int, length: int) -> bytes:
        """Returns an object of a global heap; III.E."""
        start = self._bytes(place, 16)
        (size,) = struct.unpack_from("<Q", start, 8)
        if not start.startswith(b"GCOL\1"):
            raise Unreadable("a heap of texts is damaged")
        data, here = self._bytes(place, size), 16
        while here + 16 <= size:
            number, long = struct.unpack_from("<H6xQ", data, here)
            if number == 0:  # the rest is free
                break
            here += 16
            if number == index and length <= long <= size - here:
                return data[here : here + length]
            here += -(-long // 8) * 8
        raise Unreadable("a text is not in its heap")

    def _bytes(self, place: int, length: int, most: int = _LONGEST) -> bytes:
        """Reads so many bytes; takes no memory for more than there may be, or are."""
        if length > most or place + length > self._size:
            raise Unreadable("it ends before its data do")
        self._file.seek(place)
        data = self._file.read(length)
        if len(data) != length:
            raise Unreadable("it ends before its data do")
        return data


def _shape(data: bytes) -> tuple[int, ...]:
    """Returns the shape that a message says; IV.A.2.b."""
    version, rank = struct.unpack_from("<BB", data)
    if version != 1 or rank > 32 or len(data) < 8 + 8 * rank:
        raise Unreadable("an array has no shape")
    return struct.unpack_from(f"<{rank}Q", data, 8)


def _dtype(data: bytes, name: str) -> np.dtype[Any]:
    """Returns the type of plain numbers of little endian; IV.A.2.d."""
    size = int.from_bytes(data[4:8], "little")
    for letter in "fiu":
        known = _TYPES.get(f"<{letter}{size}")
        if known is not None and data.startswith(known):
            return np.dtype(f"<{letter}{size}")
    raise Unreadable(f"{name} does not hold plain numbers")


def _types() -> dict[str, bytes]:
    """Returns the messages of the types that NumPy and HDF5 share."""
    found = {}
    for size in (1, 2, 4, 8):
        for letter, sign in (("u", 0), ("i", 8)):
            found[f"<{letter}{size}"] = struct.pack(
                "<BBBBIHH", 0x10, sign, 0, 0, size, 0, 8 * size
            )
    # IEEE 754: bits of exponent and of fraction, bias.
    for size, e, m, bias in ((2, 5, 10, 15), (4, 8, 23, 127), (8, 11, 52, 1023)):
        bits = 8 * size
        found[f"<f{size}"] = struct.pack(
            "<BBBBIHHBBBBI", 0x11, 0x20, bits - 1, 0, size, 0, bits, m, e, 0, m, bias
        )
    return found


_TYPES = _types()


def _contiguous(data: bytes, name: str) -> tuple[int, int]:
    """Returns where an array lies that lies in one piece: (place, bytes); IV.A.2.i."""
    if len(data) < 18 or data[:2] != b"\3\1":
        raise Unreadable(f"{name} is not a plain array")
    place, length = struct.unpack_from("<QQ", data, 2)
    return place, length


def _attribute(data: bytes) -> tuple[str, bytes, bytes]:
    """Returns (name, type, value) of an attribute; IV.A.2.m, versions 1 and 3."""
    version, name, kind, space = struct.unpack_from("<BxHHH", data)
    if version not in (1, 3):
        return "", b"", b""
    # Version 1 fills each part up to 8 bytes; version 3 tells the character set.
    ends = [-(-n // 8) * 8 if version == 1 else n for n in (name, kind, space)]
    first = 8 if version == 1 else 9
    second = first + ends[0]
    third = second + ends[1]
    label = data[first : first + name].rstrip(b"\0").decode("utf-8", "replace")
    return label, data[second : second + kind], data[third + ends[2] :]
