"""Read and write TIFF: tags by ``ifd``, pixels by tifffile and imagecodecs.

Pillow would silently reduce 16-bit RGB to 8 bits. Not for scientific TIFF: floating
point, signed numbers, stacks and volumes are refused by name.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np

from vaenhance.errors import PhotoError
from vaenhance.photo import exif, ifd
from vaenhance.photo.canvas import is_sideways
from vaenhance.photo.model import Array, Decoded, Metadata, Opened
from vaenhance.photo.source import TRUNCATED, size_of
from vaenhance.photo.tiff_pixels import Description, decode
from vaenhance.photo.tiff_segments import check_segments

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _STRIP_COUNTS, _PLANAR = 273, 277, 279, 284
_ROWS, _TILE_WIDTH, _TILE_HEIGHT = 278, 322, 323
_COLOR_MAP, _TILE_OFFSETS, _TILE_COUNTS, _INK_SET, _EXTRA = 320, 324, 325, 332, 338
_SUBFILE, _DESCRIPTION, _FORMAT, _DEPTH = 254, 270, 339, 32997
_XMP, _IPTC, _ICC, _DNG_VERSION = 700, 33723, 34675, 50706
_OTHER = (exif.ORIENTATION, exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.RESOLUTION_UNIT)
_WANTED = {
    *(_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIP_OFFSETS, _SAMPLES),
    *(_STRIP_COUNTS, _COLOR_MAP, _TILE_OFFSETS, _TILE_COUNTS, _INK_SET, _EXTRA),
    *(_ROWS, _TILE_WIDTH, _TILE_HEIGHT, _PLANAR),
    *(
        _SUBFILE,
        _DESCRIPTION,
        _FORMAT,
        _DEPTH,
        _XMP,
        _IPTC,
        _ICC,
        _DNG_VERSION,
        *_OTHER,
    ),
}
_PLAIN, _CCITT = 1, {2, 3, 4}  # compressions
_KIND = {_SUBFILE, _DNG_VERSION}
_MAX_PAGES = 1000  # that are looked through: more than one is too many already


@dataclass(frozen=True)
class _Page:
    """One directory: which one in the file, where, and its tags."""

    index: int
    offset: int
    layout: ifd.Layout
    entries: dict[int, ifd.Entry]

    def numbers(self, tag: int, default: Sequence[int] = ()) -> list[int]:
        """Whole numbers of a tag."""
        entry = self.entries.get(tag)
        values = entry.numbers(self.layout) if entry else ()
        return [int(value) for value in values] or list(default)

    def number(self, tag: int, default: int) -> int:
        """First whole number of a tag."""
        return self.numbers(tag, [default])[0]

    def segment(self, height: int, width: int) -> tuple[int, int]:
        """Size of a tile, or of a strip of a page of that size."""
        if _TILE_WIDTH in self.entries:
            return self.number(_TILE_HEIGHT, height), self.number(_TILE_WIDTH, width)
        return min(self.number(_ROWS, height), height), width

    def raw(self, tag: int) -> bytes | None:
        """Bytes of a tag."""
        entry = self.entries.get(tag)
        return entry.raw if entry else None


_NOWHERE = logging.NullHandler()


def silence() -> None:
    """Keep what tifffile logs about odd files away from standard error."""
    logger = logging.getLogger("tifffile")
    logger.addHandler(_NOWHERE)  # without one, Python prints warnings by itself
    logger.propagate = False


def open_tiff(stream: BinaryIO) -> Opened:
    """Read the tags of a TIFF file.

    Raises:
        PhotoError: Several pages, camera raw, cut off, or pixels of a kind that is
            not supported.
    """
    head = stream.read(16)
    layout = ifd.read_layout(head)
    if layout is None or len(head) < 16:
        raise PhotoError(TRUNCATED)
    if head[8:10] == b"CR":
        raise PhotoError("camera raw files are not supported")
    size = size_of(stream)
    page = _only_page(stream, layout, size)
    places = _check_extent(page, size)
    described = Description(
        width=page.number(_WIDTH, 0),
        height=page.number(_HEIGHT, 0),
        bits=tuple(page.numbers(_BITS, [1])),
        sample_format=page.number(_FORMAT, 1),
        photometric=page.number(_PHOTOMETRIC, -1),
        compression=page.number(_COMPRESSION, 1),
        samples=page.number(_SAMPLES, 1),
        extra=tuple(page.numbers(_EXTRA)),
        ink_set=page.number(_INK_SET, 1),
        color_map=tuple(page.numbers(_COLOR_MAP)),
        icc_profile=page.raw(_ICC),
    )
    described.check()
    silence()
    shape = described.height, described.width

    def decoded() -> Decoded:
        _check_parts(page, described, places)
        segment = page.segment(*shape)
        check_segments(stream, described.compression, shape, segment, places)
        return decode(stream, page.index, described, orientation)

    metadata, orientation = _metadata(stream, page, size, described)
    return Opened(
        "TIFF",
        described.width,
        described.height,
        orientation,
        metadata,
        decoded,
    )


def _only_page(stream: BinaryIO, layout: ifd.Layout, size: int) -> _Page:
    """The one full-size picture; previews (reduced pages and masks) do not count."""
    pages: list[_Page] = []
    count, index, seen = 0, 0, set[int]()
    offset = ifd.first_directory(stream, layout)
    while offset and offset not in seen and index < _MAX_PAGES:
        seen.add(offset)
        # Only what tells pictures from previews: pages may share large values.
        page, following = _page(stream, layout, size, (index, offset), _KIND)
        if _DNG_VERSION in page.entries:
            raise PhotoError("camera raw files are not supported")
        if not page.number(_SUBFILE, 0) & 0b101:
            count += 1
            if not pages:
                pages.append(page)
        offset, index = following, index + 1
    if not pages:
        raise PhotoError("damaged: no full-size picture in the TIFF file")
    where = pages[0].index, pages[0].offset
    pages[0], _ = _page(stream, layout, size, where, _WANTED)
    # ImageJ writes a stack as one directory and says so in the description only.
    stack = re.match(
        rb"ImageJ=.*?\nimages=(\d+)", pages[0].raw(_DESCRIPTION) or b"", 16
    )
    count = max(count, int(stack[1]) if stack else 1, pages[0].number(_DEPTH, 1))
    if count > 1:
        more = " or more" if index == _MAX_PAGES else ""
        raise PhotoError(f"has {count} pages{more}: not supported")
    return pages[0]


def _page(
    stream: BinaryIO,
    layout: ifd.Layout,
    size: int,
    where: tuple[int, int],
    wanted: set[int],
) -> tuple[_Page, int]:
    """The page of an index and an offset with some tags, and where the next one is."""
    index, offset = where
    try:
        entries, following = ifd.read_directory(
            stream, layout, offset, size=size, wanted=wanted.__contains__
        )
    except EOFError as error:
        raise PhotoError(TRUNCATED) from error
    tags = {entry.tag: entry for entry in entries}
    return _Page(index, offset, layout, tags), following


def _check_extent(page: _Page, size: int) -> tuple[list[int], list[int]]:
    """Where strips or tiles begin and how long they are, if inside the file."""
    offsets = page.numbers(_TILE_OFFSETS) or page.numbers(_STRIP_OFFSETS)
    counts = page.numbers(_TILE_COUNTS) or page.numbers(_STRIP_COUNTS)
    if not offsets:
        raise PhotoError("damaged: the TIFF file does not say where its pixels are")
    ends = [start + length for start, length in zip(offsets, counts, strict=False)]
    if max([*offsets, *ends]) > size:
        raise PhotoError(TRUNCATED)
    return offsets, counts


def _check_parts(
    page: _Page, described: Description, places: tuple[list[int], list[int]]
) -> None:
    """Refuse a page of which strips or tiles are missing: they would be black."""
    shape = described.height, described.width
    wanted = described.samples if page.number(_PLANAR, 1) == 2 else 1
    for side, part in zip(shape, page.segment(*shape), strict=True):
        wanted *= math.ceil(side / max(part, 1))
    offsets, counts = places
    # Of one strip old programs leave out the length, and tifffile finds it.
    is_plain = described.compression == _PLAIN and not any(
        bits % 8 for bits in described.bits
    )
    if wanted == 1 and (is_plain or described.compression in _CCITT):
        counts = [1]
    if min(len(offsets), len(counts)) < wanted or 0 in counts[:wanted]:
        raise PhotoError("damaged: parts of the picture are missing in the TIFF file")


def _metadata(
    stream: BinaryIO, page: _Page, size: int, described: Description
) -> tuple[Metadata, int]:
    """What is kept, and the orientation."""
    entries = list(page.entries.values())
    xmp, xmp_orientation = exif.clean_xmp(page.raw(_XMP))
    turned = exif.orientation_of(entries, page.layout) or xmp_orientation or 1
    dpi = exif.resolution_of(entries, page.layout)
    if dpi and is_sideways(turned):
        dpi = dpi[::-1]
    block = exif.describe(stream, page.layout, page.offset, size)
    iptc = page.raw(_IPTC)
    if iptc is not None and iptc[:1] != b"\x1c":  # what every record begins with
        iptc = None
    profile = described.output_profile
    return Metadata(block, profile, xmp, dpi, iptc=iptc), turned


def encode_tiff(pixels: Array, metadata: Metadata) -> bytes:
    """Encode (H, W) or (H, W, 2 to 4) uint8 or uint16 with its metadata.

    Deflate with a horizontal predictor: lossless, and read everywhere.
    """
    import tifffile

    silence()
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    options: dict[str, Any] = {}
    if metadata.dpi:
        options |= {"resolution": metadata.dpi, "resolutionunit": "INCH"}
    blocks = ((_XMP, 1, metadata.xmp), (_IPTC, 7, metadata.iptc))
    options["extratags"] = [
        (tag, kind, len(block), block, True) for tag, kind, block in blocks if block
    ]
    if channels > 1:
        options["planarconfig"] = "contig"
    if channels in (2, 4):
        options["extrasamples"] = ["unassalpha"]
    # In the order of the EXIF: bytes that only a maker knows cannot be swapped.
    if (metadata.exif or b"").startswith(b"MM"):
        options["byteorder"] = ">"
    stream = BytesIO()
    tifffile.imwrite(
        stream,
        np.ascontiguousarray(pixels),
        photometric="rgb" if channels > 2 else "minisblack",
        compression="adobe_deflate",
        predictor=True,
        iccprofile=metadata.icc_profile,
        metadata=None,
        software=False,
        **options,
    )
    if metadata.exif:
        exif.attach(stream, metadata.exif)
    return stream.getvalue()
