"""Put bytes into a folder so that the file is either whole or not there.

A killed run must never leave half a picture, because the next run skips what
exists. Not for anything but that.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vaenhance.errors import PhotoError, TargetTaken
from vaenhance.photo.leftovers import temporary_file, tidy

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


# Of file systems without hard links, such as those of memory cards.
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK}


def write_atomic(
    data: bytes | memoryview, target: Path, *, replace: bool = True
) -> None:
    """Write a file whole or not at all.

    The bytes go to a hidden file in the same folder first, are forced to the disk,
    and take the final name in one step. A symbolic link is replaced, never written
    through: it may point at the original. Hidden files that killed processes have
    left in the folder are removed.

    Args:
        data: All of the file.
        target: Its name.
        replace: Take the place of a file that is there; False never does, even if it
            has come to be there at the last moment.

    Raises:
        TargetTaken: It is there and is not to be replaced.
        PhotoError: It cannot be written; nothing is left behind and a file that was
            there is unharmed.
    """
    with atomic_stream(target, replace=replace) as stream:
        stream.write(data)


@contextlib.contextmanager
def atomic_stream(target: Path, *, replace: bool = True) -> Iterator[BinaryIO]:
    """Open a file that takes the target's name at the end, as in ``write_atomic``.

    Raises:
        TargetTaken: As ``write_atomic``.
        PhotoError: As ``write_atomic``, also for an OSError of the caller's writing.
    """
    tidy(target.parent)
    try:
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        with temporary_file(target.parent) as (descriptor, temporary):
            try:
                with os.fdopen(descriptor, "w+b") as stream:
                    yield stream
                    stream.flush()
                    os.fsync(stream.fileno())
                if replace:
                    temporary.replace(target)
                else:
                    _take_name(temporary, target)
            except BaseException:
                _discard(temporary)
                raise
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or str(error.strerror or error)
        raise PhotoError(f"cannot be written: {reason}") from error
    _sync_folder(target.parent)


def _take_name(temporary: Path, target: Path) -> None:
    """Renames a file, but onto no other; a link that leads nowhere is no file."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        if not target.exists():
            temporary.replace(target)
            return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if not target.exists():
            temporary.replace(target)
            return
    else:
        _discard(temporary)
        return
    raise TargetTaken(
        f"a file of the name {target.name} has come to be there since the run began; "
        "--overwrite would replace it"
    )


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
