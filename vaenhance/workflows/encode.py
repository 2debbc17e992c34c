"""Photographs to a file of latents: read ahead, encoded tile by tile, kept on disk.

Nothing is printed and no argument is interpreted here. Not for decoding.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from numpy.typing import NDArray

from vaenhance import photo
from vaenhance.errors import Misfit, PhotoError, UsageProblem
from vaenhance.latents import (
    Entry,
    LatentWriter,
    Pool,
    Tile,
    TiledLatents,
    Unwritable,
)
from vaenhance.workflows import files
from vaenhance.workflows.conveyor import MEGAPIXELS_IN_FLIGHT, Conveyor
from vaenhance.workflows.encode_settings import EncodeSettings
from vaenhance.workflows.gray import HAS_COLOURS
from vaenhance.workflows.jobs import Job
from vaenhance.workflows.results import Result
from vaenhance.workflows.work import Work

if TYPE_CHECKING:
    from vaenhance.api import Model
    from vaenhance.api_style import StyleEncoder


def encode_photos(
    jobs: Sequence[tuple[Job, str]],
    target: Path | BinaryIO,
    settings: EncodeSettings,
    *,
    load: Callable[[], Model | StyleEncoder],
    standard_input: bytes = b"",
    overwrite: bool = False,
    advance: Callable[[float], None] = lambda megapixels: None,
) -> Generator[Result, None, None]:
    """Encodes photographs into one file, written whole at the end or not at all.

    A photograph that fails is left out and is a record like any other.

    Args:
        jobs: sources, each with its name in the file.
        target: the file, or a stream.
        settings: for all of them.
        load: gives the model; called once.
        standard_input: the image of a job without a source.
        overwrite: replace a target that exists.
        advance: told megapixels as they are finished.

    Yields:
        One record a job.

    Raises:
        UsageProblem: the model or device is not what was asked for, or the settings
            do not fit the model, or the only photograph there is does not.
        PhotoError: the file cannot be written.
    """
    run = _Run(jobs, target, settings, standard_input, advance)
    if isinstance(target, Path):
        files.make_folder(target.parent)
    with closing(run.conveyor):
        run.conveyor.read_ahead()
        run.model = load()
        writer = LatentWriter(
            target,
            run.model.origin,
            settings.content,
            facts=settings.facts(),
            overwrite=overwrite,
        )
        with closing(writer):
            run.writer = writer
            failed = False
            for work, error in run.conveyor.results():
                if isinstance(error, Unwritable):  # no later photograph has room
                    raise error
                result = run.finish(work, error)
                failed = failed or result.status == "failed"
                yield result
                if failed and settings.fail_fast:
                    return
            if len(writer):
                writer.finish()


@dataclass
class _Work(Work):
    name: str = ""  # in the file


class _Run:
    """The stages for photographs, and the records of their ends."""

    writer: LatentWriter
    model: Model | StyleEncoder

    def __init__(
        self,
        jobs: Sequence[tuple[Job, str]],
        target: Path | BinaryIO,
        settings: EncodeSettings,
        standard_input: bytes,
        advance: Callable[[float], None],
    ) -> None:
        self.target = "-" if not isinstance(target, Path) else str(target)
        self.settings = settings
        self.advance = advance
        self.has_computed = False
        self.is_alone = sum(job.is_open for job, _ in jobs) < 2
        self.files = files.Files(
            standard_input,
            max_megapixels=settings.max_megapixels,
            quality=None,
            strip_metadata=False,
            unchanged=True,  # whether it can be written again is decode's to say
        )
        self.conveyor: Conveyor[_Work] = Conveyor(
            [_Work(job, name=name) for job, name in jobs],
            read=self.read,
            compute=self.compute,
            write=lambda work, nothing: None,
            weigh=lambda work: work.job.megapixels,
            room=MEGAPIXELS_IN_FLIGHT,
            is_fatal=self.is_fatal,
        )

    def read(self, work: _Work) -> photo.Photo:
        """Reads a photograph."""
        if work.job.problem:
            raise PhotoError(work.job.problem)
        with work.timed():
            picture = self.files.read(work.job)
        work.height, work.width = picture.pixels.shape[:2]
        work.format = picture.format
        return picture

    def compute(self, work: _Work, picture: photo.Photo) -> None:
        """Encodes a photograph and keeps its latents."""
        try:
            with work.timed():
                self.encode(work, picture)
        except UsageProblem as error:
            self.writer.discard()
            if not self.is_fatal(error):
                raise
            raise UsageProblem(f"{work.job.source_name}: {error}") from error
        except Exception:
            self.writer.discard()
            raise
        self.has_computed = True

    def is_fatal(self, error: Exception) -> bool:
        """Tells wrong settings, seen at the first photograph, from one wrong photo."""
        if isinstance(error, Misfit) and not self.is_alone:
            return False
        return isinstance(error, UsageProblem) and not self.has_computed

    def encode(self, work: _Work, picture: photo.Photo) -> None:
        """Adds a photograph to the file."""
        settings = self.settings
        is_vector = settings.content == "vectors"
        pool = Pool(picture.pixels.shape[:2], settings.pool) if settings.pool else None

        def keep(number: int, latents: TiledLatents, tile: Tile) -> None:
            if pool is None:
                self.writer.keep(number, tile)
            else:
                pool.add(latents.tiling, number, tile)

        if settings.styles:
            pixels = photo.seen_everywhere(picture.pixels, picture.alpha)
            picture = replace(picture, pixels=pixels)
        elif not is_vector:  # as ``enhance`` shows them to the model
            picture = replace(picture, pixels=photo.bled(picture))
        latents = self.model.encode_tiles(
            as_channels(picture, self.model.config.channels),
            keep,
            noise_sigma=settings.noise_sigma,
            scale=settings.scale,
            draws=settings.draws,
            seed=settings.seed,
            label=settings.label,
            tile=settings.tile,
            overlap=settings.overlap,
            progress=partial(work.report, self.advance),
        )
        if pool is not None:
            self.writer.keep(0, {"vectors": pool.vector()})
        metadata = picture.metadata
        if settings.strip_metadata:
            metadata = metadata.bare()
        entry = Entry(
            work.name,
            latents.height,
            latents.width,
            latents.tiling,
            picture.format,
            picture.bit_depth,
            picture.is_gray,
            metadata,
        )
        self.writer.add(entry, alpha=None if is_vector else picture.alpha)

    def finish(self, work: _Work, error: Exception | None) -> Result:
        """Makes the record."""
        work.report(self.advance, work.job.megapixels)
        return work.record("encoded", error, target=self.target)


def as_channels(picture: photo.Photo, channels: int) -> NDArray[Any]:
    """Returns the pixels with the channels that a model takes.

    Raises:
        Misfit: the model takes gray, and the photograph is not.
    """
    if channels != 1:
        return picture.pixels
    if not picture.is_gray:
        raise Misfit(HAS_COLOURS)
    return picture.pixels[:, :, :1]
