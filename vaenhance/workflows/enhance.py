"""Enhancing photographs: the one path that a file, a folder and a pipe all take.

Reading, computing and writing overlap (``conveyor``), so that the processor never
waits for a decoder. Nothing is printed and no argument is interpreted here: jobs
come in, small records come out, pixels die on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from vaenhance import photo
from vaenhance.data.reachable import is_there
from vaenhance.errors import Misfit, PhotoError, UsageProblem
from vaenhance.workflows import explore, files
from vaenhance.workflows.conveyor import MEGAPIXELS_IN_FLIGHT, Conveyor
from vaenhance.workflows.enhance_settings import EnhanceSettings
from vaenhance.workflows.grade import PhotoModel, judging
from vaenhance.workflows.jobs import Job
from vaenhance.workflows.results import Result
from vaenhance.workflows.work import Work, Writing


def enhance_photos(
    jobs: Sequence[Job],
    settings: EnhanceSettings,
    *,
    load: Callable[[], PhotoModel],
    standard_input: bytes = b"",
    deliver: Callable[[bytes], None] | None = None,
    advance: Callable[[float], None] = lambda megapixels: None,
) -> Generator[Result, None, None]:
    """Enhances photographs one after the other.

    A photograph that fails is a record like any other. Ctrl-C, or closing the
    generator, finishes the file being written and starts nothing new.

    Args:
        jobs: in the order of the results.
        settings: for all of them.
        load: gives the model; called at most once, while the first photograph is
            being read, and not at all when nothing needs it.
        standard_input: the image of a job without a source.
        deliver: takes the bytes of a job without a target, in the caller's thread.
        advance: told megapixels as they are finished.

    Returns:
        One record a job, each when it is there.

    Raises:
        UsageProblem: the model or device is not what was asked for, or the settings
            do not fit the model, or the only photograph there is to do does not.
        KeyboardInterrupt: after the records of what was written.
    """
    run = _Run(jobs, settings, standard_input, advance)

    def load_checked() -> None:
        run.conveyor.read_ahead()
        if not settings.changes_nothing and any(job.is_open for job in jobs):
            run.model = load()
            if settings.exploring.needs_sigma:
                explore.check(run.model)

    # Not `yield from`: in a generator around it Ctrl-C could miss what follows it.
    return run.followed(load_checked, deliver, settings.fail_fast)


@dataclass
class _Work(Work):
    uncertainty: float | None = None  # on the 0-255 scale


class _Run(Writing):
    """The three stages for photographs, and the records of their ends."""

    def __init__(
        self,
        jobs: Sequence[Job],
        settings: EnhanceSettings,
        standard_input: bytes,
        advance: Callable[[float], None],
    ) -> None:
        self.settings = settings
        self.advance = advance
        self.model: PhotoModel | None = None
        self.has_computed = False
        self.is_alone = sum(job.is_open for job in jobs) < 2
        self.files = files.Files(
            standard_input,
            max_megapixels=settings.max_megapixels,
            quality=settings.quality,
            strip_metadata=settings.strip_metadata,
            unchanged=settings.changes_nothing,
            enlargement=settings.enlargement,
        )
        self.conveyor: Conveyor[_Work] = Conveyor(
            [_Work(job) for job in jobs],
            read=self.read,
            compute=self.compute,
            write=self.write,
            weigh=self.weigh,
            room=MEGAPIXELS_IN_FLIGHT,
            is_fatal=self.is_fatal,
        )

    def read(self, work: _Work) -> photo.Photo | None:
        """Reads a photograph; None for one that is not to be done."""
        if work.job.problem:
            raise PhotoError(work.job.problem)
        if not work.job.is_open or files.is_made_by_another(work.job):
            self.skip(work)
            return None
        with work.timed():
            picture = self.files.read(work.job)
        work.height, work.width = picture.pixels.shape[:2]
        return picture

    def weigh(self, work: _Work) -> float:
        """Returns the megapixels of a photograph as read or as written."""
        info, enlargement = work.job.info, self.settings.enlargement
        if info is None or enlargement is None:
            return work.job.megapixels
        height, width = enlargement.target(info.height, info.width)
        return max(work.job.megapixels, height * width / 1e6)

    def compute(self, work: _Work, picture: photo.Photo | None) -> photo.Photo | None:
        """Asks the model; without one the pixels stay what they are.

        The pixels that were read are let go with the photograph that held them.
        """
        if picture is None or self.model is None:
            return picture
        if files.is_made_by_another(work.job):
            self.skip(work)
            return None
        larger: dict[str, Any] = {}
        if self.settings.enlargement is not None:
            consistent = self.settings.enlargement.consistent
            larger = {"size": self.files.target(picture), "consistent": consistent}
        try:
            with work.timed():
                pixels, work.uncertainty = explore.answer(
                    judging(self.model, picture.alpha),
                    replace(picture, pixels=photo.bled(picture)),
                    work.job,
                    self.files,
                    self.settings.exploring,
                    {**self.settings.dials, **larger},
                    partial(work.report, self.advance),
                )
        except UsageProblem as error:
            if not self.is_fatal(error):
                raise
            raise UsageProblem(f"{work.job.source_name}: {error}") from error
        self.has_computed = True
        # Where the target is there already, the pixels are those that were read.
        work.height, work.width = self.files.target(picture) or pixels.shape[:2]
        return photo.with_pixels(picture, pixels)

    def is_fatal(self, error: Exception) -> bool:
        """Tells wrong settings, seen at the first photograph, from one wrong photo.

        Whichever comes first: what an earlier run has made is not computed again.
        """
        if isinstance(error, Misfit) and not self.is_alone:
            return False
        return isinstance(error, UsageProblem) and not self.has_computed

    def record(self, work: Any, error: Exception | None) -> Result:
        """Makes the record."""
        job = work.job
        return work.record(
            "skipped" if work.is_there else "enhanced",
            error,
            companions=tuple(str(c.path) for c in job.companions if is_there(c.path)),
            uncertainty=work.uncertainty,
        )
