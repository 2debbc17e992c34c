"""What is to be done: one list of jobs, whether for a file, a folder or a pipe.

Decides every target's name and refuses what could harm an original, before
anything is opened for writing. Not for doing the jobs: ``enhance`` does.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vaenhance import photo
from vaenhance.data.reachable import is_folder, status_of
from vaenhance.errors import UsageProblem
from vaenhance.workflows.naming import (
    DEFAULT_SUFFIX,
    Naming,
    folder_targets,
    format_for,
    names_folder,
    stream_format,
    target_folder,
)
from vaenhance.workflows.sources import (
    STREAM,
    expand,
    is_pattern,
    pattern_root,
    refuse_empty,
    same_file,
)


@dataclass(frozen=True)
class Companion:
    """One file beside a target.

    Attributes:
        kind: ``draw1`` and so on, ``mean``, ``sigma`` or ``heat``.
        path: where it goes.
        exists: it is there and stays.
    """

    kind: str
    path: Path
    exists: bool = False


@dataclass(frozen=True)
class Job:
    """One photograph to enhance; None stands for standard input or output."""

    source: Path | None
    target: Path | None
    format: str | None = None  # container to write; None keeps the source's
    exists: bool = False  # the target is there and stays
    may_replace: bool = False  # what has come to be there in the meantime, too
    is_named: bool = False  # the user named the target, and is to get it or an error
    info: photo.PhotoInfo | None = None  # of the header; None if not looked at
    problem: str | None = None  # why it cannot be read, as far as names can tell
    companions: tuple[Companion, ...] = ()  # files beside the target
    keeps_target: bool = False  # only companions are missing

    @property
    def source_name(self) -> str:
        """Returns what to call the source in messages."""
        return STREAM if self.source is None else str(self.source)

    @property
    def target_name(self) -> str:
        """Returns what to call the target in messages."""
        return STREAM if self.target is None else str(self.target)

    @property
    def is_open(self) -> bool:
        """Tells whether there is anything to do, as far as one can know now."""
        return not self.exists and self.problem is None

    @property
    def megapixels(self) -> float:
        """Returns the size by the header, 0 where that is unknown."""
        return 0.0 if self.info is None else self.info.megapixels


@dataclass(frozen=True)
class Plan:
    """All jobs in the order in which they are done."""

    jobs: tuple[Job, ...]
    ignored: tuple[Path, ...] = ()  # files that are no images
    notes: tuple[str, ...] = ()  # what the user should know about names


def plan(
    paths: Sequence[str],
    *,
    recursive: bool = True,
    format: str | None = None,
    suffix: str | None = None,
    overwrite: bool = False,
    yielding: Collection[str] = (),
) -> Plan:
    """Turns ``SOURCE... [TARGET]`` into jobs.

    Args:
        paths: as typed; a single one is a SOURCE without TARGET.
        recursive: enter sub-folders of a folder.
        format: container to write, e.g. ``PNG``; None keeps each source's.
        suffix: put between stem and extension.
        overwrite: redo targets that exist.
        yielding: ``format``, ``suffix``: a TARGET that names a file goes before them.

    Raises:
        UsageProblem: the arguments make no sense together, there is no image, or an
            original would be written over.
    """
    sources, target = (paths, None) if len(paths) == 1 else (paths[:-1], paths[-1])
    refuse_empty(*sources)
    refuse_empty(target, what="TARGET")
    naming = Naming(format, suffix or "", yielding)
    if list(sources) == [STREAM]:
        return Plan((_stream_job(target, naming, overwrite),))
    if STREAM in sources:
        raise UsageProblem(
            "- (standard input) is one image and cannot be mixed with other sources"
        )
    many = len(sources) > 1 or is_pattern(sources[0]) or is_folder(sources[0])
    if not many:
        if target is None and suffix is None:
            naming = replace(naming, suffix=DEFAULT_SUFFIX)
        return _plan_one(sources[0], target, naming, overwrite)
    if target is None or target == STREAM:
        what = f"{sources[0]} may hold" if len(sources) == 1 else "there are"
        raise UsageProblem(
            f"{what} several images: name a folder as TARGET, e.g. "
            f"vaenhance enhance {sources[0]} enhanced/"
        )
    return _plan_many(sources, target_folder(target), naming, recursive, overwrite)


def _stream_job(target: str | None, naming: Naming, overwrite: bool) -> Job:
    if target is None or target == STREAM:
        return Job(None, None, stream_format(naming))
    if names_folder(target):
        raise UsageProblem(
            f"standard input has no name to use in the folder {target}: "
            "give a file as TARGET"
        )
    path = Path(target)
    return protect([Job(None, path, format_for(path, naming))], overwrite, True)[0]


def _plan_one(source: str, target: str | None, naming: Naming, overwrite: bool) -> Plan:
    ((path, place),) = expand([source], recursive=False).found
    if target == STREAM:
        return Plan((Job(path, None, stream_format(naming)),))
    if target is None:
        job = Job(path, path.parent / naming.rename(place), naming.format)
    elif names_folder(target):
        job = Job(path, target_folder(target) / naming.rename(place), naming.format)
    else:
        job = Job(path, Path(target), format_for(Path(target), naming))
    return Plan(tuple(protect([job], overwrite, True)))


def _plan_many(
    sources: Sequence[str],
    folder: Path,
    naming: Naming,
    recursive: bool,
    overwrite: bool,
) -> Plan:
    for source in sources:
        root = pattern_root(source) if is_pattern(source) else Path(source)
        if is_folder(root) and same_file(root, folder):
            raise UsageProblem(
                f"TARGET {folder} is SOURCE {source}: originals are never written "
                "over; name another folder"
            )
    files = expand(sources, recursive=recursive, skip=[folder])
    if not files.found and not files.unreadable:
        raise UsageProblem(files.nothing_in(sources, recursive))
    targets = folder_targets(files.found, folder, naming)
    jobs = [
        Job(source, targets.of[source, place], naming.format)
        for source, place in files.found
    ]
    blocked = [
        Job(path, folder, problem=f"the folder cannot be listed: {why}")
        for path, why in files.unreadable
    ]
    protected = protect(jobs, overwrite, False, targets.doubts)
    return Plan((*protected, *blocked), tuple(files.ignored), tuple(targets.notes))


def protect(
    jobs: list[Job],
    overwrite: bool,
    single: bool,
    doubts: Mapping[Path, Path] | None = None,
) -> list[Job]:
    """Marks what exists; refuses a target that is one of the originals.

    Args:
        jobs: all of a run.
        overwrite: redo what exists.
        single: the user has named this one target, and would not get it.
        doubts: targets that may be of another source, which is named.

    Raises:
        UsageProblem: an original would be written over, or a single target exists.
    """
    originals = {}
    for job in jobs:
        status = status_of(job.source)
        if status is not None:
            originals[status.st_dev, status.st_ino] = job.source_name
    twins = Counter(folded(job.target_name) for job in jobs)
    first: dict[tuple[int, int], str] = {}
    marked = []
    for job in jobs:
        has_twin = twins[folded(job.target_name)] > 1
        job = replace(job, may_replace=overwrite, is_named=single or has_twin)
        status = status_of(job.target)
        if status is None:
            # Whatever comes to be there is another job's.
            marked.append(replace(job, may_replace=overwrite and not has_twin))
            continue
        _check_replaceable(job, status, originals)
        problem = None
        if stat.S_ISDIR(status.st_mode):
            problem = "cannot be written: a folder has this name"
        elif job.target and not overwrite and (of := (doubts or {}).get(job.target)):
            problem = f"{job.target} may be of {of}: --overwrite redoes it"
        if has_twin:
            other = first.setdefault((status.st_dev, status.st_ino), job.target_name)
            if other != job.target_name:
                why = f"the folder takes its name for that of {other}"
                problem = f"cannot be written: {why}"
        if problem is None and single and not overwrite:
            raise UsageProblem(
                f"{job.target_name} exists; pass --overwrite to replace it, or name a "
                "folder last if it is a SOURCE"
            )
        marked.append(replace(job, exists=not (problem or overwrite), problem=problem))
    return marked


def _check_replaceable(
    job: Job, status: os.stat_result, originals: Mapping[tuple[int, int], str]
) -> None:
    """Refuses a target, of this status, that no option may replace."""
    original = originals.get((status.st_dev, status.st_ino))
    if original is not None:
        raise UsageProblem(
            f"TARGET {job.target_name} is SOURCE {original}: originals are never "
            "written over; name another file or folder"
        )
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        # Renaming a file onto /dev/null would replace the device.
        raise UsageProblem(
            f"TARGET {job.target_name} is not an ordinary file: use - to write to "
            "standard output"
        )


def folded(name: str) -> str:
    """Returns a file's name as a disk has it that does not tell A from a."""
    return unicodedata.normalize("NFC", name).casefold()


def is_among(path: Path, jobs: Iterable[Job]) -> bool:
    """Tells whether a file is a job's own or beside its target, under any name."""
    # Not Path.resolve, which raises for a link that points at itself.
    own, is_there = os.path.realpath(path), os.path.lexists(path)
    files = (file for job in jobs for file in _files(job) if file)
    return any(
        os.path.realpath(file) == own or (is_there and same_file(file, path))
        for file in files
    )


def _files(job: Job) -> list[Path | None]:
    return [job.source, job.target, *(beside.path for beside in job.companions)]


def is_pipe(path: Path | None) -> bool:
    """Tells what can be read only once, such as the shell's ``<(command)``."""
    status = status_of(path)
    return status is not None and not stat.S_ISREG(status.st_mode)
