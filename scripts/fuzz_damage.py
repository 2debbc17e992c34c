"""Damage to files: cut, flipped, overwritten, spliced, and damage that checksums miss.

Every function takes a random generator, so that a mutant is known by its number.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from vaenhance.photo import ifd
from vaenhance.photo.png_pixels import chunk

Rng = np.random.Generator
Mutation = Callable[[Rng, bytes, Sequence[bytes]], bytes]

_TELLING = (0, 1, 2, 7, 8, 255, 256, 32767, 32768, 65535, 65536, 100_000, 2**24)
_TELLING += (2**31 - 1, 2**31, 2**32 - 1)
_HEAD = 160  # bytes; headers are short: they get half of the damage


def _place(rng: Rng, data: bytes) -> int:
    return int(rng.integers(min(_HEAD, len(data)) if rng.random() < 0.5 else len(data)))


def truncated(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Cuts the end off."""
    return data[: _place(rng, data)]


def flipped(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Turns 1 to 200 bits over."""
    out = bytearray(data)
    for _ in range(int(rng.choice((1, 1, 2, 5, 20, 200)))):
        out[_place(rng, data)] ^= 1 << int(rng.integers(8))
    return bytes(out)


def overwritten(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Puts telling numbers, such as 0 and the largest, over 1, 2 or 4 bytes."""
    out = bytearray(data)
    for _ in range(int(rng.choice((1, 2, 6)))):
        width = int(rng.choice((1, 2, 4)))
        number = int(rng.choice(_TELLING)) % (1 << 8 * width)
        order = "big" if rng.random() < 0.5 else "little"
        place = _place(rng, data)
        out[place : place + width] = number.to_bytes(width, order)
    return bytes(out)


def spliced(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Goes on as another file, repeats, drops or inserts a part."""
    start, end = sorted((_place(rng, data), _place(rng, data)))
    part = data[start:end]
    other = others[int(rng.integers(len(others)))]
    return (
        data[:start] + other[int(rng.integers(len(other))) :],
        data[:end] + part * int(rng.integers(1, 30)) + data[end:],
        data[:start] + data[end:],
        data[:start] + rng.bytes(int(rng.integers(1, 40))) + data[start:],
    )[int(rng.integers(4))]


def resealed(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Damages a PNG file inside its chunks, and mends their checksums."""
    out, here = [data[:8]], 8
    wanted = rng.random()
    while here + 12 <= len(data):
        length = int.from_bytes(data[here : here + 4], "big")
        name, body = data[here + 4 : here + 8], data[here + 8 : here + 8 + length]
        if rng.random() < 0.3 and body:
            change = flipped if wanted < 0.5 else overwritten
            body = change(rng, body, others)
        if rng.random() < 0.03:
            name = bytes(rng.choice([b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"eXIf"]))
        if rng.random() < 0.05:
            body = truncated(rng, body or b"\0", others)
        out.append(chunk(name, body) * int(1 + (rng.random() < 0.03)))
        here += 12 + length
    return b"".join(out)


def repacked(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Damages the rows of a PNG file before they were compressed."""
    head, rest = data.split(b"IDAT", 1)
    places = rest.rsplit(b"IEND", 1)
    try:
        stored = b"".join(_bodies(data, b"IDAT"))
        rows = zlib.decompress(stored)
    except zlib.error:
        return flipped(rng, data, others)
    change = (flipped, truncated, spliced)[int(rng.integers(3))]
    rows = change(rng, rows, [rows])
    return head[:-4] + chunk(b"IDAT", zlib.compress(rows)) + b"\0\0\0\0IEND" + places[1]


def _bodies(data: bytes, wanted: bytes) -> list[bytes]:
    here, found = 8, []
    while here + 12 <= len(data):
        length = int.from_bytes(data[here : here + 4], "big")
        if data[here + 4 : here + 8] == wanted:
            found.append(data[here + 8 : here + 8 + length])
        here += 12 + length
    return found


def retagged(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Changes types, counts and values in the first directory of a TIFF file."""
    layout = ifd.read_layout(data[:16])
    if layout is None:
        return flipped(rng, data, others)
    start = struct.unpack_from(layout.link, data, layout.link_position)[0]
    count = struct.unpack_from(layout.head, data, start)[0]
    width, first = struct.calcsize(layout.entry), start + struct.calcsize(layout.head)
    out = bytearray(data)
    for _ in range(int(rng.choice((1, 1, 2, 4)))):
        place = first + width * int(rng.integers(count))
        tag, kind, values, field = struct.unpack_from(layout.entry, data, place)
        number = int(rng.choice(_TELLING))
        what = int(rng.integers(4))
        if what == 0:
            values = number
        elif what == 1:
            kind = int(rng.integers(1, 19))
        else:
            form = layout.order + ("H" if kind == 3 else layout.link[1:])
            limit = 1 << 8 * struct.calcsize(form)
            field = struct.pack(form, number % limit).ljust(len(field), b"\0")
        struct.pack_into(layout.entry, out, place, tag, kind, values, field)
    return bytes(out)


def resegmented(rng: Rng, data: bytes, others: Sequence[bytes]) -> bytes:
    """Damages, drops, doubles and reorders the segments of a JPEG file."""
    segments, here = [], 2
    while here + 4 <= len(data) and data[here + 1] != 0xDA:
        length = 2 + int.from_bytes(data[here + 2 : here + 4], "big")
        segments.append(data[here : here + length])
        here += length
    tail = data[here:]
    at = int(rng.integers(len(segments)))
    what = int(rng.integers(4))
    if what == 0:
        body = overwritten(rng, segments[at][4:] or b"\0", others)
        segments[at] = segments[at][:4] + body
    elif what == 1:
        del segments[at]
    elif what == 2:
        segments.insert(int(rng.integers(len(segments))), segments[at])
    else:
        rng.shuffle(segments)
    return data[:2] + b"".join(segments) + tail


COMMON: dict[str, Mutation] = {
    "truncated": truncated,
    "bits flipped": flipped,
    "numbers overwritten": overwritten,
    "spliced": spliced,
}
SPECIAL: dict[str, dict[str, Mutation]] = {
    "png": {"chunks changed, checksums mended": resealed, "rows changed": repacked},
    "tiff": {"tags changed": retagged},
    "jpeg": {"segments changed": resegmented},
}


def mutations(kind: str) -> dict[str, Mutation]:
    """Returns what can be done to a file of a kind such as ``png``, by name."""
    return {**COMMON, **SPECIAL.get(kind, {})}
