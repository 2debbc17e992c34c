"""A file of latents back to photographs: the files that ``enhance`` would have made.

Nothing is printed and no argument is interpreted here. Not for encoding.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vaenhance import checkpoint, photo
from vaenhance.errors import LatentError, PhotoError, UsageProblem
from vaenhance.latents import Entry, LatentReader, Origin, Tile, TiledLatents
from vaenhance.workflows import files
from vaenhance.workflows.conveyor import Conveyor
from vaenhance.workflows.jobs import Job
from vaenhance.workflows.latent_jobs import DecodePlan
from vaenhance.workflows.results import Result

MEGAPIXELS_IN_FLIGHT = 128.0  # decoded, and being written


class Decoder(Protocol):
    """What this workflow needs of ``api.Model``."""

    @property
    def origin(self) -> Origin:
        """What a file of its latents says of it."""

    def tile_shapes(
        self, latents: TiledLatents
    ) -> tuple[int, list[tuple[int, int, int]]]:
        """How many tiles an image has, and the shapes of their levels."""

    def decode_tiles(
        self,
        latents: TiledLatents,
        dtype: DTypeLike = np.uint8,
        *,
        tiles: Iterable[Tile] | None = None,
        draw: int = 0,
        progress: Callable[[float], None] = lambda megapixels: None,
    ) -> NDArray[Any]:
        """Decodes one image."""


@dataclass(frozen=True)
class DecodeSettings:
    """How every image of a run is written."""

    quality: int | None = None  # 1 to 100; None is 95
    strip_metadata: bool = False
    max_megapixels: float = 512.0
    fail_fast: bool = False


def choose_model(reader: LatentReader, model: str | None) -> str:
    """Returns the model to decode with, once its weights are the right ones.

    Args:
        reader: the latents.
        model: a name or folder; None takes the one that the latents name.

    Raises:
        UsageProblem: they are not, or the latents cannot be decoded at all.
    """
    origin = reader.origin
    if reader.content == "vectors":
        raise LatentError(
            f"{reader.name} holds pooled vectors, which cannot be decoded: encode "
            "without --pool"
        )
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


def decode_photos(
    reader: LatentReader,
    plan: DecodePlan,
    settings: DecodeSettings,
    *,
    load: Callable[[], Decoder],
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
    run = _Run(reader, plan, settings, advance)
    with closing(run.conveyor):
        if any(job.is_open for job in plan.jobs):
            run.model = load()
            own, theirs = run.model.origin, reader.origin
            if (own.stride, own.margin) != (theirs.stride, theirs.margin):
                raise LatentError(
                    f"{reader.name} was made by a vaenhance that cut images "
                    "otherwise: encode them again"
                )
        for work, error in run.conveyor.results():
            result = run.finish(work, error, deliver)
            del work, error
            yield result
            if settings.fail_fast and result.status == "failed":
                run.conveyor.stop()


@dataclass
class _Work:
    """What is known of one image; its pixels travel beside it."""

    job: Job
    entry: int
    draw: int
    format: str | None = None  # the container written
    data: bytes | None = None  # the file written, if it goes to standard output
    seconds: float = 0.0
    reported: float = 0.0  # megapixels


class _Run:
    """The three stages for images, and the records of their ends."""

    model: Decoder

    def __init__(
        self,
        reader: LatentReader,
        plan: DecodePlan,
        settings: DecodeSettings,
        advance: Callable[[float], None],
    ) -> None:
        self.reader = reader
        self.settings = settings
        self.advance = advance
        self.files = files.Files(
            b"",
            max_megapixels=settings.max_megapixels,
            quality=settings.quality,
            strip_metadata=settings.strip_metadata,
            unchanged=False,
        )
        works = [
            _Work(*one) for one in zip(plan.jobs, plan.entries, plan.draws, strict=True)
        ]
        self.conveyor: Conveyor[_Work] = Conveyor(
            works,
            read=self.read,
            compute=self.compute,
            write=self.write,
            weigh=lambda work: work.job.megapixels,
            room=MEGAPIXELS_IN_FLIGHT,
        )

    def read(self, work: _Work) -> photo.Photo | None:
        """Reads all but the pixels; None for an image that is not to be done."""
        if work.job.problem:
            raise PhotoError(work.job.problem)
        if not work.job.is_open:
            return None
        entry = self.reader.entries[work.entry]
        # Of the right shape and type, and of no size.
        pixels = np.broadcast_to(
            np.zeros((), _written_type(entry)), (entry.height, entry.width, 3)
        )
        picture = photo.Photo(
            pixels,
            self.reader.alpha(work.entry),
            entry.is_gray,
            entry.format,
            entry.metadata,
        )
        photo.check_encodable(picture, format=work.job.format)
        return picture

    def compute(self, work: _Work, picture: photo.Photo | None) -> photo.Photo | None:
        """Decodes an image."""
        if picture is None:
            return None
        started = time.perf_counter()
        latents = self.reader.entries[work.entry].latents
        count, shapes = self.model.tile_shapes(latents)
        pixels = self.model.decode_tiles(
            latents,
            picture.pixels.dtype,
            tiles=self.reader.tiles(work.entry, count, shapes),
            draw=work.draw,
            progress=lambda megapixels: self.report(work, megapixels),
        )
        if pixels.shape[2] == 1:
            pixels = np.repeat(pixels, 3, axis=2)
        work.seconds += time.perf_counter() - started
        return replace(picture, pixels=pixels)

    def write(self, work: _Work, picture: photo.Photo | None) -> None:
        """Encodes and writes an image."""
        if picture is not None:
            started = time.perf_counter()
            work.format, work.data = self.files.write(work.job, picture)
            work.seconds += time.perf_counter() - started

    def finish(
        self,
        work: _Work,
        error: Exception | None,
        deliver: Callable[[bytes], None] | None,
    ) -> Result:
        """Delivers what has no target of its own and makes the record."""
        if work.data is not None and deliver is not None:
            deliver(work.data)
        self.report(work, work.job.megapixels)
        entry = self.reader.entries[work.entry]
        result = Result(
            entry.name,
            work.job.target_name,
            "skipped" if work.job.exists else "decoded",
            width=entry.width,
            height=entry.height,
            format=work.format,
            seconds=work.seconds or None,
        )
        if error is None:
            return result
        trace = "".join(traceback.format_exception(error)).rstrip()
        return replace(result, status="failed", error=files.reason(error), trace=trace)

    def report(self, work: _Work, megapixels: float) -> None:
        """Counts megapixels, of each image no more than its size."""
        more = min(megapixels, work.job.megapixels - work.reported)
        work.reported += more
        if more > 0:
            self.advance(more)


def _written_type(entry: Entry) -> np.dtype:
    """Returns the type of the pixels written; floats become 8 bits."""
    return np.dtype(np.uint8) if entry.bits == 32 else entry.dtype
