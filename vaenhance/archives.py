"""What goes wrong with .npz files that anyone may have written, and in which words."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib

# What zipfile, zlib and NumPy raise, of one damage or another.
FAULTS = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, OSError),
    *(ValueError, KeyError, TypeError, OverflowError, NotImplementedError),
    *(MemoryError, RuntimeError, SyntaxError, SystemError, struct.error),
    tokenize.TokenError,  # from NumPy, of a broken header
)


def fault(error: BaseException) -> str:
    """Says on one line, and no long one, what went wrong."""
    return " ".join(str(error).split())[:160] or type(error).__name__
