"""The names of targets: extension, suffix, folder, and what happens when two collide.

Looks at names and at whether a folder is there; writes nothing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vaenhance import photo
from vaenhance.data.reachable import is_folder, is_there
from vaenhance.errors import UsageProblem

DEFAULT_SUFFIX = ".enhanced"  # for a file that is given no TARGET

Key = tuple[Path, Path]  # a file, and its place under a folder TARGET


@dataclass(frozen=True)
class Naming:
    """How a target's name follows from its source's."""

    format: str | None = None
    suffix: str = ""

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


def folder_targets(
    found: Iterable[Key], folder: Path, naming: Naming
) -> tuple[dict[Key, Path], list[str]]:
    """Names all targets; where two would be one, the extension stays in the name.

    Returns:
        The target of each key, and what the user should know about changed names.

    Raises:
        UsageProblem: two would still be one.
    """
    names = {key: naming.rename(key[1]) for key in found}
    shared = Counter(names.values())
    notes = []
    for key, name in names.items():
        longer = naming.rename(key[1], keep_extension=True)
        if shared[name] > 1 and longer != name:
            notes.append(f"{name} would have several sources: {key[0]} -> {longer}")
            names[key] = longer
    first: dict[Path, Path] = {}
    for (source, _), name in names.items():
        if name in first:
            raise UsageProblem(
                f"{first[name]} and {source} would both be written to "
                f"{folder / name}: enhance them into different folders, or their "
                "common folder as one SOURCE"
            )
        first[name] = source
    return {key: folder / name for key, name in names.items()}, notes


def format_for(target: Path, naming: Naming) -> str | None:
    """Returns the container that a TARGET file's name and --format agree on."""
    if naming.suffix:
        raise UsageProblem(
            "--suffix is for names that vaenhance makes; TARGET names the file already"
        )
    kind = photo.EXTENSIONS.get(target.suffix.lower())
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
