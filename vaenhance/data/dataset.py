"""A training folder or .npz as a list of images: what is there, what is fit.

Reading pixels goes through ``photo``; cropping and degrading are not done here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo
from vaenhance.data.discover import class_folders, list_folder
from vaenhance.data.npz import read_npz
from vaenhance.data.reachable import is_file, is_folder
from vaenhance.errors import PhotoError, UsageProblem

# Of an .npz: images, and the array of their classes that may go with them.
LABEL_KEYS = {"x_train": "y_train", "x_test": "y_test", "images": "labels", "x": "y"}
NPZ_KEYS = ("x_train", "images", "x")
# Of an .npz that something is measured on: what was not trained on goes first.
TEST_KEYS = ("x_test", "images", "x")


@dataclass(frozen=True)
class Scan:
    """What a quick look at the headers found."""

    images: int
    megapixels: float
    unreadable: list[tuple[str, str]] = field(default_factory=list)  # name, reason
    too_small: list[tuple[str, str]] = field(default_factory=list)  # name, size
    classes: dict[str, int] = field(default_factory=dict)  # class folder: images


class Dataset:
    """Images by index; ``names`` are for people, ``labels`` index ``classes``.

    Attributes:
        names: relative paths (or "x_train[7]").
        sizes: (height, width) of each, pixels.
        labels: class of each image, −1 without classes.
        classes: names of the class folders.
    """

    def __init__(
        self,
        names: Sequence[str],
        sizes: Sequence[tuple[int, int]],
        source: Path | NDArray[np.uint8],
        labels: Sequence[int] = (),
        classes: Sequence[str] = (),
    ):
        self.names = list(names)
        self.sizes = list(sizes)
        self.labels = list(labels) or [-1] * len(self.names)
        self.classes = list(classes)
        self._source = source

    def __len__(self) -> int:
        return len(self.names)

    @property
    def megapixels(self) -> float:
        """Returns the pixels of all images together, in millions."""
        return sum(h * w for h, w in self.sizes) / 1e6

    def read(self, index: int) -> NDArray[np.uint8]:
        """Returns (H, W, C) uint8, upright.

        Raises:
            PhotoError: the file cannot be decoded after all.
        """
        if isinstance(self._source, Path):
            return photo.read_pixels(self._source / self.names[index])
        return self._source[index]

    def subset(self, indices: Sequence[int]) -> Dataset:
        """Returns the images of the given indices as a data set of their own."""
        chosen = list(indices)
        source = self._source
        return Dataset(
            [self.names[i] for i in chosen],
            [self.sizes[i] for i in chosen],
            source if isinstance(source, Path) else source[np.array(chosen, int)],
            [self.labels[i] for i in chosen],
            self.classes,
        )

    def with_classes(self, classes: Sequence[str]) -> Dataset:
        """Returns the same images with labels that index other names of classes.

        Args:
            classes: all of this data set's, and maybe more.
        """
        number = {name: index for index, name in enumerate(classes)}
        labels = [number[self.classes[i]] if i >= 0 else -1 for i in self.labels]
        return Dataset(self.names, self.sizes, self._source, labels, classes)

    def fingerprint(self) -> str:
        """Returns a checksum of names and sizes: the same data, the same value."""
        digest = hashlib.sha256()
        for name, size in zip(self.names, self.sizes, strict=True):
            # A name need not be Unicode; Python then has surrogates in it.
            line = f"{name}\0{size[0]}x{size[1]}\n"
            digest.update(line.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def open_dataset(
    path: Path,
    smallest: int,
    keys: Sequence[str] = NPZ_KEYS,
    skip: Sequence[Path] = (),
) -> tuple[Dataset, Scan]:
    """Looks through a folder (recursive) or an .npz of images.

    Args:
        path: the folder or file.
        smallest: images with a shorter side below this (pixels) are left out.
        keys: arrays of an .npz that hold images; the first that is there is taken.
        skip: folders to leave out, such as that of a model, which has pictures, too.

    Raises:
        UsageProblem: there is no usable image.
    """
    if is_folder(path):
        dataset, scan = _scan_folder(path, keys, skip)
    elif path.suffix == ".npz" and is_file(path):
        dataset, scan = _open_npz(path, keys)
    else:
        raise UsageProblem(f"{path} is neither a folder of images nor an .npz file")
    return leave_out_small(path, dataset, scan, smallest)


def leave_out_small(
    path: Path, dataset: Dataset, scan: Scan, smallest: int
) -> tuple[Dataset, Scan]:
    """Returns what ``open_dataset`` gives with a larger ``smallest``.

    Args:
        path: as for ``open_dataset``.
        dataset: that it gave.
        scan: that it gave.
        smallest: as for ``open_dataset``.

    Raises:
        UsageProblem: there is no usable image.
    """
    small, kept = [], []
    for index, (height, width) in enumerate(dataset.sizes):
        if min(height, width) < smallest:
            small.append((dataset.names[index], f"{width}x{height}"))
        else:
            kept.append(index)
    if small:
        dataset = dataset.subset(kept)
        labels = dataset.labels
        scan = replace(
            scan,
            images=len(dataset),
            megapixels=dataset.megapixels,
            too_small=[*scan.too_small, *small],
            classes={c: labels.count(i) for i, c in enumerate(dataset.classes)},
        )
    if not len(dataset):
        why = f" ({': '.join(scan.unreadable[0])})" if scan.unreadable else ""
        raise UsageProblem(
            f"no usable image in {path}: {len(scan.unreadable)} unreadable{why}, "
            f"{len(scan.too_small)} smaller than {smallest} pixels"
        )
    return dataset, scan


def _scan_folder(
    root: Path, keys: Sequence[str], skip: Sequence[Path]
) -> tuple[Dataset, Scan]:
    listing = list_folder(root, skip=skip)
    npz = [p for p in listing.ignored if p.suffix == ".npz" and p.name == str(p)]
    if not listing.images and len(npz) == 1:
        return _open_npz(root / npz[0], keys)
    unreadable = [
        (f"{folder.as_posix()}/", f"the folder cannot be listed: {why}")
        for folder, why in listing.unreadable
    ]
    kept = []
    for path, info in _headers(root, listing.images):
        name = path.as_posix()
        if isinstance(info, str):
            unreadable.append((name, info))
        else:
            kept.append((name, (info.height, info.width)))
    classes = class_folders(listing.images)
    for name in classes:  # they go into the model's files, which are UTF-8
        if name.encode("utf-8", "replace").decode() != name:
            raise UsageProblem(f"class folder {name!r} of {root} needs another name")
    labels = [
        classes.index(name.split("/")[0]) if "/" in name and classes else -1
        for name, _ in kept
    ]
    counts = {c: labels.count(i) for i, c in enumerate(classes)}
    dataset = Dataset([n for n, _ in kept], [s for _, s in kept], root, labels, classes)
    scan = Scan(len(dataset), dataset.megapixels, unreadable, classes=counts)
    return dataset, scan


def _headers(
    root: Path, paths: Sequence[Path]
) -> Iterator[tuple[Path, photo.PhotoInfo | str]]:
    for path in paths:
        try:
            yield path, photo.probe(root / path)
        except PhotoError as error:
            yield path, str(error)


def _open_npz(path: Path, keys: Sequence[str]) -> tuple[Dataset, Scan]:
    key, images, labels = read_npz(path, keys, LABEL_KEYS)
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
        raise UsageProblem(
            f"{path}: {key} must be uint8 (N, H, W) or (N, H, W, C) with 1 or 3 "
            f"channels, received {images.dtype} {images.shape}"
        )
    count, height, width = images.shape[:3]
    names = [f"{key}[{i}]" for i in range(count)]
    numbers, classes = _classes_of(labels, count, path)
    dataset = Dataset(names, [(height, width)] * count, images, numbers, classes)
    counts = {name: numbers.count(index) for index, name in enumerate(classes)}
    return dataset, Scan(count, dataset.megapixels, classes=counts)


def _classes_of(
    labels: NDArray[Any] | None, count: int, path: Path
) -> tuple[list[int], list[str]]:
    """Returns the class of each image and the classes' names, sorted as labels are."""
    if labels is None or labels.ndim > 2:  # images as well, which nobody asked for
        return [], []
    if labels.shape == (count, 1):  # as in CIFAR's
        labels = labels[:, 0]
    if labels.shape != (count,) or labels.dtype.kind not in "iuU":
        raise UsageProblem(
            f"{path}: the classes of {count} images must be as many whole numbers or "
            f"words, received {labels.dtype} {labels.shape}"
        )
    found, numbers = np.unique(labels, return_inverse=True)
    if len(found) < 2:
        return [], []
    return numbers.tolist(), [str(value) for value in found]
