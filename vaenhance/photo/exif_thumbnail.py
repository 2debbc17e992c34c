"""The thumbnail of an EXIF block, which shows the picture as it was before.

Its bytes become zeros; nothing moves. Not for the link to it; ``exif`` cuts that.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator
from io import BytesIO

from vaenhance.photo import ifd
from vaenhance.photo.ifd import Entry, Layout

# Where it begins and how long it is, as JPEG and, the older way, in strips.
_PLACES = ((0x0201, 0x0202), (0x0111, 0x0117))
_WANTED = {tag for tags in _PLACES for tag in tags}
_MOST = 32  # strips: thumbnails have one, or a few

Range = tuple[int, int]


def without_thumbnail(
    block: bytes, layout: Layout, start: int, pointers: Collection[int]
) -> bytes:
    """Write zeros over a thumbnail.

    Bytes of other tags stay, wherever the tags of the thumbnail point to.

    Args:
        block: The EXIF block.
        layout: Its layout.
        start: Where its first directory begins, which can be read.
        pointers: Tags that lead to further directories.
    """
    links, following = _read(block, layout, start, pointers)
    if not following:
        return block
    thumbnail, _ = _read(block, layout, following, _WANTED)
    found = [piece for piece in _pieces(thumbnail, layout) if piece[0] < len(block)]
    if not found:
        return block
    kept = [(0, 8), *_taken(block, layout, start)]
    for entry in links:
        kept += _below(block, layout, entry, pointers)
    kept.sort()
    edited = bytearray(block)
    for first, last in found:
        for begin, end in _free(first, min(last, len(block)), kept):
            edited[begin:end] = bytes(end - begin)
    return bytes(edited)


def _read(
    block: bytes, layout: Layout, start: int, wanted: Collection[int]
) -> tuple[list[Entry], int]:
    """Some tags of a directory, and where the next one is; nothing of a broken one."""
    try:
        return ifd.read_directory(
            BytesIO(block),
            layout,
            start,
            size=len(block),
            wanted=wanted.__contains__,
        )
    except (EOFError, ValueError):
        return [], 0


def _pieces(entries: Iterable[Entry], layout: Layout) -> Iterator[Range]:
    """Where the parts of a thumbnail begin and end."""
    tags = {entry.tag: entry for entry in entries}
    for places, lengths in _PLACES:
        if places in tags and lengths in tags:
            starts = tags[places].numbers(layout)[:_MOST]
            counts = tags[lengths].numbers(layout)[:_MOST]
            for begin, length in zip(starts, counts, strict=False):
                if begin >= 0 and length > 0:
                    yield int(begin), int(begin) + int(length)


def _below(
    block: bytes,
    layout: Layout,
    entry: Entry,
    pointers: Collection[int],
    depth: int = 0,
) -> Iterator[Range]:
    """What the directory that a tag leads to takes up, and those that it leads to."""
    for target in entry.numbers(layout)[:1]:
        yield from _taken(block, layout, int(target))
        if depth < 2:
            children, _ = _read(block, layout, int(target), pointers)
            for child in children:
                yield from _below(block, layout, child, pointers, depth + 1)


def _taken(block: bytes, layout: Layout, start: int) -> Iterator[Range]:
    """What a directory and its values take up; nothing if it is broken."""
    if not 0 <= start <= len(block) - 2:
        return
    count = struct.unpack_from(layout.head, block, start)[0]
    end = start + 2 + 12 * count
    table = block[start + 2 : end]
    if len(table) < 12 * count:
        return
    yield start, end + 4
    for _, kind, values, field in struct.iter_unpack(layout.entry, table):
        length = ifd.VALUE_SIZES.get(kind, 0) * values
        if length > layout.inline:
            begin = struct.unpack(layout.link, field)[0]
            if begin + length <= len(block):  # else nobody can read it
                yield begin, begin + length


def _free(begin: int, end: int, kept: Iterable[Range]) -> Iterator[Range]:
    """The parts of a range that none of the kept ones, in order, takes up."""
    for first, last in kept:
        if last <= begin:
            continue
        if first >= end:
            break
        if begin < first:
            yield begin, first
        begin = last
    if begin < end:
        yield begin, end
