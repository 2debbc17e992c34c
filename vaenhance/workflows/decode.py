"""A file of latents back to photographs: the files that ``enhance`` would have made.

Nothing is printed and no argument is interpreted here. Not for encoding.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from vaenhance import checkpoint, photo
from vaenhance.errors import LatentError, PhotoError, UsageProblem
from vaenhance.latents import Entry, LatentReader
from vaenhance.workflows import files
from vaenhance.workflows.conveyor import MEGAPIXELS_IN_FLIGHT, Conveyor
from vaenhance.workflows.enlarging import Enlargement, model_for
from vaenhance.workflows.latent_jobs import DecodePlan
from vaenhance.workflows.results import Result
from vaenhance.workflows.work import Work

if TYPE_CHECKING:
    from vaenhance.api import Model


@dataclass(frozen=True)
class DecodeSettings:
    """How every image of a run is written."""

    quality: int | None = None  # 1 to 100; None is 95
    strip_metadata: bool = False
    max_megapixels: float = 512.0
    fail_fast: bool = False
    label: str | None = None  # class of all images; None tells none
    enlargement: Enlargement | None = None  # None: the size that was encoded


def choose_model(reader: LatentReader, model: str | None) -> str:
    """Returns the model to decode with, once its weights are the right ones.

    Args:
        reader: the latents.
        model: a name or folder; None takes the one that the latents name.

    Raises:
        UsageProblem: they are not.
    """
    origin = reader.origin
    if model is None and origin.model not in checkpoint.builtin_models():
        raise UsageProblem(
            f"{reader.name} holds latents of a model called {origin.model}: "
            "give its folder with --model"
        )
    chosen = model or origin.model
    checksum = checkpoint.weights_checksum(checkpoint.find_model(chosen))
    if checksum != origin.checksum:
        raise LatentError(
            f"{reader.name} holds latents of another model: of {origin.model} with "
            f"weights {origin.checksum[:12]}, while {chosen} has {checksum[:12]}"
        )
    return chosen


def check_images(reader: LatentReader) -> None:
    """Refuses latents that no image can be made of.

    Raises:
        LatentError: there is one vector an image.
    """
    if reader.content == "vectors":
        raise LatentError(
            f"{reader.name} holds one vector an image, which cannot be decoded: encode "
            "without --pool; looks want a photograph, with --apply"
        )


def completed(
    settings: DecodeSettings, reader: LatentReader, model: str
) -> DecodeSettings:
    """Returns the settings with what the file and its model say.

    Args:
        settings: as asked for.
        reader: the latents; a class that was told of them is told again.
        model: to decode with. If it only enlarges, its first scale is that of the
            images where none was asked for.

    Raises:
        UsageProblem: it does not enlarge, or not so much.
    """
    config = checkpoint.load_config(checkpoint.find_model(model)).model
    label = reader.label if settings.label is None else settings.label
    wanted = settings.enlargement
    if wanted is None and config.scales[0] > 1:
        wanted = Enlargement(scale=config.scales[0])
    if wanted is not None:
        _, wanted = model_for(model, wanted)
    return replace(settings, label=label, enlargement=wanted)


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

    Yields:
        One record a job.

    Raises:
        UsageProblem: the model or device is not what was asked for.
    """

    def load_checked() -> Model:
        model = load()
        own, theirs = model.origin, reader.origin
        if (own.stride, own.margin) != (theirs.stride, theirs.margin):
            raise LatentError(
                f"{reader.name} was made by a vaenhance that cut images "
                "otherwise: encode them again"
            )
        return model

    yield from followed(
        Decoding(reader, plan, settings, advance), load_checked, deliver
    )


def followed(
    run: Decoding,
    load: Callable[[], Any],
    deliver: Callable[[bytes], None] | None,
) -> Generator[Result, None, None]:
    """Does the jobs of a run; yields one record a job.

    Args:
        run: its jobs.
        load: gives the model; not called when there is nothing to do.
        deliver: takes the bytes of a job without a target.
    """
    with closing(run.conveyor):
        if any(job.is_open for job in run.jobs):
            run.model = load()
        for work, error in run.conveyor.results():
            result = run.finish(work, error, deliver)
            del work, error
            yield result
            if run.settings.fail_fast and result.status == "failed":
                run.conveyor.stop()


@dataclass
class Piece(Work):
    """An image of the file, or one draw of it."""

    entry: int = 0  # of the file
    draw: int = 0  # of the entry


class Decoding:
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
            read=self.read,
            compute=self.compute,
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

    def write(self, work: Piece, picture: photo.Photo | None) -> None:
        """Encodes and writes an image."""
        if picture is not None:
            with work.timed():
                work.format, work.data = self.files.write(work.job, picture)

    def finish(
        self,
        work: Piece,
        error: Exception | None,
        deliver: Callable[[bytes], None] | None,
    ) -> Result:
        """Delivers what has no target of its own and makes the record."""
        if work.data is not None and deliver is not None:
            deliver(work.data)
        work.report(self.advance, work.job.megapixels)
        return work.record(
            "skipped" if work.job.exists else "decoded",
            error,
            source=self.reader.entries[work.entry].name,
        )


def _written_type(entry: Entry) -> np.dtype:
    """Returns the type of the pixels written; floats become 8 bits."""
    return np.dtype(np.uint8) if entry.bits == 32 else entry.dtype
