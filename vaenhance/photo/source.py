"""What a file is, and why it cannot be read, in words a person can use.

Not for decoding: only the first bytes are looked at.
"""

from __future__ import annotations

import errno
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from vaenhance.errors import PhotoError

TRUNCATED = "file is truncated"
NOT_AN_IMAGE = "not an image"
CHANGED = "file was changed while it was read: try again when it is complete"

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
# Pictures, but of a kind that is not read; named so that nobody has to guess.
_UNSUPPORTED = (
    (b"8BPS", "Photoshop (PSD)"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"%PDF", "PDF"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"FUJIFILMCCD-RAW", "camera raw"),
    (b"IIRO", "camera raw"),
    (b"IIU\0", "camera raw"),
)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
    *(b"mif1", b"msf1"),
}

_warning_filters = threading.Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back Python warnings of a decoder that parses untrusted tags.

    Warning filters belong to the whole process before Python 3.14, hence the lock;
    use it around header parsing, never around decoding.
    """
    with _warning_filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def open_source(source: Path | bytes) -> Iterator[BinaryIO]:
    """Open a file, or bytes that were read from one, for reading.

    Raises:
        PhotoError: The file was written to in the meantime, so that what was read may
            be half of one picture and half of another.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield BytesIO(source)
        return
    with source.open("rb") as stream:
        before = _version(stream)
        try:
            yield stream
        except Exception as error:  # most likely because of that
            if _version(stream) != before:
                raise PhotoError(CHANGED) from error
            raise
        if _version(stream) != before:
            raise PhotoError(CHANGED)


def _version(stream: BinaryIO) -> tuple[int, int]:
    """What differs once a file has been written to; a new name changes nothing."""
    state = os.fstat(stream.fileno())
    return state.st_size, state.st_mtime_ns


def size_of(stream: BinaryIO) -> int:
    """Length of the stream in bytes; the position is kept."""
    here = stream.tell()
    length = stream.seek(0, os.SEEK_END)
    stream.seek(here)
    return length


def identify(stream: BinaryIO) -> str:
    """Name the format by content, never by extension.

    Raises:
        PhotoError: Empty, not an image, or a kind of image that is not supported.
    """
    head = stream.read(64)
    stream.seek(0)
    if not head:
        raise PhotoError("file is empty")
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _brand(head)
    # "BM" alone is also how a sentence can begin: look at the header length.
    if head[:2] == b"BM" and head[14:18] in _BMP_HEADERS:
        return "BMP"
    for magic, name in _UNSUPPORTED:
        if head.startswith(magic):
            raise PhotoError(f"{name} files are not supported")
    if len(head) >= 2 and any(magic.startswith(head) for magic, _ in _MAGIC):
        raise PhotoError(TRUNCATED)
    raise PhotoError(NOT_AN_IMAGE)


_BMP_HEADERS = {n.to_bytes(4, "little") for n in (12, 16, 40, 52, 56, 64, 108, 124)}


def _brand(head: bytes) -> str:
    """Tell AVIF from HEIC: both are ISO media files, told apart by their brands."""
    box = head[: max(int.from_bytes(head[:4], "big"), 16)]
    brands = {box[8:12], *(box[i : i + 4] for i in range(16, len(box) - 3, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIF_BRANDS:
        return "HEIF"
    if box[8:11] == b"crx":
        raise PhotoError("camera raw files are not supported")
    raise PhotoError(NOT_AN_IMAGE)


_ERRNO = {
    errno.ENOENT: "file not found",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EISDIR: "is a folder, not an image",
    errno.EIO: "the disk reported a read error",
}


def _reason(error: Exception, fault: str) -> str:
    """One line for an exception of a codec."""
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError) and error.errno is not None:
        return _ERRNO.get(error.errno) or str(error.strerror or error)
    text = " ".join(str(error).split())
    if isinstance(error, EOFError) or "truncated" in text.lower():
        return TRUNCATED
    return f"{fault}: {text[:160] or type(error).__name__}"


@contextmanager
def explained(fault: str = "damaged or not supported") -> Iterator[None]:
    """Turn whatever a codec raises into a PhotoError that keeps its cause.

    Args:
        fault: How the reason begins when the codec's own words must be used.
    """
    try:
        yield
    except PhotoError:
        raise
    except Exception as error:
        raise PhotoError(_reason(error, fault)) from error
