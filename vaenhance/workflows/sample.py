"""Draw new images from a model's prior and write them, one by one or as a sheet.

Not enhancement: no photograph goes in. What comes out is decided by the seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vaenhance import checkpoint, photo, report
from vaenhance.api_drawing import class_numbers, level_temperatures
from vaenhance.data.reachable import is_folder, is_there
from vaenhance.errors import UsageProblem
from vaenhance.workflows.files import named

Pixels = NDArray[np.uint8]

SHEET = Path("sample.png")  # where a sheet goes when nothing is said
_DIGITS = 4  # at least, so that runs of different counts sort together


class Sampler(Protocol):
    """The part of ``api.Model`` that draws."""

    def samples(
        self,
        count: int,
        *,
        size: tuple[int, int] | None = None,
        temperature: float | Sequence[float] = 1.0,
        seed: int = 0,
        label: str | Sequence[str] | None = None,
    ) -> Iterator[NDArray[np.float32]]:
        """``count`` times (H, W, C) in [0, 1]; size is (height, width) in pixels."""
        ...


@dataclass(frozen=True)
class Settings:
    """What is drawn, and how a sheet is laid out."""

    count: int = 16
    size: tuple[int, int] | None = None  # height, width in pixels; None: the model's
    temperature: tuple[float, ...] = (1.0,)  # of all levels, or each, coarse to fine
    seed: int = 0
    classes: tuple[str, ...] = ()  # that take turns; none: all that the model knows
    columns: int | None = None  # of a sheet; None: as square as possible
    gap: int = 4  # pixels between images of a sheet


@dataclass(frozen=True)
class Plan:
    """The files of a run: one sheet, or a numbered file for each image."""

    files: tuple[Path, ...]
    is_sheet: bool
    format: str  # container, as `photo` names it
    may_replace: bool = False  # what has come to be there in the meantime, too


def make_plan(
    target: Path | None,
    settings: Settings,
    *,
    format: str | None = None,
    overwrite: bool = False,
    to_stdout: bool = False,
) -> Plan:
    """Decide which files a run will write, before anything is drawn.

    Args:
        target: None for ``sample.png`` here; a name with an image's extension
            for a sheet; an existing folder, or any other name, for a folder of
            numbered files.
        settings: How many images there will be.
        format: An extension, or None for PNG or the sheet's own.
        overwrite: Whether files that exist may be replaced.
        to_stdout: The sheet is not for the disk: what lies there does not matter.

    Raises:
        UsageProblem: A file exists already, or name and format disagree.
    """
    suffix = "." + (format or "png").lower().lstrip(".")
    if not _can_write(suffix):
        raise UsageProblem(f"cannot write {suffix} files; known: {_known()}")
    target = target or SHEET.with_suffix(suffix)
    can_be_sheet = _can_write(target.suffix.lower())
    is_sheet = can_be_sheet and (to_stdout or not is_folder(target))
    if is_sheet:
        wanted = photo.EXTENSIONS[target.suffix.lower()]
        if format is not None and photo.EXTENSIONS[suffix] != wanted:
            raise UsageProblem(f"{target} is not a {suffix} file: change one of them")
        files: tuple[Path, ...] = (target,)
    else:
        looks_like_file = target.suffix.lower() in photo.EXTENSIONS
        if not is_folder(target) and (is_there(target) or looks_like_file):
            raise UsageProblem(
                f"{target} is neither a folder nor of a type that can be written; "
                f"known: {_known()}"
            )
        wanted = photo.EXTENSIONS[suffix]
        digits = max(_DIGITS, len(str(settings.count - 1)))
        numbers = range(settings.count)
        files = tuple(target / f"{n:0{digits}d}{suffix}" for n in numbers)
    existing = next((file for file in files if is_there(file)), None)
    if existing is not None and not (overwrite or to_stdout):
        raise UsageProblem(
            f"{existing} exists already: pass --overwrite or choose another target"
        )
    return Plan(files, is_sheet, wanted, overwrite)


def check(model: str, settings: Settings) -> None:
    """Refuse what a model cannot draw, before TensorFlow starts.

    Args:
        model: A built-in name, or a folder.
        settings: Classes and temperatures that it may not have.

    Raises:
        ModelError: There is no such model.
        UsageProblem: It knows no such class, or has another number of levels.
    """
    name, config = checkpoint.named_config(model)
    class_numbers(name, config.classes, settings.classes)
    level_temperatures(name, len(config.latent_channels), settings.temperature)


def draw(model: Sampler, settings: Settings) -> Iterator[Pixels]:
    """Draw the images of a run, each when it is asked for.

    Args:
        model: Where they come from.
        settings: How many, how large, how wild, and the seed.

    Returns:
        uint8 (H, W, 3) each, gray repeated.
    """
    drawn = model.samples(
        settings.count,
        size=settings.size,
        temperature=settings.temperature,
        seed=settings.seed,
        label=settings.classes or None,
    )
    return map(_shown, drawn)


def _shown(image: NDArray[np.float32]) -> Pixels:
    pixels = np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def arrange(
    images: Sequence[Pixels], columns: int | None = None, gap: int = 4
) -> Pixels:
    """Lay the images out as a sheet without captions.

    Args:
        images: uint8 (H, W, 3) each.
        columns: Images in a row; None for as square as possible.
        gap: Pixels between images and around them; none around a single image, so
            that other commands can go on with it.

    Returns:
        The sheet, uint8 (H, W, 3).
    """
    gap = gap if len(images) > 1 else 0
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows = [images[at : at + columns] for at in range(0, len(images), columns)]
    return report.sheet(rows, gap=gap)


def encode(pixels: Pixels, format: str, profile: bytes | None = None) -> bytes:
    """The bytes of an image file; gray pixels become a gray file.

    Args:
        pixels: uint8 (H, W, 3).
        format: A container that ``photo`` names, e.g. ``PNG``.
        profile: ICC profile of the colours; gray pixels that have one stay RGB.
    """
    is_gray = profile is None and bool((pixels == pixels[..., :1]).all())
    plain = photo.Photo(
        pixels=pixels,
        alpha=None,
        is_gray=is_gray,
        format=format,
        metadata=photo.Metadata(icc_profile=profile),
    )
    data: bytes = photo.encode_photo(plain, pixels, format=format)
    return data


def write(
    images: Iterable[Pixels],
    plan: Plan,
    settings: Settings,
    profile: bytes | None = None,
) -> Iterator[Path]:
    """Write what was drawn; of numbered files each before the next is drawn.

    Args:
        images: What ``draw`` gave.
        plan: Where it goes; its folder is made if it is missing.
        settings: The columns of a sheet.
        profile: As in ``encode``.

    Yields:
        Each file once it is complete.

    Raises:
        VaenhanceError: A file cannot be written.
    """
    if plan.is_sheet:
        images = [arrange(list(images), settings.columns, settings.gap)]
    for pixels, file in zip(images, plan.files, strict=True):
        with named(file):
            data = encode(pixels, plan.format, profile)
            photo.write_atomic(data, file, replace=plan.may_replace)
        yield file


def _can_write(suffix: str) -> bool:
    return photo.EXTENSIONS.get(suffix) in photo.WRITABLE


def _known() -> str:
    return " ".join(sorted(photo.WRITABLE.values()))
