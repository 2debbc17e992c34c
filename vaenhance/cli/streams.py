"""The process's standard streams where they are closed, full, slow or not read at all.

Not for what is said on them: that is ``console``.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO, TextIO

_HEARING = 1.0  # seconds after which a signal is heard at the latest
_PAUSE = 0.05  # seconds, where nothing tells when a stream is ready


def repair_streams() -> None:
    """Puts something harmless where the caller has closed a standard stream.

    Otherwise the first file opened would take its number, and be written to. What
    should go to a closed stdout fails; what is said to a closed stderr is lost.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            read_only = os.O_RDONLY if name != "stderr" else os.O_WRONLY
            descriptor = os.open(os.devnull, read_only)  # the lowest that is free
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))


def write_all(stream: TextIO, data: bytes) -> None:
    """Writes bytes behind the text of a stream, all of them and at once.

    What is below the buffers may take a part only, and says so by a number: a disk
    that is full, a pipe after a stop, one that does not block.
    """
    stream.flush()
    below = getattr(stream.buffer, "raw", stream.buffer)
    rest = memoryview(data)
    while rest:
        try:
            count = below.write(rest)
        except BlockingIOError:
            count = None
        if count is None:
            _wait(below, to_write=True)
        else:
            rest = rest[count:]
    stream.flush()


def pieces(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Yields what is in a stream, to its end; waits where it does not block.

    Args:
        stream: to be read.
        size: bytes of a piece at most.
    """
    while True:
        try:
            piece: bytes | None = stream.read(size)
        except BlockingIOError:
            piece = None
        if piece is None:
            _wait(stream, to_write=False)
        elif piece:
            yield piece
        else:
            return


def drop_stdout() -> None:
    """Forgets what nobody reads: the interpreter would complain when it flushes."""
    _drop(sys.stdout)


def drop_stalled_stdout() -> None:
    """Forgets a reader who takes nothing: to write more would wait for ever."""
    with contextlib.suppress(OSError, ValueError):
        if not select.select([], [sys.stdout], [], 0)[1]:
            drop_stdout()


def settle_stderr() -> None:
    """Forgets words that cannot be written: they would turn the exit code into 120."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        _drop(sys.stderr)


def _wait(stream: BinaryIO, *, to_write: bool) -> None:
    """Waits for a stream to be ready, not so long that a signal would go unheard."""
    asked = [stream]
    try:
        select.select(
            [] if to_write else asked, asked if to_write else [], [], _HEARING
        )
    except (OSError, ValueError):  # Windows knows that of sockets only
        time.sleep(_PAUSE)


def _drop(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        descriptor = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
