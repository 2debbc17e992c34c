"""From SOURCE arguments to files, each with its place under a folder TARGET.

Knows files, folders and quoted patterns. Not for naming targets: ``jobs`` does.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vaenhance.data.discover import is_image_name, list_folder
from vaenhance.data.reachable import is_file, is_folder, is_there
from vaenhance.errors import UsageProblem

STREAM = "-"


@dataclass
class Sources:
    """The files found, in a fixed order, each once."""

    # (file, where it goes under a folder TARGET) -> nothing; a dict keeps the order
    found: dict[tuple[Path, Path], None] = field(default_factory=dict)
    ignored: list[Path] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)  # folder, why


def is_pattern(source: str) -> bool:
    """Tells a quoted ``*.jpg`` from a file that is really called so."""
    return glob.has_magic(source) and not os.path.lexists(source)


def same_file(one: Path, other: Path) -> bool:
    """Tells whether two names lead to one file; what is not there is no file."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def pattern_root(pattern: str) -> Path:
    """Returns the leading folders of a pattern that hold no wildcard."""
    parts: list[str] = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def expand(
    sources: Sequence[str], *, recursive: bool, skip: Iterable[Path] = ()
) -> Sources:
    """Finds the files that the arguments stand for.

    One folder is mirrored as it is. Of several arguments a folder keeps its own
    name, as ``cp -r`` does, and a pattern the part that it leaves open.

    Args:
        sources: files, folders and patterns.
        recursive: enter sub-folders.
        skip: files and folders to leave out (TARGET, when it lies inside SOURCE).

    Raises:
        UsageProblem: an argument stands for nothing.
    """
    result, skip = Sources(), list(skip)
    for source in sources:
        path = Path(source)
        if is_pattern(source):
            _add_pattern(result, source, recursive, skip)
        elif is_folder(path):
            name = path.name if path.name not in ("", "..") else path.resolve().name
            place = Path(name) if len(sources) > 1 else Path()
            _add_folder(result, path, place, recursive, skip)
        elif is_there(path):
            result.found[path, Path(path.name)] = None
        else:
            raise UsageProblem(_missing(source))
    return result


def _add_folder(
    result: Sources, folder: Path, place: Path, recursive: bool, skip: list[Path]
) -> None:
    listing = list_folder(folder, recursive=recursive, skip=skip)
    for image in listing.images:
        result.found[folder / image, place / image] = None
    result.ignored += [folder / path for path in listing.ignored]
    result.unreadable += [(folder / path, why) for path, why in listing.unreadable]


def _add_pattern(
    result: Sources, pattern: str, recursive: bool, skip: list[Path]
) -> None:
    """Adds what a pattern matches, placed relative to its fixed leading folders."""
    root = pattern_root(pattern)
    # A TARGET above what is looked through holds everything, and hides nothing.
    above = os.path.join(os.path.realpath(root), "")  # noqa: PTH118
    skipped = [os.path.realpath(path) for path in skip]
    skipped = [path for path in skipped if not above.startswith(os.path.join(path, ""))]  # noqa: PTH118
    matched = False
    # Path.glob takes no absolute pattern.
    for match in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207
        path = Path(match)
        real = os.path.realpath(match)
        if any(real == s or real.startswith(s + os.sep) for s in skipped):
            continue
        place = path.relative_to(root)
        if is_folder(path):
            if recursive:
                matched = True
                _add_folder(result, path, place, recursive, skip)
        elif is_image_name(path) and (is_file(path) or not is_there(path)):
            matched = True
            result.found[path, place] = None
        else:
            result.ignored.append(path)
    if not matched:
        raise UsageProblem(
            f"no image matches the pattern {pattern}: nothing was done. "
            "Check it with ls, or name the folder instead"
        )


def _missing(source: str) -> str:
    """Says what is not there; a name without its folder is the usual reason."""
    if source == STREAM:
        return "- (standard input) cannot be mixed with other sources: give it alone"
    try:
        Path(source).stat()
    except FileNotFoundError:
        pass
    except OSError as error:
        return f"{source} cannot be read: {error.strerror}: nothing was done"
    return f"there is no file or folder {source}: nothing was done"
