"""What is at a path, as far as it can be told: nothing where a look is refused.

``Path.exists`` and ``Path.is_dir`` raise for a locked folder or a name that is too
long; what is to be said of such a path is then said of one file, not of the run.
"""

from __future__ import annotations

import os
from pathlib import Path


def status_of(path: Path | None) -> os.stat_result | None:
    """Returns what the system knows of a file, links followed; None: it is not there.

    Device and inode in it are those of one file, however it is named.
    """
    try:
        return None if path is None else path.stat()
    except OSError:
        return None


def is_there(path: Path | str) -> bool:
    """Tells whether there is a file or folder, links followed."""
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: Path | str) -> bool:
    """Tells whether there is an ordinary file, links followed."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path | str) -> bool:
    """Tells whether there is a folder, links followed."""
    return os.path.isdir(path)  # noqa: PTH112
