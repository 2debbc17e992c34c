"""Whether the strips or tiles of a TIFF page may be given to a decoder.

A decoder allocates what a tile's tags or a picture inside a strip claim, however
small the page is. Not for decoding; ``tiff_pixels`` does that.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import BinaryIO

from vaenhance.errors import PhotoError
from vaenhance.photo.jpeg_markers import check_jpeg

_JPEG, _WEBP, _PNG = 7, 50001, 34933
_JPEG_2000 = (33003, 33004, 33005, 34712)
# None, CCITT, LZW, Deflate, PackBits, LZMA, Zstandard: they fill what is given to them.
_STREAMS = {1, 2, 3, 4, 5, 8, 32946, 32773, 34925, 50000}
_ROOM = 1 << 22  # pixels of a tile that need no reason
_HEAD = 4096  # bytes in which a picture states its size

Size = tuple[int, int]  # (height, width)


def check_segments(
    stream: BinaryIO,
    compression: int,
    page: Size,
    segment: Size,
    places: tuple[Sequence[int], Sequence[int]],
) -> None:
    """Refuse what would take more memory or time than its page has a right to.

    Args:
        stream: The file; its position is not kept.
        compression: Its number in the specification.
        page: Size of the page.
        segment: Size of a strip or tile, as the tags say.
        places: Where the strips or tiles begin, and how long they are.

    Raises:
        PhotoError: Says what is too large, or that the compression is not supported.
    """
    height, width = segment
    if height * width > max(_ROOM, 4 * page[0] * page[1]):
        raise PhotoError(
            f"damaged: tiles of {width} x {height} pixels in a picture of "
            f"{page[1]} x {page[0]}"
        )
    if compression in _STREAMS or compression == _WEBP:
        return  # libwebp, too, fills what is given to it
    if compression not in (_JPEG, _PNG, *_JPEG_2000):
        raise PhotoError(f"TIFF compression {compression} is not supported")
    for start, length in itertools.zip_longest(*places, fillvalue=0):
        if compression == _JPEG:
            check_jpeg(stream, start, length, most=segment)
            continue
        stream.seek(start)
        found = _size(stream.read(min(_HEAD, length)))
        if found is None or found[0] > height or found[1] > width:
            raise PhotoError("damaged: a part of the TIFF file is larger than it says")


def _size(head: bytes) -> Size | None:
    """Size that a PNG or JPEG 2000 picture states."""
    if head.startswith(b"\x89PNG"):
        return _numbers(head, 20, 16)
    code = head.find(b"\xff\x4f\xff\x51")  # start of the code stream, and its size
    ends = _numbers(head, code + 12, code + 8) if code >= 0 else None
    starts = _numbers(head, code + 20, code + 16)
    if ends is None or starts is None:
        return None
    return ends[0] - starts[0], ends[1] - starts[1]


def _numbers(head: bytes, *places: int) -> Size | None:
    """Two numbers of four bytes each."""
    words = [head[place : place + 4] for place in places]
    if any(len(word) < 4 for word in words):
        return None
    first, second = (int.from_bytes(word, "big") for word in words)
    return first, second
