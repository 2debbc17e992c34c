"""Walk through the markers of a JPEG stream without decoding it.

A decoder works once through the whole picture for every scan, and allocates what a
header claims; both are looked at here before it runs. Not for pixels or metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from vaenhance.errors import PhotoError

#: Programs write some ten scans. A thousand, a few bytes each, keep a decoder busy
#: for a thousand times as long as one.
MOST_SCANS = 100
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_BLOCK = 1 << 16
_END, _SCAN, _BARE = 0xD9, 0xDA, (0x01, 0xD8)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # what states a size


def check_jpeg(
    stream: BinaryIO,
    start: int = 0,
    length: int | None = None,
    *,
    most: tuple[int, int] | None = None,
) -> None:
    """Refuse a stream that would keep a decoder busy, or is larger than it may be.

    Args:
        stream: The file; its position is not kept.
        start: Where the stream begins.
        length: Its bytes; None goes to the end of the file.
        most: Largest (height, width); None allows any.

    Raises:
        PhotoError: More than 100 scans, or a size above ``most``.
    """
    end = start + length if length is not None else 1 << 62
    scans = 0
    for marker, place in _markers(stream, start, end):
        scans += marker == _SCAN
        if scans > MOST_SCANS:
            raise PhotoError(
                f"a JPEG with more than {MOST_SCANS} scans is not supported: "
                "it would take very long to decode"
            )
        if most is not None and marker in _FRAMES:
            stream.seek(place + 5)
            size = stream.read(4)
            height, width = (int.from_bytes(size[i : i + 2], "big") for i in (0, 2))
            if height > most[0] or width > most[1]:
                raise PhotoError(
                    f"damaged: holds a JPEG of {width} x {height} pixels where "
                    f"{most[1]} x {most[0]} belong"
                )


def end_of_picture(stream: BinaryIO) -> int | None:
    """Where the end mark of the first picture is; None when there is none."""
    found = _markers(stream, 0, 1 << 62)
    return next((place for marker, place in found if marker == _END), None)


def _markers(stream: BinaryIO, here: int, end: int) -> Iterator[tuple[int, int]]:
    """Yields (marker, where) up to the end of the first picture."""
    while (place := _next(stream, here, end)) is not None:
        stream.seek(place + 1)
        head = stream.read(3)
        if len(head) < 3 and head[:1] != bytes([_END]):
            return
        yield head[0], place
        if head[0] == _END:
            return
        bare = head[0] in _BARE
        here = place + 2 + (0 if bare else max(int.from_bytes(head[1:], "big"), 2))


def _next(stream: BinaryIO, here: int, end: int) -> int | None:
    """Where the next marker is; what lies between are coded pixels, or rubbish."""
    while here < end:
        stream.seek(here)
        block = stream.read(min(_BLOCK, end - here))
        if found := _MARKER.search(block):
            return here + found.start()
        if len(block) < 2:
            return None
        here += len(block) - 1  # a marker may lie across the border
    return None
