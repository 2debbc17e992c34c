"""Put bytes into a folder so that the file is either whole or not there.

A killed run must never leave half a picture, because the next run skips what
exists. Not for anything but that.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vaenhance.errors import PhotoError

_REASONS = {
    errno.ENOENT: "the folder does not exist",
    errno.ENOTDIR: "the folder does not exist (a file has its name)",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is too large for the file system",
    errno.EISDIR: "a folder has this name",
    errno.EEXIST: "a folder has this name",
    errno.ENAMETOOLONG: "the name is too long for the file system",
    errno.EIO: "the disk reported a write error",
}


def write_atomic(data: bytes | memoryview, target: Path) -> None:
    """Write a file whole or not at all, replacing one that is there.

    The bytes go to a hidden file in the same folder first, are forced to the disk,
    and take the final name in one step. A symbolic link is replaced, never written
    through: it may point at the original.

    Raises:
        PhotoError: It cannot be written; nothing is left behind and a file that was
            there is unharmed.
    """
    with atomic_stream(target) as stream:
        stream.write(data)


@contextlib.contextmanager
def atomic_stream(target: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the target's name at the end, as in ``write_atomic``.

    Raises:
        PhotoError: As ``write_atomic``, also for an OSError of the caller's writing.
    """
    # 0o666 leaves the permissions to the umask, which mkstemp would not.
    temporary = target.parent / f".vaenhance-{secrets.token_hex(8)}.tmp"
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(temporary, flags, 0o666), "w+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
    except OSError as error:
        _discard(temporary)
        reason = _REASONS.get(error.errno or 0) or str(error.strerror or error)
        raise PhotoError(f"cannot be written: {reason}") from error
    except BaseException:
        _discard(temporary)
        raise
    _sync_folder(target.parent)


def _discard(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable where the system can; elsewhere it is only late."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
