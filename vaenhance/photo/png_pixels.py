"""The pixels of a PNG file, in all its depths, eight or sixteen bits kept.

The stream is inflated band by band, and each band is given to libpng (through
imagecodecs) as a small file of its own. So memory is bounded, a bomb cannot go off,
interlacing is a loop over seven small pictures, and libpng, which prints its
warnings to the terminal, never sees anything to warn about. Not for other chunks.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from vaenhance.errors import PhotoError
from vaenhance.photo.canvas import Canvas
from vaenhance.photo.model import Array, Decoded
from vaenhance.photo.source import TRUNCATED

MAX_SIDE = 1_000_000  # libpng's own limit
_BAND = 4 << 20  # bytes of filtered rows handled at a time

_GRAY, _RGB, _PALETTE, _GRAY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_CHANNELS = {_GRAY: 1, _RGB: 3, _PALETTE: 1, _GRAY_ALPHA: 2, _RGB_ALPHA: 4}
_DEPTHS = {
    _GRAY: (1, 2, 4, 8, 16),
    _RGB: (8, 16),
    _PALETTE: (1, 2, 4, 8),
    _GRAY_ALPHA: (8, 16),
    _RGB_ALPHA: (8, 16),
}
# Adam7: first column, first row, column step, row step of each pass.
_PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)


@dataclass(frozen=True)
class Header:
    """The IHDR chunk."""

    width: int
    height: int
    depth: int
    kind: int
    is_interlaced: bool

    def row_bytes(self, width: int) -> int:
        """Bytes of a row of so many pixels, without its filter byte."""
        return (width * self.depth * _CHANNELS[self.kind] + 7) // 8


def read_header(stream: BinaryIO) -> Header:
    """Read the IHDR chunk.

    Raises:
        PhotoError: It is missing, cut off or says impossible things.
    """
    stream.seek(8)
    data = stream.read(25)
    if len(data) < 25:
        raise PhotoError(TRUNCATED)
    if data[:8] != b"\0\0\0\x0dIHDR":
        raise PhotoError("damaged: the PNG file does not begin with its header")
    check_checksum(data[4:21], data[21:])
    width, height, depth, kind, *methods, interlace = struct.unpack(
        ">IIBBBBB", data[8:21]
    )
    if (
        0 in (width, height)
        or depth not in _DEPTHS.get(kind, ())
        or methods != [0, 0]
        or interlace > 1
    ):
        raise PhotoError("damaged: the header of the PNG file makes no sense")
    return Header(width, height, depth, kind, interlace == 1)


def check_checksum(chunk: bytes, checksum: bytes) -> None:
    """Compare a chunk, from its name on, with its checksum.

    Raises:
        PhotoError: They do not agree.
    """
    if zlib.crc32(chunk).to_bytes(4, "big") != checksum:
        raise PhotoError("damaged: a checksum does not match")


class _Inflater:
    """Gives exactly as many bytes as are asked for."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._engine = zlib.decompressobj()

    def take(self, count: int) -> bytes:
        out = bytearray()
        while len(out) < count:
            tail = self._engine.unconsumed_tail
            block = tail or next(self._blocks, b"")
            try:
                piece = self._engine.decompress(block, count - len(out))
            except zlib.error as error:
                reason = f"damaged: the pixels do not unpack ({error})"
                raise PhotoError(reason) from error
            if not block and not piece:
                raise PhotoError(TRUNCATED)
            out += piece
        return bytes(out)

    def finish(self) -> None:
        """Read the rest, so that the last checksums are seen."""
        try:
            # A few bytes of room: whatever else is there is not part of the picture.
            self._engine.decompress(self._engine.unconsumed_tail, 16)
            for block in self._blocks:
                if not self._engine.eof and not self._engine.unconsumed_tail:
                    self._engine.decompress(block, 16)
        except zlib.error as error:
            raise PhotoError("damaged: a checksum does not match") from error


def decode(
    head: Header,
    blocks: Iterator[bytes],
    *,
    palette: bytes,
    transparency: bytes | None,
    keeps_colors: bool,
    orientation: int,
) -> Decoded:
    """Decode all pixels.

    Args:
        head: The header.
        blocks: The compressed stream.
        palette: PLTE chunk.
        transparency: tRNS chunk, if any.
        keeps_colors: a palette stays RGB even where all its colours are gray.
        orientation: EXIF orientation to undo.
    """
    meaning = _Meaning(head, palette, transparency, keeps_colors)
    dtype = np.uint16 if head.depth == 16 else np.uint8
    canvas = Canvas(head.width, head.height, meaning.channels, dtype, orientation)
    source = _Inflater(blocks)
    for x, y, dx, dy in _PASSES if head.is_interlaced else ((0, 0, 1, 1),):
        width, height = -((x - head.width) // dx), -((y - head.height) // dy)
        if width <= 0 or height <= 0:
            continue
        columns = slice(x, None, dx)
        for first, band in _bands(head, source, width, height):
            top = y + first * dy
            rows = slice(top, top + (len(band) - 1) * dy + 1, dy)
            canvas.put(meaning.pixels(band, width), rows, columns)
    source.finish()
    return canvas.finish()


def _bands(
    head: Header, source: _Inflater, width: int, height: int
) -> Iterator[tuple[int, Array]]:
    """Undo the row filters; yields the first row and the stored samples of a band."""
    import imagecodecs

    row_bytes = head.row_bytes(width)
    # What matters to the filters is only the bytes of a pixel: samples of less
    # than eight bits and palette indices are unfiltered as gray bytes.
    depth = max(head.depth, 8)
    kind = _GRAY if head.kind == _PALETTE else head.kind
    columns = row_bytes if head.depth < 8 else width
    previous = bytes(row_bytes)
    step = max(1, _BAND // (row_bytes + 1))
    for first in range(0, height, step):
        count = min(step, height - first)
        # The row above comes first, unfiltered, because filters refer to it.
        rows = b"\0" + previous + source.take(count * (row_bytes + 1))
        head_data = struct.pack(">IIBBBBB", columns, count + 1, depth, kind, 0, 0, 0)
        file = (
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", head_data)
            + chunk(b"IDAT", zlib.compress(rows, 0))
            + chunk(b"IEND", b"")
        )
        band = imagecodecs.png_decode(file)[1:]
        previous = band[-1].astype(band.dtype.newbyteorder(">")).tobytes()
        yield first, band


def chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file, with length and checksum."""
    checksum = zlib.crc32(data, zlib.crc32(name)).to_bytes(4, "big")
    return struct.pack(">I4s", len(data), name) + data + checksum


class _Meaning:
    """Turns stored samples into gray, gray and alpha, RGB or RGB and alpha."""

    def __init__(
        self,
        head: Header,
        palette: bytes,
        transparency: bytes | None,
        keeps_colors: bool,
    ) -> None:
        self._head = head
        self._key: Array | None = None
        self._colors: Array | None = None
        self.channels = _CHANNELS[head.kind]
        if head.kind == _PALETTE:
            self._colors = self._palette(palette, transparency, keeps_colors)
            self.channels = self._colors.shape[1]
        elif head.kind in (_GRAY, _RGB) and len(key := transparency or b"") == (
            2 * self.channels
        ):
            self._key = np.frombuffer(key, ">u2").astype(np.uint16)
            self.channels += 1

    @staticmethod
    def _palette(
        palette: bytes, transparency: bytes | None, keeps_colors: bool
    ) -> Array:
        """Table of 256 colours; indices that are not in the file are black."""
        if not palette or len(palette) % 3 or len(palette) > 768:
            raise PhotoError("damaged: the palette of the PNG file")
        table = np.zeros((256, 4), np.uint8)
        table[:, 3] = 255
        colors = np.frombuffer(palette, np.uint8).reshape(-1, 3)
        table[: len(colors), :3] = colors
        if transparency is not None:
            opacity = np.frombuffer(transparency[:256], np.uint8)
            table[: len(opacity), 3] = opacity
        is_gray = not keeps_colors and bool((colors == colors[:, :1]).all())
        wanted = ([2] if is_gray else [0, 1, 2]) + ([3] if transparency else [])
        return table[:, wanted]

    def pixels(self, band: Array, width: int) -> Array:
        """Meaning of (h, w) or (h, w, c) samples, (h, bytes) below eight bits."""
        depth = self._head.depth
        if depth < 8:
            bits = np.unpackbits(band, axis=1).reshape(len(band), -1, depth)
            weights = 1 << np.arange(depth - 1, -1, -1, dtype=np.uint8)
            band = (bits * weights).sum(axis=2, dtype=np.uint8)[:, :width]
        if self._colors is not None:
            return self._colors[band]
        samples = band if band.ndim == 3 else band[:, :, None]
        scaled = samples * np.uint8(255 // (2**depth - 1)) if depth < 8 else samples
        if self._key is None:
            return scaled
        opaque = (samples != self._key).any(axis=2)
        alpha = np.where(opaque, np.iinfo(samples.dtype).max, 0)
        return np.dstack([scaled, alpha.astype(samples.dtype)])


def encode(pixels: Array) -> bytes:
    """Encode (H, W) or (H, W, 2 to 4) uint8 or uint16 without metadata."""
    import imagecodecs

    # The codec's own guess forgets the filter byte of each row: noise in a narrow
    # picture does not fit. zlib and the chunks add less than a hundredth.
    rows = pixels.nbytes + len(pixels)
    data = np.ascontiguousarray(pixels)
    return bytes(imagecodecs.png_encode(data, level=6, out=rows + rows // 100 + 4096))
