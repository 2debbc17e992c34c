"""What is written beside an image is never written over one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vaenhance.data.discover import find_images
from vaenhance.errors import UsageProblem
from vaenhance.workflows.jobs import Job, is_among


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
    jobs: list[Job] | None = None
    for file in files:
        if file is None or not file.exists():
            continue
        if jobs is None:  # a folder of thousands is looked through once, if at all
            jobs = [Job(path, None) for path in _images(originals)]
        if is_among(file, jobs):
            raise UsageProblem(
                f"{what} {file} is one of the images: originals are never written over"
            )


def _images(originals: Iterable[Path | None]) -> Iterable[Path]:
    for path in originals:
        if path is not None:
            yield from find_images(path) if path.is_dir() else [path]
