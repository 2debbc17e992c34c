"""One photograph on its way through a run: what is known of it, and its record.

Shared by the runs that ``conveyor`` carries: enhance, encode, decode. The pixels travel
beside it, so that a record keeps none. What the runs that write photographs do alike
is here, too.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from vaenhance import photo
from vaenhance.errors import TargetTaken
from vaenhance.workflows import files
from vaenhance.workflows.conveyor import Conveyor
from vaenhance.workflows.jobs import Job
from vaenhance.workflows.results import Result, Status


@dataclass
class Work:
    """What is known of one photograph so far."""

    job: Job
    width: int | None = None
    height: int | None = None
    format: str | None = None  # the container written
    data: bytes | None = None  # the file written, if it goes to standard output
    seconds: float = 0.0
    reported: float = 0.0  # megapixels
    is_there: bool = False  # the target, by an earlier run or one at the same time

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Adds the time spent to the photograph's seconds."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - started

    def report(self, advance: Callable[[float], None], megapixels: float) -> None:
        """Counts megapixels, no more than the photograph has."""
        more = min(megapixels, self.job.megapixels - self.reported)
        self.reported += more
        if more > 0:
            advance(more)

    def record(self, status: Status, error: Exception | None, **known: Any) -> Result:
        """Makes the record of its end.

        Args:
            status: what became of it, if nothing went wrong.
            error: what did.
            known: fields of ``Result``, in place of the job's names or beside them.
        """
        result = Result(
            self.job.source_name,
            self.job.target_name,
            status,
            width=self.width,
            height=self.height,
            format=self.format,
            seconds=self.seconds or None,
        )
        result = replace(result, **known)
        if error is None:
            return result
        trace = "".join(traceback.format_exception(error)).rstrip()
        return replace(result, status="failed", error=files.reason(error), trace=trace)


class Writing(ABC):
    """What runs that write photographs share: the last stage and the way to the end."""

    files: files.Files
    conveyor: Conveyor[Any]
    advance: Callable[[float], None]

    def skip(self, work: Work) -> None:
        """Leaves a target as it is, and the folder without what dead runs left."""
        work.is_there = True
        if work.job.target is not None:
            photo.tidy(work.job.target.parent)

    def write(self, work: Work, picture: photo.Photo | None) -> None:
        """Encodes and writes a photograph."""
        if picture is None:
            return
        try:
            with work.timed():
                work.format, work.data = self.files.write(work.job, picture)
        except TargetTaken:
            if work.job.is_named:
                raise
            self.skip(work)

    @abstractmethod
    def record(self, work: Work, error: Exception | None) -> Result:
        """Makes the record of a photograph's end."""

    def followed(
        self,
        load: Callable[[], None],
        deliver: Callable[[bytes], None] | None,
        fail_fast: bool,
    ) -> Generator[Result, None, None]:
        """Does all jobs; yields one record a job.

        Args:
            load: gets the model, if there is anything to do.
            deliver: takes the bytes of a job without a target.
            fail_fast: nothing new after a failure.

        Raises:
            KeyboardInterrupt: after the records of what was written.
        """
        try:
            load()
            for work, error in self.conveyor.results():
                result = self._finished(work, error, deliver)
                del work, error  # the traceback holds the pixels
                yield result
                if fail_fast and result.status == "failed":
                    self.conveyor.stop()
        except KeyboardInterrupt:
            # What is being written will be there: it is part of the story.
            for work, error in self.conveyor.written():
                yield self._finished(work, error, deliver)
            raise
        finally:
            self.conveyor.close()

    def _finished(
        self,
        work: Work,
        error: Exception | None,
        deliver: Callable[[bytes], None] | None,
    ) -> Result:
        """Delivers what has no target of its own and makes the record."""
        if work.data is not None and deliver is not None:
            deliver(work.data)
        work.report(self.advance, work.job.megapixels)
        return self.record(work, error)
