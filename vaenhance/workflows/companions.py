"""The files beside an enhanced photograph: alternatives, their mean, and σ.

Names them, finds out which exist, and refuses those that would fall on another
file. ``explore`` fills and writes them.
"""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vaenhance import photo
from vaenhance.data.reachable import is_folder, is_there, status_of
from vaenhance.errors import UsageProblem
from vaenhance.workflows.jobs import Companion, Job, folded

MEAN, SIGMA, HEAT = "mean", "sigma", "heat"


def kinds(draws: int, uncertainty: bool) -> list[str]:
    """Returns what is written beside each photograph, in that order."""
    found = [f"draw{number + 1}" for number in range(draws)]
    found += [MEAN] if draws else []
    return found + ([SIGMA, HEAT] if uncertainty else [])


def with_companions(jobs: Sequence[Job], wanted: Sequence[str]) -> list[Job]:
    """Gives jobs the files that are to lie beside their targets.

    A job whose target exists becomes open again if one of its companions is missing;
    the target itself stays as it is. Where the maps of two targets would be one, as of
    a.jpg and a.png, the extension stays in the names of both.

    Args:
        jobs: as planned.
        wanted: what ``kinds`` gave.

    Raises:
        UsageProblem: a target is standard output, or two files would be one.
    """
    if not wanted:
        return list(jobs)
    # One map stands for all: they are PNG, and the others keep the target's extension.
    maps = Counter(folded(str(_named(job.target, SIGMA))) for job in jobs if job.target)
    found = [_with_companions(job, wanted, maps) for job in jobs]
    taken: dict[Path, str] = {}
    originals: dict[tuple[int, int], Path] = {}  # whatever the spelling, and by links
    for job in jobs:
        status = status_of(job.source)
        if job.source is not None and status is not None:
            originals[status.st_dev, status.st_ino] = job.source
        for path, role in ((job.source, "source"), (job.target, "target")):
            if path is not None:
                taken.setdefault(path, f"the {role} {path}")
    for job in found:
        for companion in job.companions:
            other = taken.get(companion.path)
            status = status_of(companion.path)
            if other is None and status is not None:
                original = originals.get((status.st_dev, status.st_ino))
                other = None if original is None else f"the source {original}"
                mode = status.st_mode
                if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                    other = "no ordinary file"
            if other is not None:
                raise UsageProblem(
                    f"{companion.path}, to be written beside {job.target_name}, is "
                    f"{other}: name another TARGET, or pass --suffix"
                )
            taken[companion.path] = f"a file beside {job.target_name}"
    return found


def _with_companions(job: Job, wanted: Sequence[str], maps: Counter[str]) -> Job:
    if job.problem is not None:
        return job
    if job.target is None:
        raise UsageProblem(
            "--draws and --uncertainty write several files, which standard output "
            "cannot hold: name a file or folder as TARGET"
        )
    has_twin = maps[folded(str(_named(job.target, SIGMA)))] > 1
    companions = []
    for kind in wanted:
        path = _named(job.target, kind, has_twin)
        exists = is_there(path) and not is_folder(path) and not job.may_replace
        companions.append(Companion(kind, path, exists))
    is_complete = all(companion.exists for companion in companions)
    return replace(
        job,
        companions=tuple(companions),
        keeps_target=job.exists,
        exists=job.exists and is_complete,
    )


def _named(target: Path, kind: str, has_twin: bool = False) -> Path:
    """Returns ``photo.draw1.jpg`` of ``photo.jpg``; maps are always PNG.

    Args:
        target: that it lies beside.
        kind: which of ``kinds``.
        has_twin: a map is to be ``photo.jpg.sigma.png``.
    """
    known = target.suffix.lower() in photo.EXTENSIONS
    stem, extension = (target.stem, target.suffix) if known else (target.name, "")
    if kind not in (SIGMA, HEAT):
        return target.with_name(f"{stem}.{kind}{extension}")
    return target.with_name(f"{target.name if has_twin else stem}.{kind}.png")
