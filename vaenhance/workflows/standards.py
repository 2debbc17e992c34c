"""The standard sets of images: their names, and what of each a model is measured on.

Finds the sets in the folders that a user has. Nothing is read or measured here:
``table`` does that. Figures that others published are in ``published``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vaenhance.config import ModelConfig
from vaenhance.data.discover import list_folder
from vaenhance.data.reachable import is_folder
from vaenhance.errors import UsageProblem
from vaenhance.workflows.evaluate import Degradation
from vaenhance.workflows.pairs import Failure, Pair

# What a task takes of a clean image.
AS_IT_IS = "as it is"
GRAY = "gray"  # MATLAB's rgb2gray: all of 0-255
Y = "Y"  # MATLAB's rgb2ycbcr: 16-235
RGB = "RGB"  # a measure only

Size = tuple[int, int]  # (height, width) in pixels


@dataclass(frozen=True)
class Task:
    """One kind of table: what is degraded, how, and on what PSNR is measured."""

    name: str
    takes: str  # AS_IT_IS, GRAY or Y; the last two are rounded to 8 bits
    columns: tuple[Degradation, ...]
    measures: tuple[str, ...]  # RGB, Y or GRAY; one table each

    @property
    def enlarges(self) -> bool:
        """Whether a small image is to become large, and not a bad one good."""
        return self.columns[0].scale > 1


_NOISE = tuple(Degradation(noise=sigma) for sigma in (15.0, 25.0, 50.0))
_JPEG = tuple(Degradation(jpeg=quality) for quality in (10, 20, 30, 40))
_SCALES = tuple(Degradation(scale=scale) for scale in (2, 4))
COLOUR_NOISE = Task("colour noise", AS_IT_IS, _NOISE, (RGB,))
GRAY_NOISE = Task("gray noise", GRAY, _NOISE, (GRAY,))
JPEG_OF_Y = Task("JPEG of Y", Y, _JPEG, (Y,))
COLOUR_JPEG = Task("colour JPEG", AS_IT_IS, _JPEG, (Y, RGB))
UPSCALING = Task("upscaling", AS_IT_IS, _SCALES, (Y,))
GENERAL = (COLOUR_NOISE, COLOUR_JPEG, UPSCALING)


@dataclass(frozen=True)
class Standard:
    """One set that papers use."""

    name: str
    images: int
    tasks: tuple[Task, ...]
    aliases: tuple[str, ...] = ()  # other names, lower case, letters and digits
    # (height, width) in papers that took parts of the originals; None: the originals.
    parts: Size | None = None


STANDARDS = (
    Standard(
        "CBSD68",
        68,
        (COLOUR_NOISE,),
        ("cbsds68", "bsd68color", "bsd68colour", "bsd68rgb", "colorbsd68"),
    ),
    Standard("BSD68", 68, (GRAY_NOISE,), ("bsds68", "cbsd68gray", "cbsd68grey")),
    Standard("Kodak24", 24, (COLOUR_NOISE,), ("kodak",), parts=(500, 500)),
    Standard("McMaster", 18, (COLOUR_NOISE,), ("mcm", "mcm18", "mcmaster18")),
    Standard("Set12", 12, (GRAY_NOISE,)),
    Standard("LIVE1", 29, (JPEG_OF_Y, COLOUR_JPEG)),
    Standard("Classic5", 5, (JPEG_OF_Y, COLOUR_JPEG)),
    Standard("Set5", 5, GENERAL),
    Standard("Set14", 14, GENERAL),
    Standard("BSD100", 100, GENERAL, ("bsds100", "b100")),
    Standard("Urban100", 100, GENERAL),
)
_BY_ALIAS = {a: s for s in STANDARDS for a in (s.name.lower(), *s.aliases)}
# Words that stand behind the name of a set and mean nothing here.
_SUFFIXES = re.compile(
    "(dataset|testset|test|data|set|images|imgs|pictures|original|color|colour|rgb"
    "|gray|grey|png|bmp|tiff|tif|jpg|hr|gt|clean|reference|refimgs)$"
)
# Where a set keeps its clean images when it also has others.
_CLEAN = re.compile("(original|refimgs|hr|gt|groundtruth|clean|reference|target)")


@dataclass(frozen=True)
class ImageSet:
    """A set of clean images that the user has."""

    name: str
    folder: Path  # names of images are relative to it
    pairs: tuple[Pair, ...]
    tasks: tuple[Task, ...]
    expected: int | None = None  # how many images the standard set has
    parts: Size | None = None  # of the standard set
    sizes: frozenset[Size] = frozenset()  # of the images; empty until they are read

    @property
    def is_complete(self) -> bool:
        """Whether it is a standard set, with as many images as that has."""
        return len(self.pairs) == self.expected

    @property
    def is_other(self) -> bool:
        """Whether some images are not the parts of them that papers measure."""
        return self.parts is not None and not self.sizes <= {self.parts}

    @property
    def is_whole(self) -> bool:
        """Whether published figures are of these very images, as far as one sees."""
        return self.is_complete and not self.is_other

    def first(self, count: int | None) -> ImageSet:
        """The set with only its first images."""
        return replace(self, pairs=self.pairs[:count])


@dataclass(frozen=True)
class Checked:
    """A set whose images can be read."""

    images: ImageSet
    failures: tuple[Failure, ...]
    is_gray: bool
    megapixels: float  # of all its images

    def tasks(self, config: ModelConfig) -> list[Task]:
        """What a model can be measured on, with the columns that it reaches.

        In gray, colour JPEG is that of Y. A model that enlarges does nothing else.
        """
        tasks = self._reached(max(config.scales))
        if config.channels == 1:
            tasks = [task for task in tasks if not self._has_colours(task)]
        return tasks

    def too_colourful(self, config: ModelConfig) -> list[Task]:
        """What is left out because a model takes gray images only."""
        tasks = self._reached(max(config.scales)) if config.channels == 1 else []
        return [task for task in tasks if self._has_colours(task)]

    def measures(self, task: Task) -> tuple[str, ...]:
        """On what the task is measured; gray images have only themselves."""
        is_plain = self.is_gray and task.takes == AS_IT_IS
        return (GRAY,) if is_plain else task.measures

    def _has_colours(self, task: Task) -> bool:
        return task.takes == AS_IT_IS and not self.is_gray

    def _reached(self, scale: int) -> list[Task]:
        """The tasks that say something about models up to a scale."""
        tasks = []
        for task in self.images.tasks:
            # Scales between those of a model are made from the next larger one.
            columns = [row for row in task.columns if row.scale <= scale]
            if columns and task.enlarges == (scale > 1):
                tasks.append(replace(task, columns=tuple(columns)))
        if self.is_gray and any(task.takes == Y for task in tasks):
            tasks = [task for task in tasks if task.takes != AS_IT_IS]
        return tasks


def recognise(name: str) -> Standard | None:
    """The standard set that a folder of this name holds.

    Case, signs between letters, and words such as "dataset" or "original_png" behind
    the name make no difference.
    """
    letters = _letters(name)
    while letters:
        if letters in _BY_ALIAS:
            return _BY_ALIAS[letters]
        shorter = _SUFFIXES.sub("", letters)
        if shorter == letters:
            return None
        letters = shorter
    return None


def find_sets(source: Path) -> tuple[list[ImageSet], list[Failure]]:
    """The sets in a folder, and what could not be used.

    Images belong to the nearest folder above them that is a standard set by name;
    otherwise their own folder is a set of its own, with the general tasks.

    Raises:
        UsageProblem: It is no folder, or there are no images in it.
    """
    if not is_folder(source):
        raise UsageProblem(
            f"{source} is not a folder: --table takes the folder of one set, or one "
            "with several sets as sub-folders"
        )
    listing = list_folder(source)
    failures = [Failure(str(source / path), why) for path, why in listing.unreadable]
    if not listing.images:
        raise UsageProblem(f"no images found in {source}")
    groups: dict[tuple[Path, str], list[Path]] = {}
    for image in listing.images:
        groups.setdefault(_home(source, image), []).append(image)
    sets = []
    for (folder, name), images in groups.items():
        standard = recognise(name)
        if standard is None:
            sets.append(_image_set(name, source / folder, images, folder, GENERAL))
            continue
        inner = [image.relative_to(folder) for image in images]
        clean = _clean(inner, standard.images)
        if clean is None:
            failures.append(Failure(str(source / folder), _WHICH))
            continue
        chosen = [image for image in inner if image.parent == clean]
        found = _image_set(
            standard.name, source / folder / clean, chosen, clean, standard.tasks
        )
        sets.append(replace(found, expected=standard.images, parts=standard.parts))
    return sets, failures


_WHICH = (
    "it is not clear which of its sub-folders has the clean images: name that one "
    "original, or give it alone"
)


def _home(source: Path, image: Path) -> tuple[Path, str]:
    """The folder, relative to SOURCE, of the set that an image belongs to; its name."""
    for folder in image.parents:
        if folder != Path() and recognise(folder.name):
            return folder, folder.name
    # LIVE1/refimgs may be given itself.
    above = source.resolve()
    names = [above.name]
    if _is_clean_name(above.name):
        names.append(above.parent.name)
    for name in names:
        if recognise(name):
            return Path(), name
    own = image.parent
    return own, own.as_posix() if own != Path() else above.name


def _clean(images: Sequence[Path], expected: int) -> Path | None:
    """The sub-folder of a standard set that has the clean images; None: unclear."""
    counts: dict[Path, int] = {}
    for image in images:
        counts[image.parent] = counts.get(image.parent, 0) + 1
    if len(counts) == 1:
        return next(iter(counts))
    named = [f for f in counts if any(_is_clean_name(part) for part in f.parts)]
    if not named and Path() in counts:
        return Path()
    fitting = [f for f in named or counts if counts[f] == expected]
    if named:  # several of them are copies in other formats
        return min(fitting or named)
    return fitting[0] if len(fitting) == 1 else None


def _image_set(
    name: str,
    folder: Path,
    images: Sequence[Path],
    below: Path,
    tasks: tuple[Task, ...],
) -> ImageSet:
    names = [image.relative_to(below) for image in images]
    pairs = tuple(Pair(image.as_posix(), folder / image) for image in names)
    return ImageSet(name, folder, pairs, tasks)


def _is_clean_name(name: str) -> bool:
    return _CLEAN.match(_letters(name)) is not None


def _letters(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())
