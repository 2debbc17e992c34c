"""A file of latents back to photographs: the files that ``enhance`` would have made.

Nothing is printed and no argument is interpreted here. Not for encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from vaenhance import photo
from vaenhance.errors import LatentError, PhotoError
from vaenhance.latents import Entry, LatentReader
from vaenhance.workflows import files
from vaenhance.workflows.conveyor import MEGAPIXELS_IN_FLIGHT, Conveyor
from vaenhance.workflows.decode_settings import DecodeSettings
from vaenhance.workflows.latent_jobs import DecodePlan
from vaenhance.workflows.results import Result
from vaenhance.workflows.work import Work, Writing

if TYPE_CHECKING:
    from vaenhance.api import Model


def decode_photos(
    reader: LatentReader,
    plan: DecodePlan,
    settings: DecodeSettings,
    *,
    load: Callable[[], Model],
    deliver: Callable[[bytes], None] | None = None,
    advance: Callable[[float], None] = lambda megapixels: None,
) -> Generator[Result, None, None]:
    """Decodes images one after the other, and writes them.

    Args:
        reader: the latents.
        plan: which images, and where they go.
        settings: for all of them.
        load: gives the model; not called when there is nothing to do.
        deliver: takes the bytes of a job without a target.
        advance: told megapixels as they are finished.

    Returns:
        One record a job, each when it is there.

    Raises:
        UsageProblem: the model or device is not what was asked for.
        KeyboardInterrupt: after the records of what was written.
    """
    run = Decoding(reader, plan, settings, advance)

    def load_checked() -> None:
        run.model = load()
        own, theirs = run.model.origin, reader.origin
        if (own.stride, own.margin) != (theirs.stride, theirs.margin):
            raise LatentError(
                f"{reader.name} was made by a vaenhance that cut images "
                "otherwise: encode them again"
            )

    return run.of_open(load_checked, deliver)


@dataclass
class Piece(Work):
    """An image of the file, or one draw of it."""

    entry: int = 0  # of the file
    draw: int = 0  # of the entry


class Decoding(Writing):
    """The three stages for images, and the records of their ends."""

    model: Any  # ``api.Model``

    def __init__(
        self,
        reader: LatentReader,
        plan: DecodePlan,
        settings: DecodeSettings,
        advance: Callable[[float], None],
    ) -> None:
        self.reader = reader
        self.jobs = plan.jobs
        self.settings = settings
        self.advance = advance
        self.files = files.Files(
            b"",
            max_megapixels=settings.max_megapixels,
            quality=settings.quality,
            strip_metadata=settings.strip_metadata,
            unchanged=False,
        )
        places = zip(plan.jobs, plan.entries, plan.draws, strict=True)
        works = [Piece(job, entry=entry, draw=draw) for job, entry, draw in places]
        for work in works:
            work.height, work.width = self.size(reader.entries[work.entry])
        self.conveyor: Conveyor[Piece] = Conveyor(
            works,
            read=self.read_missing,
            compute=self.compute_missing,
            write=self.write,
            weigh=self.weigh,
            room=MEGAPIXELS_IN_FLIGHT,
        )

    def size(self, entry: Entry) -> tuple[int, int]:
        """Returns (height, width) of an image that is written, pixels."""
        enlargement = self.settings.enlargement
        if enlargement is None:
            return entry.height, entry.width
        return enlargement.target(entry.height, entry.width)

    def weigh(self, work: Piece) -> float:
        """Returns the megapixels of an image as encoded or as written."""
        height, width = self.size(self.reader.entries[work.entry])
        return max(work.job.megapixels, height * width / 1e6)

    def read_missing(self, work: Piece) -> photo.Photo | None:
        """Reads what is not there, by an earlier run or one at the same time."""
        job = work.job
        if job.exists or (job.is_open and files.is_made_by_another(job)):
            self.skip(work)
            return None
        return self.read(work)

    def compute_missing(
        self, work: Piece, picture: photo.Photo | None
    ) -> photo.Photo | None:
        """Decodes what another run has not made in the meantime."""
        if picture is not None and files.is_made_by_another(work.job):
            self.skip(work)
            return None
        return self.compute(work, picture)

    def of_open(
        self, load: Callable[[], None], deliver: Callable[[bytes], None] | None
    ) -> Generator[Result, None, None]:
        """Does the jobs; the model is not loaded when there is nothing to do."""
        is_open = any(job.is_open for job in self.jobs)
        needed = load if is_open else lambda: None
        return self.followed(needed, deliver, self.settings.fail_fast)

    def read(self, work: Piece) -> photo.Photo | None:
        """Reads all but the pixels; None for an image that is not to be done."""
        if work.job.problem:
            raise PhotoError(work.job.problem)
        if not work.job.is_open:
            return None
        entry = self.reader.entries[work.entry]
        # Of the right shape and type, and taking no memory.
        shape = entry.height, entry.width, 3
        pixels = np.broadcast_to(np.zeros((), _written_type(entry)), shape)
        picture = photo.Photo(
            pixels,
            self.reader.alpha(work.entry),
            entry.is_gray,
            entry.format,
            entry.metadata,
        )
        size = self.size(entry)
        photo.check_encodable(picture, format=work.job.format, size=size)
        return picture

    def compute(self, work: Piece, picture: photo.Photo | None) -> photo.Photo | None:
        """Decodes an image."""
        if picture is None:
            return None
        entry = self.reader.entries[work.entry]
        latents = entry.latents
        with work.timed():
            count, shapes = self.model.tile_shapes(latents)
            pixels = self.model.decode_tiles(
                latents,
                picture.pixels.dtype,
                tiles=self.reader.tiles(work.entry, count, shapes, work.draw),
                size=self.size(entry) if self.settings.enlargement else None,
                label=self.settings.label,
                progress=partial(work.report, self.advance),
            )
            if pixels.shape[2] == 1:
                pixels = np.repeat(pixels, 3, axis=2)
        return photo.with_pixels(picture, pixels)

    def record(self, work: Any, error: Exception | None) -> Result:
        """Makes the record."""
        return work.record(
            "skipped" if work.is_there else "decoded",
            error,
            source=self.reader.entries[work.entry].name,
        )


def _written_type(entry: Entry) -> np.dtype:
    """Returns the type of the pixels written; floats become 8 bits."""
    return np.dtype(np.uint8) if entry.bits == 32 else entry.dtype
