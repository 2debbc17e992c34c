"""The few things in EXIF and XMP that this program must understand.

Those are the orientation, the resolution and the thumbnail. Everything else in a
block keeps its bytes and its place, so maker notes survive. Not a metadata editor.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO

from vaenhance.photo import ifd
from vaenhance.photo.exif_thumbnail import without_thumbnail
from vaenhance.photo.ifd import Entry, Layout

ORIENTATION = 0x0112
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005
_IMAGE_DESCRIPTION = 0x010E
_POINTERS = {EXIF_IFD, GPS_IFD, INTEROP_IFD}

# What describes the picture, as opposed to how its pixels are stored: title, camera,
# software, date, artist, computer, rating, copyright and their Windows twins.
_DESCRIPTIVE = {
    *(_IMAGE_DESCRIPTION, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C),
    *(0x4746, 0x4749),
    *(0x8298, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F, EXIF_IFD, GPS_IFD),
}

_PREFIXES = re.compile(rb"(?:Exif\0\0)*+")
# Blanks are taken at once (*+): tried in every way, many of them would take for ever.
_XMP_ORIENTATION = re.compile(rb"""tiff:Orientation(?:\s*+=\s*+["']|>)\s*+([1-8])""")
_XMP_REMOVE = re.compile(
    rb"""\s?tiff:Orientation\s*+=\s*+"""
    rb"""(?:"\s*+[0-9]*+\s*+"|'\s*+[0-9]*+\s*+')"""
    rb"""|<tiff:Orientation>\s*+[0-9]*+\s*+</tiff:Orientation>"""
)


def clean_exif(
    block: bytes | None,
) -> tuple[bytes | None, int | None, tuple[float, float] | None]:
    """Take the orientation out of an EXIF block.

    Also cut: tags that point outside the block or come twice, and the link to the
    thumbnail, whose bytes become zeros. All other bytes stay where they are.

    Returns:
        The block (None when nothing usable is in it), the orientation (None: not
        given) and the resolution in pixels per inch.
    """
    if not block:
        return None, None, None
    # Some writers repeat the prefix; a loop would take hours over megabytes of it.
    found = _PREFIXES.match(block)
    block = block[found.end() :] if found else block
    layout = ifd.read_layout(block)
    if layout is None or layout.big:
        return None, None, None
    stream = BytesIO(block)
    try:
        start = ifd.first_directory(stream, layout)
        entries, _ = ifd.read_directory(stream, layout, start, size=len(block))
    except (EOFError, ValueError):
        return None, None, None
    kept = [entry.row for entry in entries if entry.tag != ORIENTATION]
    cleaned = _keep_rows(block, layout, start, kept) if kept else None
    return cleaned, orientation_of(entries, layout), resolution_of(entries, layout)


def _keep_rows(block: bytes, layout: Layout, start: int, kept: list[int]) -> bytes:
    """Close the gaps in the first directory; values elsewhere do not move."""
    count = struct.unpack_from(layout.head, block, start)[0]
    rows = [block[start + 2 + 12 * row : start + 14 + 12 * row] for row in kept]
    # Zeros behind the last row are at once the empty link to the thumbnail; unless
    # the writer has left that out and values begin there.
    end = 12 * count
    has_link = not any(
        start + 2 + end <= place < start + 6 + end
        for place in (_place(row, layout) for row in rows)
    )
    if has_link:
        block = without_thumbnail(block, layout, start, _POINTERS)
    edited = bytearray(block)
    struct.pack_into(layout.head, edited, start, len(rows))
    table = b"".join(rows).ljust(end + 4 * has_link, b"\0")
    edited[start + 2 : start + 2 + len(table)] = table
    return bytes(edited)


def _place(row: bytes, layout: Layout) -> int:
    """Where the value of a row of a directory begins; -1: within the row."""
    _, kind, count, field = struct.unpack(layout.entry, row)
    if ifd.VALUE_SIZES.get(kind, 0) * count <= layout.inline:
        return -1
    return int(struct.unpack(layout.link, field)[0])


def orientation_of(entries: Sequence[Entry], layout: Layout) -> int | None:
    """Orientation in a directory: 1 to 8, or None when absent or nonsense."""
    for entry in entries:
        if entry.tag == ORIENTATION:
            value = (*entry.numbers(layout), 0)[0]
            return int(value) if 1 <= value <= 8 else None
    return None


def resolution_of(
    entries: Sequence[Entry], layout: Layout
) -> tuple[float, float] | None:
    """Pixels per inch in a directory."""
    values = {
        entry.tag: (*entry.numbers(layout), 0)[0]
        for entry in entries
        if entry.tag in (X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT)
    }
    inches = {2: 1.0, 3: 2.54}.get(int(values.get(RESOLUTION_UNIT, 2)))
    across, down = values.get(X_RESOLUTION, 0), values.get(Y_RESOLUTION, 0)
    if inches is None or across <= 0 or down <= 0:
        return None
    return across * inches, down * inches


def clean_xmp(packet: bytes | None) -> tuple[bytes | None, int | None]:
    """Take the orientation out of an XMP packet.

    Returns:
        The packet and its orientation (None: not given).
    """
    if not packet:
        return None, None
    found = _XMP_ORIENTATION.search(packet)
    return _XMP_REMOVE.sub(b"", packet), int(found[1]) if found else None


def describe(stream: BinaryIO, layout: Layout, offset: int, size: int) -> bytes | None:
    """Build an EXIF block from the descriptive tags of a directory in a TIFF file."""
    found = _tree(stream, layout, offset, size, _DESCRIPTIVE)
    entries = [entry for entry in map(_of_the_picture, found) if entry]
    if not entries:
        return None
    block = BytesIO()
    small = Layout(layout.order)
    magic = b"II*\0" if layout.order == "<" else b"MM\0*"
    block.write(magic + bytes(4))
    start = ifd.append_directory(block, small, entries)
    block.seek(small.link_position)
    block.write(struct.pack(small.link, start))
    return block.getvalue()


def _of_the_picture(entry: Entry) -> Entry | None:
    """Leave out of a description the shape of the array that tifffile adds to it.

    It is about the pixels of one file, and wrong once an image has become larger.
    """
    if entry.tag != _IMAGE_DESCRIPTION:
        return entry
    try:
        said = json.loads(entry.raw.rstrip(b"\0"))
    except (ValueError, RecursionError):
        return entry
    if not isinstance(said, dict) or "shape" not in said:
        return entry
    del said["shape"]
    raw = json.dumps(said).encode() + b"\0"
    return replace(entry, raw=raw, count=len(raw)) if said else None


def _tree(
    stream: BinaryIO,
    layout: Layout,
    offset: int,
    size: int,
    wanted: set[int] | None = None,
    depth: int = 0,
) -> list[Entry]:
    """A directory with the directories it points to; damaged ones are left out."""
    try:
        found, _ = ifd.read_directory(
            stream,
            layout,
            offset,
            size=size,
            wanted=lambda tag: wanted is None or tag in wanted,
        )
    except (EOFError, ValueError):
        return []
    entries = []
    for entry in found:
        if entry.tag not in _POINTERS:
            entries.append(entry)
        elif depth < 2 and (target := entry.numbers(layout)):
            children = _tree(stream, layout, int(target[0]), size, None, depth + 1)
            if children:
                entries.append(Entry(entry.tag, 4, 1, b"", tuple(children)))
    return entries


def attach(stream: BytesIO, block: bytes) -> None:
    """Add the descriptive tags of an EXIF block to a TIFF file with one page.

    The directory is written anew at the end of the file; pixels do not move.
    """
    outer = ifd.read_layout(stream.getbuffer()[:16].tobytes())
    inner = ifd.read_layout(block)
    if outer is None or inner is None:
        return
    source = BytesIO(block)
    start = ifd.first_directory(source, inner)
    added = _tree(source, inner, start, len(block), _DESCRIPTIVE)
    if inner.order != outer.order:
        added = [ifd.swapped(entry) for entry in added]
    own, _ = ifd.read_directory(
        stream,
        outer,
        ifd.first_directory(stream, outer),
        size=stream.getbuffer().nbytes,
    )
    tags = {entry.tag for entry in added}
    merged = [*added, *(entry for entry in own if entry.tag not in tags)]
    start = ifd.append_directory(stream, outer, merged)
    stream.seek(outer.link_position)
    stream.write(struct.pack(outer.link, start))
