"""What is to be encoded into one file of latents, and decoded out of one.

Decides names and refuses what could harm a file, before anything is opened for
writing. Not for doing the jobs: ``encode`` and ``decode`` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from vaenhance import photo
from vaenhance.data.reachable import is_folder, is_there
from vaenhance.errors import PhotoError, UsageProblem
from vaenhance.latents import Entry
from vaenhance.workflows.enlarging import Enlargement
from vaenhance.workflows.headers import folder_problem
from vaenhance.workflows.jobs import Job, is_among, protect
from vaenhance.workflows.naming import (
    Naming,
    folder_targets,
    format_for,
    names_folder,
    stream_format,
    target_folder,
)
from vaenhance.workflows.sources import STREAM, expand, refuse_empty


@dataclass(frozen=True)
class EncodePlan:
    """Photographs with their names in the file, and the file; None is a stream."""

    jobs: tuple[Job, ...]
    names: tuple[str, ...]
    target: Path | None
    ignored: tuple[Path, ...] = ()


@dataclass(frozen=True)
class DecodePlan:
    """One job an image, or a draw of one."""

    jobs: tuple[Job, ...]
    entries: tuple[int, ...]  # which image of the file each job is about
    draws: tuple[int, ...]  # and which draw
    notes: tuple[str, ...] = ()


def plan_encode(
    paths: Sequence[str], *, recursive: bool = True, overwrite: bool = False
) -> EncodePlan:
    """Turns ``SOURCE... LATENTS.npz`` into jobs.

    Args:
        paths: as typed.
        recursive: enter sub-folders of a folder.
        overwrite: replace a file that exists.

    Raises:
        UsageProblem: the arguments make no sense together, there is no image, or a
            file would be written over.
    """
    *sources, last = paths
    if not sources:
        raise UsageProblem(
            f"name a file for the latents behind {last}, e.g. latents.npz"
        )
    refuse_empty(last, what="LATENTS")
    target = None if last == STREAM else Path(last)
    if target is not None and target.suffix.lower() != ".npz":
        raise UsageProblem(f"{last}: latents go to an .npz file, call it so")
    if target is not None and is_folder(target):
        raise UsageProblem(f"{target} is a folder: name a file for the latents")
    if target is not None and is_there(target) and not overwrite:
        raise UsageProblem(f"{target} exists; pass --overwrite to redo it")
    if sources == [STREAM]:
        return EncodePlan((Job(None, None),), ("image",), target)
    found = expand(sources, recursive=recursive)
    blocked = [
        Job(path, None, problem=f"the folder cannot be listed: {why}")
        for path, why in found.unreadable
    ]
    names: dict[str, Path] = {}
    for path, place in found.found:
        name = place.as_posix()
        if name in names:
            raise UsageProblem(
                f"{names[name]} and {path} would both be called {name} in {last}: "
                "give their common folder as SOURCE"
            )
        names[name] = path
    jobs = [*(Job(path, None) for path in names.values()), *blocked]
    if not jobs:
        raise UsageProblem(found.nothing_in(sources, recursive))
    _check_target(target, jobs)
    spare = [job.source_name for job in blocked]
    return EncodePlan(tuple(jobs), (*names, *spare), target, tuple(found.ignored))


def _check_target(target: Path | None, jobs: Sequence[Job]) -> None:
    if target is None:
        return
    if is_among(target, jobs):
        raise UsageProblem(
            f"{target} is one of the photographs: originals are never written over"
        )
    problem = folder_problem(target.parent)
    if problem is not None:
        raise UsageProblem(f"{target} {problem}")


def plan_decode(
    source: Path | None,
    entries: Sequence[Entry],
    draws: int,
    target: str,
    naming: Naming,
    *,
    overwrite: bool = False,
    max_megapixels: float = 512.0,
    enlargement: Enlargement | None = None,
) -> DecodePlan:
    """Names a target for every image of a file, and for every draw of it.

    Args:
        source: the file; None for standard input.
        entries: its images.
        draws: how many of each image; 0 if there are none.
        target: as typed: a folder, a file if there is one image only, or -.
        naming: format and suffix of the targets.
        overwrite: redo targets that exist.
        max_megapixels: larger images are not decoded.
        enlargement: of the images; None keeps their size.

    Raises:
        UsageProblem: as ``jobs.plan``, or two images would be one file.
    """
    refuse_empty(target, what="TARGET")
    places = [
        (index, draw, _place(entry, draw if draws else None))
        for index, entry in enumerate(entries)
        for draw in range(max(draws, 1))
    ]
    notes: list[str] = []
    doubts: dict[Path, Path] = {}
    # Without an extension it is a folder, however many images there happen to be.
    is_file = Path(target).suffix.lower() in photo.EXTENSIONS or target == STREAM
    single = len(places) == 1 and is_file and not names_folder(target)
    if single and target == STREAM:
        jobs = [Job(source, None, stream_format(naming))]
    elif single:
        path = Path(target)
        jobs = [Job(source, path, format_for(path, naming))]
    elif target == STREAM:
        raise UsageProblem(
            f"the latents are of {len(places)} images: name a folder as TARGET"
        )
    else:
        folder = target_folder(target)
        keys = [(place, place) for _, _, place in places]
        if len(set(keys)) < len(keys):
            raise UsageProblem("two images of the file have the same name")
        targets = folder_targets(keys, folder, naming)
        notes, doubts = targets.notes, targets.doubts
        jobs = [Job(source, targets.of[key], naming.format) for key in keys]
    if target != STREAM:
        jobs = protect(jobs, overwrite, single, doubts)
    jobs = [
        _examined(job, entries[index], max_megapixels, enlargement)
        for job, (index, _, _) in zip(jobs, places, strict=True)
    ]
    return DecodePlan(
        tuple(jobs),
        tuple(index for index, _, _ in places),
        tuple(draw for _, draw, _ in places),
        tuple(notes),
    )


def _place(entry: Entry, draw: int | None) -> Path:
    """Returns where an image goes under a folder: photo.draw1.jpg of photo.jpg."""
    name = PurePosixPath(entry.name)
    is_known = name.suffix.lower() in photo.EXTENSIONS
    extension = name.suffix if is_known else photo.WRITABLE.get(entry.format, ".png")
    stem = name.stem if is_known else name.name
    middle = "" if draw is None else f".draw{draw + 1}"  # as of ``enhance``
    return Path(name.with_name(f"{stem}{middle}{extension}"))


def _examined(
    job: Job, entry: Entry, max_megapixels: float, enlargement: Enlargement | None
) -> Job:
    """Gives a job its size and, if there is anything to do, why it will fail."""
    info = photo.PhotoInfo(entry.width, entry.height, entry.format)
    job = replace(job, info=info)
    if not job.is_open:
        return job
    if job.target is not None:
        job = replace(job, problem=folder_problem(job.target.parent))
    try:
        photo.check_size(entry.width, entry.height, max_megapixels)
        size = entry.height, entry.width
        if enlargement is not None:
            size = enlargement.checked_target(*size, max_megapixels)
        photo.check_format(job.format or entry.format, max(size))
    except PhotoError as error:
        return replace(job, problem=str(error))
    return job
