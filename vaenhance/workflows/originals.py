"""What is written beside an image is never written over one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from vaenhance.data.discover import find_images
from vaenhance.data.reachable import is_folder, status_of
from vaenhance.errors import UsageProblem


def refuse_originals(
    files: Iterable[Path | None], originals: Iterable[Path | None], what: str = "TARGET"
) -> None:
    """Refuses files that are one of the originals, under whatever name.

    Args:
        files: that are to be written; None is no file.
        originals: that were given; of a folder all images in it.
        what: the argument or option that names the files.

    Raises:
        UsageProblem: one is.
    """
    given = [path for path in originals if path is not None]
    if not given:  # as in most runs: no target needs a look
        return
    known: set[tuple[int, int]] | None = None
    for file in files:
        own = _identity(file)
        if own is None:
            continue
        if known is None:  # a folder of thousands is looked through once, if at all
            known = {found for path in _images(given) if (found := _identity(path))}
        if own in known:
            raise UsageProblem(
                f"{what} {file} is one of the images: originals are never written over"
            )


def _images(given: Iterable[Path]) -> Iterator[Path]:
    for path in given:
        yield from find_images(path) if is_folder(path) else [path]


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Returns what a file has in common with its links; None if it is not there."""
    status = status_of(path)
    return None if status is None else (status.st_dev, status.st_ino)
