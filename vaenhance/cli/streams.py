"""The process's standard streams where they are closed, full or nobody reads them.

Not for what is said on them: that is ``console``.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO


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


def drop_stdout() -> None:
    """Forgets what nobody reads: the interpreter would complain when it flushes."""
    _drop(sys.stdout)


def settle_stderr() -> None:
    """Forgets words that cannot be written: they would turn the exit code into 120."""
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        _drop(sys.stderr)


def _drop(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        descriptor = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
