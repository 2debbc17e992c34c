"""Looks of a file on one photograph: ``decode --apply``, one image for each look.

A look is no image: what is decoded from it is a colour transform, for a photograph.
Nothing is printed and no argument is interpreted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from numpy.typing import NDArray

from vaenhance import photo
from vaenhance.errors import LatentError, PhotoError, UsageProblem
from vaenhance.grading_style import Style
from vaenhance.latents import Entry, LatentReader
from vaenhance.workflows.decode import Decoding, Piece
from vaenhance.workflows.decode_settings import DecodeSettings
from vaenhance.workflows.latent_jobs import DecodePlan
from vaenhance.workflows.results import Result


class LookModel(Protocol):
    """What is needed of ``api_look.LookModel``."""

    def stored_styles(self, reader: LatentReader) -> list[Style]:
        """Returns the styles of a file."""

    def enhance(
        self,
        image: NDArray[Any],
        look: Style | None = None,
        *,
        alpha: NDArray[Any] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> NDArray[Any]:
        """Gives a photograph a style."""


def read_applied(path: Path, reader: LatentReader, limit: float) -> photo.Photo:
    """Reads the photograph that the looks are for.

    Args:
        path: of it.
        reader: the looks.
        limit: megapixels; a larger one is refused.

    Raises:
        LatentError: what is in the file is not one vector an image.
        UsageProblem: the photograph cannot be read.
    """
    if reader.content != "vectors":
        raise LatentError(
            f"{reader.name} holds latents of images, which need no photograph: leave "
            "out --apply"
        )
    try:
        return photo.read_photo(path, max_megapixels=limit)
    except PhotoError as error:
        raise UsageProblem(f"--apply {path}: {error}") from error


def entries(
    reader: LatentReader, picture: photo.Photo, suffix: str
) -> tuple[Entry, ...]:
    """Returns the file's images as they will be: of the photograph's size and kind.

    Args:
        reader: the looks.
        picture: the photograph.
        suffix: extension of its name.
    """
    height, width = picture.pixels.shape[:2]
    plain = [PurePosixPath(entry.name).with_suffix(suffix) for entry in reader.entries]
    twins = Counter(plain)
    # a.jpg and a.png of one folder: both keep the whole name in front
    whole = [f"{entry.name}{suffix}" for entry in reader.entries]
    names = [
        str(name) if twins[name] == 1 else long
        for name, long in zip(plain, whole, strict=True)
    ]
    if len(set(names)) < len(names):  # a.jpg.png beside them: so do all
        names = whole
    return tuple(
        replace(entry, name=name, height=height, width=width, format=picture.format)
        for entry, name in zip(reader.entries, names, strict=True)
    )


def decode_looks(
    reader: LatentReader,
    plan: DecodePlan,
    settings: DecodeSettings,
    picture: photo.Photo,
    *,
    load: Callable[[], LookModel],
    deliver: Callable[[bytes], None] | None = None,
    advance: Callable[[float], None] = lambda megapixels: None,
) -> Generator[Result, None, None]:
    """Gives a photograph each look of a file, and writes the results.

    Args:
        reader: the looks.
        plan: what is written, made of ``entries``.
        settings: for all of them.
        picture: the photograph.
        load: gives the model; not called when there is nothing to do.
        deliver: takes the bytes of a job without a target.
        advance: told megapixels as they are finished.

    Returns:
        One record a job, each when it is there.

    Raises:
        LatentError: the file holds no looks of this model.
    """
    run = _Grading(reader, plan, settings, advance, picture)

    def load_all() -> None:
        run.model = load()
        run.styles = run.model.stored_styles(reader)

    return run.of_open(load_all, deliver)


class _Grading(Decoding):
    """Decoding where an image is the photograph in another look."""

    styles: Sequence[Style]

    def __init__(
        self,
        reader: LatentReader,
        plan: DecodePlan,
        settings: DecodeSettings,
        advance: Callable[[float], None],
        picture: photo.Photo,
    ) -> None:
        self.picture = picture
        super().__init__(reader, plan, settings, advance)

    def size(self, entry: Entry) -> tuple[int, int]:
        """Returns (height, width) of the photograph."""
        height, width = self.picture.pixels.shape[:2]
        return height, width

    def read(self, work: Piece) -> photo.Photo | None:
        """Returns the photograph; None for an image that is not to be done."""
        if work.job.problem:
            raise PhotoError(work.job.problem)
        if not work.job.is_open:
            return None
        photo.check_encodable(self.picture, format=work.job.format)
        return self.picture

    def compute(self, work: Piece, picture: photo.Photo | None) -> photo.Photo | None:
        """Grades the photograph."""
        if picture is None:
            return None
        with work.timed():
            pixels = self.model.enhance(
                picture.pixels,
                self.styles[work.entry],
                alpha=picture.alpha,
                progress=partial(work.report, self.advance),
            )
        return photo.with_pixels(picture, pixels)
