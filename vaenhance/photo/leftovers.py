"""The temporary files of writers that were killed: known from those at work, removed.

A writer holds a lock on its temporary file; the system takes the lock back when the
process ends, however it ends. So what can be locked belongs to nobody. Not for
writing: that is ``atomic``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX, _SUFFIX = ".vaenhance-", ".tmp"
# Locks of a network file system may hold on one machine only: what another machine
# writes is let alone until nobody can be at it any more.
_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_FOREIGN_AGE = 24 * 3600.0  # seconds
_FLAGS = os.O_RDWR | getattr(os, "O_BINARY", 0)

_tidied: set[str] = set()


@contextmanager
def temporary_file(folder: Path) -> Iterator[tuple[int, Path]]:
    """Makes a hidden file that no other process takes for a dead one's.

    Yields:
        A descriptor, which the caller closes, and the path; the file is the caller's
        to rename or to remove.

    Raises:
        OSError: it cannot be made.
    """
    while True:
        path = folder / f"{_PREFIX}{_HOST}-{secrets.token_hex(8)}{_SUFFIX}"
        # 0o666 leaves the permissions to the umask, which mkstemp would not.
        descriptor = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
        is_locked = _lock(descriptor)
        if not is_locked or os.fstat(descriptor).st_nlink:
            break
        # Before it was locked, somebody who tidies up has taken it for a dead one's.
        os.close(descriptor)
    # The lock lasts until both are closed: the caller renames what it has closed.
    guard = os.dup(descriptor) if is_locked else None
    try:
        yield descriptor, path
    finally:
        if guard is not None:
            os.close(guard)


def tidy(folder: Path) -> None:
    """Removes what killed writers left in a folder; once a process and folder.

    Files of living writers stay, whichever process they belong to, and so does
    everything where the system has no locks.
    """
    name = os.path.abspath(folder)  # noqa: PTH100 -- links need not be followed
    if name not in _tidied:
        _tidied.add(name)
        remove_leftovers(folder)


def remove_leftovers(folder: Path) -> None:
    """Does what ``tidy`` does, every time it is asked."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        names = [
            entry.name
            for entry in entries
            if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX)
        ]
        for name in names:
            with contextlib.suppress(OSError):
                _remove_if_dead(folder / name)


def _remove_if_dead(path: Path) -> None:
    flags = _FLAGS | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags)
    try:
        state = os.fstat(descriptor)
        is_own = path.name.startswith(f"{_PREFIX}{_HOST}-")
        is_old = time.time() - state.st_mtime > _FOREIGN_AGE
        may_be_dead = stat.S_ISREG(state.st_mode) and (is_own or is_old)
        if may_be_dead and _lock(descriptor, wait=False):
            path.unlink()
    finally:
        os.close(descriptor)


def _lock(descriptor: int, wait: bool = True) -> bool:
    """Locks a file; False where another process has it, or where there are no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True
