"""Two images, and what lies between them, as a sheet, an animation or many files.

Nothing is printed and no argument is interpreted here. The way itself is the
model's (``api_interpolate``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo, report
from vaenhance.config import ModelConfig
from vaenhance.data.reachable import is_folder, is_there
from vaenhance.errors import PhotoError, UsageProblem
from vaenhance.photo import Metadata
from vaenhance.workflows import sample
from vaenhance.workflows.files import named
from vaenhance.workflows.gray import HAS_COLOURS, is_gray

Pixels = NDArray[np.uint8]


class Interpolator(Protocol):
    """What this workflow needs of ``api.Model``."""

    @property
    def config(self) -> ModelConfig:
        """The network's shape; its colour channels matter here."""

    def interpolate(
        self,
        start: NDArray[Any],
        end: NDArray[Any],
        frames: int = 16,
        *,
        method: str = "spherical",
        levels: Sequence[int] | None = None,
        label: str | None = None,
        tile: int | None = None,
        overlap: int | None = None,
    ) -> Iterator[NDArray[Any]]:
        """Yields frames of the same shape and type as the images."""


@dataclass(frozen=True)
class Settings:
    """Which way, in how many frames, and how they are laid out."""

    frames: int = 16  # with both ends
    method: str = "spherical"
    levels: tuple[int, ...] | None = None  # that move, 0 the coarsest; None: all
    label: str | None = None  # class of all images; None tells none
    columns: int | None = None  # of a sheet; None: as square as possible
    fps: float = 10.0  # frames a second of an animation
    bounce: bool = False  # an animation goes back again
    tile: int | None = None  # pixels; None chooses, 0 is the whole image
    overlap: int | None = None  # pixels; None chooses


class Made(NamedTuple):
    """A file before it is written."""

    data: bytes
    height: int  # pixels
    width: int


@dataclass(frozen=True)
class Ends:
    """The two images, of one size."""

    start: Pixels  # (H, W, 3)
    end: Pixels
    is_gray: bool  # both are
    icc_profile: bytes | None  # that both have
    have_other_profiles: bool  # so that the colours of one of them will be off


def make_plan(
    target: Path,
    settings: Settings,
    *,
    format: str | None,
    overwrite: bool,
    to_stdout: bool = False,
) -> sample.Plan:
    """Decides which files a run will write.

    Args:
        target: ends in .gif, .apng or .webp for an animation, in another image's
            extension for a sheet; a folder, or any other name, for numbered files.
        settings: how many frames there will be.
        format: extension of numbered files.
        overwrite: whether files that exist may be replaced.
        to_stdout: the target only names a format: what lies there does not matter.

    Raises:
        UsageProblem: a file exists already, or name and format disagree.
    """
    kind = report.ANIMATIONS.get(target.suffix.lower())
    if kind is None or (is_folder(target) and not to_stdout):
        count = sample.Settings(count=settings.frames)
        how: dict[str, Any] = {"format": format, "overwrite": overwrite}
        return sample.make_plan(target, count, **how, to_stdout=to_stdout)
    if format is not None and format.lower().lstrip(".") != target.suffix.lower()[1:]:
        raise UsageProblem(f"{target} is not a .{format} file: change one of them")
    if is_there(target) and not (overwrite or to_stdout):
        raise UsageProblem(
            f"{target} exists already: pass --overwrite or choose another target"
        )
    return sample.Plan((target,), False, kind, overwrite)


def read_ends(
    sources: Sequence[Path | bytes],
    names: Sequence[str],
    max_megapixels: float,
    any_size: bool = False,
) -> Ends:
    """Reads the two images.

    Args:
        sources: files, or bytes.
        names: of them, for messages.
        max_megapixels: larger ones are refused.
        any_size: they may differ in size.

    Raises:
        UsageProblem: one cannot be read, or they differ in size.
    """
    pictures = []
    for source, name in zip(sources, names, strict=True):
        try:
            pictures.append(photo.read_photo(source, max_megapixels=max_megapixels))
        except PhotoError as error:
            raise UsageProblem(f"{name}: {error}") from error
    sizes = [f"{p.pixels.shape[1]} x {p.pixels.shape[0]}" for p in pictures]
    if sizes[0] != sizes[1] and not any_size:
        raise UsageProblem(
            f"{names[0]} has {sizes[0]} pixels and {names[1]} {sizes[1]}: "
            "bring them to one size first"
        )
    profiles = [picture.metadata.icc_profile for picture in pictures]
    start, end = (photo.to_eight_bits(picture.pixels) for picture in pictures)
    return Ends(
        start,
        end,
        all(picture.is_gray for picture in pictures),
        profiles[0] if profiles[0] == profiles[1] else None,
        profiles[0] != profiles[1],
    )


def check(config: ModelConfig, ends: Ends, settings: Settings) -> None:
    """Refuses what ``draw_frames`` would refuse, before the weights are read.

    Args:
        config: of the model.
        ends: the two images.
        settings: which levels are to move.

    Raises:
        UsageProblem: the model does not take such images, or has no such levels.
    """
    if config.channels == 1 and not ends.is_gray:
        raise UsageProblem(f"A or B: {HAS_COLOURS}")
    height, width = ends.start.shape[:2]
    side = 0 if config.network == "look" else config.image_size  # else a thumbnail's
    if side and (height, width) != (side, side):
        raise UsageProblem(
            f"A and B have {width} x {height} pixels: the model takes {side} x {side} "
            "only"
        )
    levels, count = settings.levels or (0,), len(config.latent_channels)
    if max(levels) >= count:
        raise UsageProblem(
            f"the model has the levels 0 to {count - 1}, received {list(levels)}"
            if count > 1
            else "the model has one level, 0: leave --levels out"
        )


def draw_frames(
    model: Interpolator, ends: Ends, settings: Settings
) -> Iterator[Pixels]:
    """Yields the frames, uint8 (H, W, 3) each, gray repeated.

    Raises:
        UsageProblem: the model does not take such images, or has no such levels.
    """
    check(model.config, ends, settings)
    channels = slice(0, 1 if model.config.channels == 1 else 3)
    told = {} if settings.label is None else {"label": settings.label}
    frames = model.interpolate(
        ends.start[:, :, channels],
        ends.end[:, :, channels],
        settings.frames,
        method=settings.method,
        levels=settings.levels,
        tile=settings.tile,
        overlap=settings.overlap,
        **told,
    )
    for frame in frames:
        if ends.is_gray:
            frame = np.rint(frame.mean(axis=2, keepdims=True)).astype(np.uint8)
        yield np.repeat(frame, 3, axis=2) if frame.shape[2] == 1 else frame


def encode(
    frames: Iterator[Pixels], plan: sample.Plan, ends: Ends, settings: Settings
) -> Iterator[Made]:
    """Yields each file of the plan, in its order."""
    metadata = Metadata(icc_profile=ends.icc_profile)
    if plan.is_sheet:
        sheet = sample.arrange(list(frames), settings.columns)
        yield _encoded(sheet, plan.format, ends.is_gray and is_gray(sheet), metadata)
    elif len(plan.files) == 1:
        shown = list(frames)
        if settings.bounce:
            shown += shown[-2:0:-1]
        data = report.animation(
            shown,
            plan.format,
            seconds=1 / settings.fps,
            icc_profile=photo.of_colors(ends.icc_profile),
        )
        yield Made(data, *shown[0].shape[:2])
    else:
        for frame in frames:
            yield _encoded(frame, plan.format, ends.is_gray, metadata)


def write(made: Iterator[Made], plan: sample.Plan) -> Iterator[tuple[Path, Made]]:
    """Writes files, each whole or not at all; yields each once it is there.

    Raises:
        VaenhanceError: a file cannot be written.
    """
    for file, content in zip(plan.files, made, strict=True):
        with named(file):
            photo.write_atomic(content.data, file, replace=plan.may_replace)
        yield file, content


def _encoded(pixels: Pixels, format: str, is_gray: bool, metadata: Metadata) -> Made:
    if not is_gray:
        profile = photo.of_colors(metadata.icc_profile)
        metadata = replace(metadata, icc_profile=profile)
    plain = photo.Photo(pixels, None, is_gray, format, metadata)
    data = photo.encode_photo(plain, pixels, format=format)
    return Made(data, *pixels.shape[:2])
