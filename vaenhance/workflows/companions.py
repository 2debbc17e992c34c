"""The files beside an enhanced photograph: alternatives, their mean, and σ.

Names them, finds out which exist, and refuses those that would fall on another
file. ``explore`` fills and writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vaenhance import photo
from vaenhance.data.reachable import is_folder, is_there
from vaenhance.errors import UsageProblem
from vaenhance.workflows.jobs import Companion, Job
from vaenhance.workflows.sources import same_file

MEAN, SIGMA, HEAT = "mean", "sigma", "heat"


def kinds(draws: int, uncertainty: bool) -> list[str]:
    """Returns what is written beside each photograph, in that order."""
    found = [f"draw{number + 1}" for number in range(draws)]
    found += [MEAN] if draws else []
    return found + ([SIGMA, HEAT] if uncertainty else [])


def with_companions(jobs: Sequence[Job], wanted: Sequence[str]) -> list[Job]:
    """Gives jobs the files that are to lie beside their targets.

    A job whose target exists becomes open again if one of its companions is missing;
    the target itself stays as it is.

    Args:
        jobs: as planned.
        wanted: what ``kinds`` gave.

    Raises:
        UsageProblem: a target is standard output, or two files would be one.
    """
    if not wanted:
        return list(jobs)
    found = [_with_companions(job, wanted) for job in jobs]
    taken: dict[Path, str] = {}
    for job in jobs:
        for path, role in ((job.source, "source"), (job.target, "target")):
            if path is not None:
                taken.setdefault(path, f"the {role} {path}")
    for job in found:
        for companion in job.companions:
            other = taken.get(companion.path)
            original = job.source
            if other is None and original and same_file(companion.path, original):
                other = f"the source {original}"
            if other is not None:
                raise UsageProblem(
                    f"{companion.path}, to be written beside {job.target_name}, is "
                    f"{other}: name another TARGET, or pass --suffix"
                )
            taken[companion.path] = f"a file beside {job.target_name}"
    return found


def _with_companions(job: Job, wanted: Sequence[str]) -> Job:
    if job.problem is not None:
        return job
    if job.target is None:
        raise UsageProblem(
            "--draws and --uncertainty write several files, which standard output "
            "cannot hold: name a file or folder as TARGET"
        )
    companions = []
    for kind in wanted:
        path = _named(job.target, kind)
        exists = is_there(path) and not is_folder(path) and not job.may_replace
        companions.append(Companion(kind, path, exists))
    is_complete = all(companion.exists for companion in companions)
    return replace(
        job,
        companions=tuple(companions),
        keeps_target=job.exists,
        exists=job.exists and is_complete,
    )


def _named(target: Path, kind: str) -> Path:
    """Returns ``photo.draw1.jpg`` of ``photo.jpg``; maps are always PNG."""
    known = target.suffix.lower() in photo.EXTENSIONS
    stem, extension = (target.stem, target.suffix) if known else (target.name, "")
    return target.with_name(
        f"{stem}.{kind}{'.png' if kind in (SIGMA, HEAT) else extension}"
    )
