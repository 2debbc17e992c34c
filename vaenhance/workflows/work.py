"""One photograph on its way through a run: what is known of it, and its record.

Shared by the runs that ``conveyor`` carries: enhance, encode, decode. The pixels travel
beside it, so that a record keeps none.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from vaenhance.workflows import files
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
