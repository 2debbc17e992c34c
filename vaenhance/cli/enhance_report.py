"""The words of ``vaenhance enhance`` and its like: plan, each image, summary.

Only what is said and on which stream; nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vaenhance.cli import console
from vaenhance.workflows.results import Result, Tally

if TYPE_CHECKING:  # it brings NumPy and Pillow
    from vaenhance.workflows.enlarging import Enlargement
    from vaenhance.workflows.jobs import Job, Plan

NOTES_SHOWN = 3  # of many similar notes; -v shows all


def say_notes(plan: Plan) -> None:
    """Says what the user should know before the first image is done."""
    shown = len(plan.notes) if console.is_verbose() else NOTES_SHOWN
    for note in plan.notes[:shown]:
        console.message(console.one_line(note))
    if plan.notes[shown:]:
        console.message(f"and {len(plan.notes) - shown} more like this (-v shows all)")
    for path in plan.ignored:
        console.detail(console.one_line(f"ignored {path}"))
    if plan.ignored and not console.is_verbose():
        count = len(plan.ignored)
        files = "file that is no image" if count == 1 else "files that are no images"
        console.message(f"ignored {count} {files} (-v names them)")


def show_plan(
    jobs: Sequence[Job],
    chosen: dict[str, Any],
    as_json: bool,
    enlargement: Enlargement | None = None,
) -> None:
    """Writes what a run would do, without starting TensorFlow."""
    for job in jobs:
        height, width = _size(job, enlargement)
        if as_json:
            planned = replace(_planned(job), width=width, height=height)
            console.json_line(planned.as_json())
            continue
        what = "exists, would be skipped" if job.exists else job.problem
        if what is None:
            what = f"{width} x {height}" if job.info else "size not known yet"
        line = f"{job.source_name} -> {job.target_name}  ({what})"
        console.product(console.one_line(line))
    there = sum(job.exists for job in jobs)
    failing = sum(job.problem is not None for job in jobs)
    megapixels = sum(job.megapixels for job in jobs)
    line = f"{len(jobs) - there - failing} to enhance, {megapixels:.1f} megapixels"
    line += f", {there} to skip" if there else ""
    line += f", {failing} unreadable" if failing else ""
    words = ", ".join(f"{k} {'auto' if v is None else v}" for k, v in chosen.items())
    (console.message if as_json else console.product)(f"{line}; {words}.")


def say_result(
    result: Result, tally: Tally, *, fail_fast: bool, verb: str = "enhance"
) -> None:
    """Says what became of one image; of many, only when it failed or with -v."""
    if result.status == "failed":
        if result.trace:
            console.detail(result.trace)
        goes_on = tally.done < tally.total and not fail_fast
        kept = " (kept going)" if goes_on else ""
        line = f"cannot {verb} {result.source}: {result.error}{kept}"
        console.error(console.one_line(line))
    elif result.status == "skipped":
        line = f"skipped {result.source}: {result.target} exists"
        console.detail(console.one_line(line))
    else:
        say = console.message if tally.total == 1 else console.detail
        say(console.one_line(_arrow(result)))


def _arrow(result: Result) -> str:
    size = f"{result.width} x {result.height}"
    took = console.duration(result.seconds or 0.0)
    return f"{result.source} -> {result.target} ({size}, {took})"


def follow(
    results: Iterable[Result],
    tally: Tally,
    progress: console.Progress,
    *,
    fail_fast: bool,
    as_json: bool,
    verb: str = "enhance",
) -> None:
    """Counts and says what comes out of a run, until its end."""
    for result in results:
        tally.add(result)
        progress.note(f"{tally.done}/{tally.total} images")
        say_result(result, tally, fail_fast=fail_fast, verb=verb)
        if as_json:
            console.json_line(result.as_json())


def say_summary(tally: Tally) -> None:
    """Ends a run: the count, and what failed once more where it is seen."""
    console.message(tally.sentence())
    if tally.skipped:
        console.message("Skipped ones exist already; --overwrite redoes them.")
    if tally.total > 1 and tally.failures:
        console.message("Failed:")
        for failure in tally.failures:
            console.message(console.one_line(f"  {failure.source}: {failure.error}"))


def _size(
    job: Job, enlargement: Enlargement | None
) -> tuple[int, int] | tuple[None, None]:
    """Returns (height, width) that a photograph will have; of one that stays, has."""
    if job.info is None:
        return None, None
    size = job.info.height, job.info.width
    return enlargement.target(*size) if enlargement and job.is_open else size


def _planned(job: Job) -> Result:
    """Returns the record that ``--dry-run --json`` writes."""
    return Result(
        job.source_name,
        job.target_name,
        "skipped" if job.exists else "failed" if job.problem else "planned",
        format=job.format or (job.info.format if job.info else None),
        error=job.problem,
    )
