"""Which files under a folder are images, in an order that never changes.

Goes by names alone: nothing is opened here, so whether an image can be read is
found out later, by ``photo``.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from vaenhance.photo import EXTENSIONS

# Thumbnails and resource forks that other programs leave behind as ".jpg".
SYSTEM_FOLDERS = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN"})

# Images even where the extra that reads them is missing: passing over a whole
# telephone's photographs in silence would be worse than naming the extra.
NEEDS_EXTRA = frozenset({".heic", ".heif", ".hif"})


@dataclass(frozen=True)
class Listing:
    """The files of one folder; all paths are relative to it and sorted."""

    images: tuple[Path, ...]
    ignored: tuple[Path, ...]  # other files, hidden files, system folders
    unreadable: tuple[tuple[Path, str], ...]  # folders, and why


def is_image_name(path: Path) -> bool:
    """Tells whether a file of this name is taken for an image."""
    extension = path.suffix.lower()
    return extension in EXTENSIONS or extension in NEEDS_EXTRA


def find_images(root: Path, *, recursive: bool = True) -> list[Path]:
    """Lists the images of a folder, ready to open (``root`` in front), sorted."""
    listing = list_folder(root, recursive=recursive)
    return [root / image for image in listing.images]


def list_folder(
    root: Path, *, recursive: bool = True, skip: Iterable[Path] = ()
) -> Listing:
    """Sorts the files of a folder into images and others.

    Symbolic links are followed, but each real folder is entered once: a loop ends,
    and a folder that is reached both directly and by a link keeps its own name.

    Args:
        root: the folder.
        recursive: enter sub-folders.
        skip: files and folders to leave out, wherever a link to them lies.
    """
    walk = _Walk(root, {os.path.realpath(path) for path in skip})
    folders, links = deque([Path()]), deque[Path]()
    while folders or links:
        folder = folders.popleft() if folders else links.popleft()
        for entry in walk.entries(folder):
            if not walk.classify(folder, entry) and recursive:
                (links if entry.is_symlink() else folders).append(folder / entry.name)
    return Listing(
        tuple(sorted(walk.images, key=_order)),
        tuple(sorted(walk.ignored, key=_order)),
        tuple(sorted(walk.unreadable)),
    )


def class_folders(images: Collection[Path]) -> list[str]:
    """Lists the classes of a folder that is arranged as one sub-folder a class.

    Args:
        images: of ``list_folder``.

    Returns:
        The sub-folders that hold images, sorted; none when there is an image at the
        top or fewer than two such sub-folders.
    """
    names = sorted({image.parts[0] for image in images})
    arranged = len(names) > 1 and all(len(image.parts) > 1 for image in images)
    return names if arranged else []


class _Walk:
    """What has been found so far."""

    def __init__(self, root: Path, skip: Collection[str]) -> None:
        self.root = root
        self.skip = skip
        self.seen: set[str] = set()
        self.images: list[Path] = []
        self.ignored: list[Path] = []
        self.unreadable: list[tuple[Path, str]] = []

    def entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """Returns what lies in a folder, nothing the second time."""
        path = self.root / folder
        real = os.path.realpath(path)
        if real in self.seen or real in self.skip:
            return []
        self.seen.add(real)
        try:
            with os.scandir(path) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.unreadable.append((folder, error.strerror or str(error)))
            return []

    def classify(self, folder: Path, entry: os.DirEntry[str]) -> bool:
        """Files an entry under images or ignored; False for a folder to enter."""
        path = folder / entry.name
        hidden = entry.name.startswith(".") or entry.name in SYSTEM_FOLDERS
        if _is_folder(entry):
            if hidden:
                self.ignored.append(path)
            return hidden
        if self.skip and os.path.realpath(entry.path) in self.skip:
            return True
        is_image = not hidden and is_image_name(path) and _can_be_opened(entry)
        (self.images if is_image else self.ignored).append(path)
        return True


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that points at itself
        return False


def _can_be_opened(entry: os.DirEntry[str]) -> bool:
    """Tells a file from a pipe or device, which would block the reader.

    A broken link passes: it is named as a failure later instead of being ignored.
    """
    try:
        return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())
    except OSError:
        return True


def _order(path: Path) -> tuple[str, ...]:
    """Sorts a folder's files together, whatever the separator of the system."""
    return path.parts
