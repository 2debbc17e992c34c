"""Tag directories of TIFF files, which are also what EXIF is made of.

Values stay raw bytes, so that tags nobody here understands survive unchanged. Not
for the meaning of tags; that is in ``exif`` and ``tiff``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import numpy as np

#: Bytes of one value, by type code of the TIFF 6 and BigTIFF specifications.
VALUE_SIZES = {
    **{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8},
    **{11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8},
    129: 1,  # UTF-8, of EXIF 3.0
}
_FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
_MAX_ENTRIES = 4096
_MAX_VALUE = 64 << 20  # bytes of one tag: more is an attack, not metadata
_MAX_VALUES = 256 << 20  # of all tags of a directory


@dataclass(frozen=True)
class Layout:
    """Byte order ``"<"`` or ``">"``, and whether offsets have 64 bits (BigTIFF)."""

    order: str
    big: bool = False

    @property
    def head(self) -> str:
        """Struct format of the number of entries."""
        return self.order + ("Q" if self.big else "H")

    @property
    def link(self) -> str:
        """Struct format of an offset."""
        return self.order + ("Q" if self.big else "I")

    @property
    def inline(self) -> int:
        """Bytes of a value that fit into its entry."""
        return 8 if self.big else 4

    @property
    def entry(self) -> str:
        """Struct format of tag, type, count and value field."""
        return self.order + ("HHQ8s" if self.big else "HHI4s")

    @property
    def link_position(self) -> int:
        """Where the header keeps the offset of the first directory."""
        return 8 if self.big else 4


@dataclass(frozen=True)
class Entry:
    """One tag: its code, type code, number of values and raw value bytes.

    A tag that points to a directory holds that directory in ``children``; ``row``
    is its place in the directory it was read from.
    """

    tag: int
    kind: int
    count: int
    raw: bytes
    children: tuple[Entry, ...] | None = None
    row: int = -1

    def numbers(self, layout: Layout) -> tuple[float, ...]:
        """Values of an integer or rational tag; empty for other types."""
        if self.kind in (5, 10):
            form = f"{layout.order}{self.count * 2}{'I' if self.kind == 5 else 'i'}"
            flat = struct.unpack(form, self.raw)
            pairs = zip(flat[::2], flat[1::2], strict=True)
            return tuple(over / under if under else 0.0 for over, under in pairs)
        if self.kind not in _FORMATS:
            return ()
        return struct.unpack(
            f"{layout.order}{self.count}{_FORMATS[self.kind]}", self.raw
        )


def read_layout(head: bytes) -> Layout | None:
    """Layout from the first bytes of a file or EXIF block; None if it is neither."""
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        return None
    version = struct.unpack_from(order + "H", head, 2)[0]
    return Layout(order, version == 43) if version in (42, 43) else None


def first_directory(stream: BinaryIO, layout: Layout) -> int:
    """Offset of the first directory."""
    stream.seek(layout.link_position)
    return _unpack(stream, layout.link)


def _unpack(stream: BinaryIO, form: str) -> int:
    data = stream.read(struct.calcsize(form))
    if len(data) < struct.calcsize(form):
        raise EOFError("a tag directory is cut off")
    return int(struct.unpack(form, data)[0])


def read_directory(
    stream: BinaryIO,
    layout: Layout,
    offset: int,
    *,
    size: int,
    wanted: Callable[[int], bool] = lambda tag: True,
) -> tuple[list[Entry], int]:
    """Read one directory without tags that point outside the data or come twice.

    Values that share their bytes, so that together they are more than the data, are
    left out, too: a file of a megabyte could claim gigabytes.

    Args:
        stream: The file or block, offsets counted from its beginning.
        layout: Its layout.
        offset: Where the directory begins.
        size: Length of the data in bytes.
        wanted: Which tags to read.

    Returns:
        The entries, and the offset of the next directory (0: none).

    Raises:
        EOFError: The directory itself is cut off.
        ValueError: It has an absurd number of entries.
    """
    if offset >= size:  # BigTIFF can say more than a file can be long
        raise EOFError("a tag directory is cut off")
    stream.seek(offset)
    count = _unpack(stream, layout.head)
    if count > _MAX_ENTRIES:
        raise ValueError(f"a tag directory with {count} entries")
    width = struct.calcsize(layout.entry)
    table = stream.read(count * width)
    if len(table) < count * width:
        raise EOFError("a tag directory is cut off")
    try:
        following = _unpack(stream, layout.link)
    except EOFError:  # some writers end at the last entry: nothing follows
        following = 0
    entries: dict[int, Entry] = {}
    left = min(size, _MAX_VALUES)
    for row, parts in enumerate(struct.iter_unpack(layout.entry, table)):
        tag, kind, values, field = parts
        length = VALUE_SIZES.get(kind, 0) * values
        if tag in entries or not wanted(tag) or not 0 < length <= _MAX_VALUE:
            continue
        if length > layout.inline:
            start = struct.unpack(layout.link, field)[0]
            if start + length > size or length > left:
                continue
            left -= length
            stream.seek(start)
            field = stream.read(length)
        entries[tag] = Entry(tag, kind, values, field[:length], row=row)
    return list(entries.values()), following


def swapped(entry: Entry) -> Entry:
    """The same tag in the other byte order."""
    width = VALUE_SIZES[entry.kind]
    if entry.kind in (5, 10):
        width = 4  # a rational is two numbers
    raw = np.frombuffer(entry.raw, f"u{width}").byteswap().tobytes()
    children = None
    if entry.children is not None:
        children = tuple(swapped(child) for child in entry.children)
    return Entry(entry.tag, entry.kind, entry.count, raw, children)


def append_directory(
    stream: BytesIO, layout: Layout, entries: list[Entry] | tuple[Entry, ...]
) -> int:
    """Write a directory with all its values at the end of the stream.

    Returns:
        The offset of the directory.
    """
    rows = []
    for entry in sorted(entries, key=lambda entry: entry.tag):
        kind, count, raw = entry.kind, entry.count, entry.raw
        if entry.children is not None:
            child = append_directory(stream, layout, entry.children)
            kind, count = (18 if layout.big else 4), 1
            raw = struct.pack(layout.link, child)
        if len(raw) > layout.inline:
            start = _end(stream)
            stream.write(raw)
            raw = struct.pack(layout.link, start)
        field = raw.ljust(layout.inline, b"\0")
        rows.append(struct.pack(layout.entry, entry.tag, kind, count, field))
    offset = _end(stream)
    stream.write(struct.pack(layout.head, len(rows)))
    stream.write(b"".join(rows))
    stream.write(struct.pack(layout.link, 0))
    return offset


def _end(stream: BytesIO) -> int:
    """Go to the end, on an even offset as the specification asks."""
    end = stream.seek(0, 2)
    if end % 2:
        stream.write(b"\0")
    return end + end % 2
