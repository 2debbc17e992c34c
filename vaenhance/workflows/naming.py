"""The names of targets: extension, suffix, folder, and what happens when two collide.

Looks at names and at what is there under them; writes nothing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from vaenhance import photo
from vaenhance.data.reachable import is_folder, is_there
from vaenhance.errors import UsageProblem

DEFAULT_SUFFIX = ".enhanced"  # for a file that is given no TARGET

Key = tuple[Path, Path]  # a file, and its place under a folder TARGET


@dataclass(frozen=True)
class Naming:
    """How a target's name follows from its source's.

    Attributes:
        format: container to write; None keeps the source's.
        suffix: put between stem and extension.
        yielding: those of the two, by name, that give way to a TARGET that names a
            file: nobody typed them beside it.
    """

    format: str | None = None
    suffix: str = ""
    yielding: Collection[str] = ()

    def rename(self, name: Path, *, keep_extension: bool = False) -> Path:
        """Returns the target's name.

        Args:
            name: of the source.
            keep_extension: write ``a.jpg.png`` instead of ``a.png``.
        """
        kind = photo.EXTENSIONS.get(name.suffix.lower())
        # Only a real extension is cut off: "scan.2024" is a name without one.
        stem, extension = (name.stem, name.suffix) if kind else (name.name, "")
        if self.format is None or self.format == kind:
            return name.with_name(stem + self.suffix + extension)
        kept = extension if keep_extension else ""
        return name.with_name(stem + kept + self.suffix + photo.WRITABLE[self.format])


@dataclass(frozen=True)
class FolderTargets:
    """The targets in a folder.

    Attributes:
        of: the target of each key.
        notes: what the user should know about changed names.
        doubts: targets that may be there already of another source, and which. Where
            two sources want one name, one of them gets a longer name; as long as
            that is not there, an earlier run may have had this source alone, and
            given it the short one.
    """

    of: dict[Key, Path]
    notes: list[str]
    doubts: dict[Path, Path]


def folder_targets(found: Iterable[Key], folder: Path, naming: Naming) -> FolderTargets:
    """Names all targets; where two would be one, the extension stays in the name.

    Raises:
        UsageProblem: two would still be one.
    """
    names = {key: naming.rename(key[1]) for key in found}
    shared = Counter(names.values())
    notes = []
    doubts: dict[Path, Path] = {}
    for key, name in names.items():
        longer = naming.rename(key[1], keep_extension=True)
        if shared[name] > 1 and longer != name:
            notes.append(f"{name} would have several sources: {key[0]} -> {longer}")
            names[key] = longer
            if not is_there(folder / longer):
                doubts.setdefault(folder / name, key[0])
    first: dict[Path, Path] = {}
    for (source, _), name in names.items():
        if name in first:
            raise UsageProblem(
                f"{first[name]} and {source} would both be written to "
                f"{folder / name}: enhance them into different folders, or their "
                "common folder as one SOURCE"
            )
        first[name] = source
    of = {key: folder / name for key, name in names.items()}
    return FolderTargets(of, notes, doubts)


def stream_format(naming: Naming) -> str | None:
    """Returns the container of standard output, which has no name for --suffix."""
    if naming.suffix and "suffix" not in naming.yielding:
        raise UsageProblem(
            "--suffix is for names that vaenhance makes; standard output has none"
        )
    return naming.format


def format_for(target: Path, naming: Naming) -> str | None:
    """Returns the container that a TARGET file's name and --format agree on."""
    if naming.suffix and "suffix" not in naming.yielding:
        raise UsageProblem(
            "--suffix is for names that vaenhance makes; TARGET names the file already"
        )
    kind = photo.EXTENSIONS.get(target.suffix.lower())
    if kind is not None and "format" in naming.yielding:
        naming = replace(naming, format=None)
    if kind is None and naming.format is None:
        known = ", ".join(photo.WRITABLE.values())
        raise UsageProblem(
            f"the name {target} does not tell which format to write: end it in one of "
            f"{known}, pass --format, or end it in / if it is a folder"
        )
    if kind is not None and naming.format not in (None, kind):
        raise UsageProblem(
            f"{target} is the name of a {kind} file, but --format asks for "
            f"{naming.format}: change one of them"
        )
    if kind is not None and kind not in photo.WRITABLE:
        raise UsageProblem(
            f"{kind} files such as {target} can be read but not written: name another "
            f"format, e.g. {target.with_suffix('.png')}"
        )
    return naming.format or kind


def target_folder(target: str) -> Path:
    """Returns a TARGET that must be a folder, made or to be made."""
    path = Path(target)
    if is_there(path) and not is_folder(path):
        raise UsageProblem(
            f"TARGET {target} is a file, but several images need a folder: "
            "name a folder last"
        )
    looks_like_file = path.suffix.lower() in photo.EXTENSIONS
    if looks_like_file and not is_folder(path) and not _ends_in_separator(target):
        raise UsageProblem(
            f"TARGET {target} looks like a file, but several images need a folder: "
            f"name a folder last ({target}/ if it is to be called so)"
        )
    return path


def names_folder(target: str) -> bool:
    """Tells whether TARGET means a folder, by its end or by what is there."""
    return _ends_in_separator(target) or is_folder(target)


def _ends_in_separator(target: str) -> bool:
    return target.endswith(tuple(filter(None, ("/", os.sep, os.altsep))))
