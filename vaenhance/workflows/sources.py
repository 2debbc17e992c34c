"""From SOURCE arguments to files, each with its place under a folder TARGET.

Knows files, folders and quoted patterns. Not for naming targets: ``jobs`` does.
"""

from __future__ import annotations

import glob
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vaenhance.data.discover import SYSTEM_FOLDERS, is_image_name, list_folder
from vaenhance.data.reachable import is_file, is_folder, is_there, status_of
from vaenhance.errors import UsageProblem
from vaenhance.photo import EXTENSIONS

STREAM = "-"


@dataclass
class Sources:
    """The files found, in a fixed order, each once."""

    # (file, where it goes under a folder TARGET) -> nothing; a dict keeps the order
    found: dict[tuple[Path, Path], None] = field(default_factory=dict)
    ignored: list[Path] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)  # folder, why

    def nothing_in(self, sources: Sequence[str], recursive: bool) -> str:
        """Says that there are no images, and what was looked for."""
        where = ", ".join(sources)
        known = ", ".join(EXTENSIONS)
        depth = "sub-folders included" if recursive else "sub-folders left out"
        others = len(self.ignored)
        seen = f"{others} other file{'s' * (others != 1)}" if others else "nothing else"
        return f"no images in {where} ({depth}; looked for {known}; {seen} there)"


def refuse_empty(*words: str | None, what: str = "SOURCE") -> None:
    """Refuses an empty word: as a path it would stand for the current folder.

    Args:
        words: as typed; None was not.
        what: they are.

    Raises:
        UsageProblem: one is empty.
    """
    if "" in words:
        raise UsageProblem(f"an empty {what}: is a variable not set?")


def is_stream(path: Path) -> bool:
    """Tells a named pipe, a ``<(command)`` or a socket, which can be read only once."""
    status = status_of(path)
    return status is not None and (
        stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode)
    )


def rereadable(path: Path) -> Path | bytes:
    """Returns a file as it is, and of a pipe what is in it, to its end.

    Raises:
        UsageProblem: it cannot be read.
    """
    if not is_stream(path):
        return path
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror}") from error


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
        UsageProblem: an argument stands for nothing, or is empty.
    """
    refuse_empty(*sources)
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
    part, matched = Sources(), False
    for match in sorted(_matches(pattern)):
        path = Path(match)
        real = os.path.realpath(match)
        if any(real == s or real.startswith(s + os.sep) for s in skipped):
            continue
        place = path.relative_to(root)
        system = [one in SYSTEM_FOLDERS for one in place.parts]
        if any(system):
            part.ignored.append(Path(root, *place.parts[: system.index(True) + 1]))
        elif is_folder(path):
            if recursive:
                matched = True
                _add_folder(part, path, place, recursive, skip)
        elif is_image_name(path) and (is_file(path) or not is_there(path)):
            matched = True
            part.found[path, place] = None
        else:
            part.ignored.append(path)
    if not matched:
        raise UsageProblem(
            f"no image matches the pattern {pattern}: nothing was done. "
            "Check it with ls, or name the folder instead"
        )
    result.found |= _each_once(part.found, root)
    # A folder and one inside it may both match, and list the same.
    result.ignored += dict.fromkeys(part.ignored)
    result.unreadable += dict.fromkeys(part.unreadable)


def _matches(pattern: str) -> set[str]:
    """Expands a pattern as ``glob`` does, but ``**`` enters each real folder once.

    Two links in a folder that lead back to it would keep ``glob`` busy for ever.
    """
    parts = Path(pattern).parts
    if "**" not in parts:
        return set(glob.glob(pattern))  # noqa: PTH207 -- Path's takes no absolute one
    at = parts.index("**")
    rest = parts[at + 1 :]
    found: set[str] = set()
    for start in _matches(str(Path(*parts[:at]))):
        for folder in _folders_below(Path(start)):
            if not rest:  # the folders themselves, too
                found.add(str(folder))
            inside = os.path.join(glob.escape(str(folder)), *(rest or "*"))  # noqa: PTH118
            found |= _matches(inside)
    return found


def _folders_below(start: Path) -> Iterator[Path]:
    """Yields a folder and those below it, each real one once, not those hidden.

    As ``list_folder``: one that is reached both directly and by a link keeps its own
    name.
    """
    seen: set[str] = set()
    folders, links = deque([start] if is_folder(start) else []), deque[Path]()
    while folders or links:
        folder = folders.popleft() if folders else links.popleft()
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        yield folder
        try:
            inside = sorted(folder.iterdir())
        except OSError:  # glob passes over what is locked, too
            continue
        for path in inside:
            if not path.name.startswith(".") and is_folder(path):
                (links if path.is_symlink() else folders).append(path)


def _each_once(
    found: Mapping[tuple[Path, Path], None], root: Path
) -> dict[tuple[Path, Path], None]:
    """Leaves out a file that is there under another name of its folder as well.

    The name without a link goes first, then the shortest. Links to a file stay: they
    are files of their own, as in a folder.

    Args:
        found: files, each with its place.
        root: what the places are relative to.
    """
    real = {path.parent: os.path.realpath(path.parent) for path, _ in found}
    own = os.path.realpath(root)

    def rank(key: tuple[Path, Path]) -> tuple[bool, int, tuple[str, ...]]:
        path, place = key
        is_linked = Path(own, place.parent) != Path(real[path.parent])
        return is_linked, len(place.parts), place.parts

    first: dict[tuple[str, str], tuple[Path, Path]] = {}
    for key in sorted(found, key=rank):
        first.setdefault((real[key[0].parent], key[0].name), key)
    kept = set(first.values())
    return {key: None for key in found if key in kept}


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
