"""What can be known of each job before any pixel is read.

The size, from the header of the photograph, and what would make it fail at the end
of all the work: a format or a folder that cannot be written. Nothing is written.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from vaenhance import photo
from vaenhance.errors import PhotoError
from vaenhance.workflows.enlarging import Enlargement
from vaenhance.workflows.jobs import Job, is_pipe


def measure(
    jobs: Iterable[Job],
    standard_input: bytes | None,
    *,
    unchanged: bool = False,
    enlargement: Enlargement | None = None,
    max_megapixels: float = math.inf,
) -> Iterator[Job]:
    """Gives each open job its size, or the reason why it will fail.

    Args:
        jobs: as planned.
        standard_input: the image of a job without a source, if it has been read.
        unchanged: those whose format stays are to be copied as they are.
        enlargement: the size that they are to have; None leaves it.
        max_megapixels: of the photograph, and of that size.
    """
    problem_of = cache(folder_problem)  # thousands of targets share a folder
    for job in jobs:
        if job.is_open and job.target is not None:
            job = replace(job, problem=problem_of(job.target.parent))
        data = standard_input if job.source is None else job.source
        if job.is_open and data is not None and not is_pipe(job.source):
            job = _measured(job, data, max_megapixels)
        if job.is_open and job.info is not None:
            job = _aimed(job, job.info, unchanged, enlargement, max_megapixels)
        yield job


def folder_problem(folder: Path) -> str | None:
    """Tells why a folder can neither be written into nor be made, if so."""
    try:
        if folder.is_symlink() and not folder.exists():
            return f"cannot be written: {folder} is a link to what is not there"
        if not folder.exists() and folder != folder.parent:
            return folder_problem(folder.parent)
        if not folder.is_dir():
            return f"cannot be written: {folder} is a file, not a folder"
    except OSError as error:
        return f"cannot be written: {folder}: {error.strerror or error}"
    if os.access(folder, os.W_OK | os.X_OK):
        return None
    if _is_read_only(folder):
        return f"cannot be written: the file system of {folder} is read-only"
    return f"cannot be written: permission denied in the folder {folder}"


def _is_read_only(folder: Path) -> bool:
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except (AttributeError, OSError):  # Windows
        return False


def _measured(job: Job, data: Path | bytes, limit: float) -> Job:
    try:
        info = photo.probe(data)
        job = replace(job, info=info)
        photo.check_size(info.width, info.height, limit)
    except PhotoError as error:
        return replace(job, problem=str(error))
    except OSError as error:
        return replace(job, problem=error.strerror or str(error))
    return job


def _aimed(
    job: Job,
    info: photo.PhotoInfo,
    unchanged: bool,
    enlargement: Enlargement | None,
    limit: float,
) -> Job:
    size = info.height, info.width
    try:
        if enlargement is not None:
            size = enlargement.checked_target(*size, limit)
        if not unchanged or job.format not in (None, info.format):
            photo.check_format(job.format or info.format, max(size))
    except PhotoError as error:
        return replace(job, problem=str(error))
    return job
