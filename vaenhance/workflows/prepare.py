"""What ``vaenhance train`` checks and looks through before TensorFlow starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vaenhance import checkpoint
from vaenhance.config import (
    Config,
    ModelConfig,
    check_run,
    fit_crop,
    to_dict,
    with_crop,
)
from vaenhance.data.dataset import Dataset, Scan, leave_out_small, open_dataset
from vaenhance.data.reachable import is_folder, is_there
from vaenhance.errors import UsageProblem
from vaenhance.runtime import cluster
from vaenhance.workflows.headers import folder_problem

# May differ between two sittings of one run.
_FREE = ("steps", "minutes", "checkpoint_minutes", "checkpoint_steps")


@dataclass(frozen=True)
class Prepared:
    """A run that can start.

    Attributes:
        folder: of the model.
        config: everything about the run.
        training: images to learn from.
        held_out: images for validation only.
        scan: what the look through the folder found.
        fingerprint: of names and sizes of all usable images.
    """

    folder: Path
    config: Config
    training: Dataset
    held_out: Dataset
    scan: Scan
    fingerprint: str


def prepare(
    source: Path,
    folder: Path,
    config: Config,
    *,
    fits_crop: bool = False,
    fits_batch: bool = False,
) -> Prepared:
    """Checks the model folder, then looks through the images.

    Args:
        source: folder of images, or an .npz file.
        folder: the model; need not exist.
        config: everything about the run; classes are filled in.
        fits_crop: the crop becomes smaller where images are, or that of the run that
            the folder holds.
        fits_batch: and the batch follows it.

    Raises:
        UsageProblem: no images, not the classes of the settings, or the folder holds
            something else than this run.
    """
    batch = None if fits_batch else config.training.batch
    if is_there(folder / checkpoint.CONFIG):
        before = checkpoint.load_config(folder)
        if _network(before) == _network(config):  # a later check refuses any other
            crop = before.data.crop if fits_crop else config.data.crop
            is_same = crop == before.data.crop
            kept = before.training.batch if fits_batch and is_same else batch
            config = with_crop(config, crop, kept)
        fits_crop = False
    else:
        check_run(config)
    check_folder(folder, config)
    dataset, scan = open_dataset(
        source, 1 if fits_crop else _smallest(config), skip=[folder]
    )
    if fits_crop:
        config = fit_crop(config, dataset.sizes, batch)
        dataset, scan = leave_out_small(source, dataset, scan, _smallest(config))
    dataset, config = label(dataset, config)
    _check_classes(folder, config)
    training, held_out = split(dataset, config)
    return Prepared(folder, config, training, held_out, scan, dataset.fingerprint())


def _network(config: Config) -> ModelConfig:
    """Returns the network but for the classes, which are known after the look."""
    return replace(config.model, classes=())


def _smallest(config: Config) -> int:
    """Returns the pixels that the shorter side of an image must have."""
    return 1 if config.data.whole else config.data.crop * max(config.model.scales)


def check_folder(folder: Path, config: Config) -> None:
    """Refuses a folder that holds something else than this run.

    Raises:
        UsageProblem: the folder has other files or a run of other settings, or cannot
            be written into.
    """
    _, worker = cluster() or (1, 0)
    problem = folder_problem(folder) if worker == 0 else None  # the one that writes
    if problem is not None and (is_folder(folder) or not is_there(folder)):
        raise UsageProblem(f"{folder} {problem}")
    if not is_there(folder):
        return
    if not is_folder(folder):
        raise UsageProblem(f"{folder} is a file, not a model folder")
    if not (folder / checkpoint.CONFIG).exists():
        if any(p for p in folder.iterdir() if not p.name.startswith(".")):
            raise UsageProblem(
                f"{folder} is not empty and holds no vaenhance model: give a new folder"
            )
        return
    before, now = (_fixed(c) for c in (checkpoint.load_config(folder), config))
    other = [
        f"{key} ({before[key]} there, {now[key]} now)"
        for key in now
        if key in before and before[key] != now[key]
    ]
    if other:
        kept = folder / "config.toml"
        which = f" (--config {kept})" if kept.exists() else ""
        raise UsageProblem(
            f"{folder} holds a run of other settings: {'; '.join(other[:5])}. "
            f"Give a new folder, or the same settings{which} to go on with it."
        )


def label(dataset: Dataset, config: Config) -> tuple[Dataset, Config]:
    """Takes the classes of the images into the model, if the settings ask for them.

    Returns:
        The images, with labels that index ``model.classes``, and the settings.

    Raises:
        UsageProblem: the settings name classes, and the images have others or none.
    """
    known = config.model.classes
    if not config.data.labels or config.model.network != "ladder":
        return dataset, config.replace(model={"classes": ()})
    if not known:
        known = tuple(dataset.classes)
    elif not set(dataset.classes) <= set(known) or not dataset.classes:
        raise UsageProblem(
            f"the model has the classes {_some(known)}, and the images "
            f"{_some(dataset.classes) or 'none: give one sub-folder a class'}"
        )
    dataset = dataset.with_classes(known)
    return dataset, config.replace(model={"classes": known})


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more


def _check_classes(folder: Path, config: Config) -> None:
    """Refuses to go on with a run of other classes."""
    if not (folder / checkpoint.CONFIG).exists():
        return
    before = checkpoint.load_config(folder).model.classes
    if before != config.model.classes:
        raise UsageProblem(
            f"{folder} holds a run of the classes {_some(before) or 'none'}, and the "
            f"images have {_some(config.model.classes) or 'none'}. Give a new folder."
        )


def _fixed(config: Config) -> dict[str, Any]:
    """Returns by name the settings that must stay the same from sitting to sitting.

    Without those that this run does not look at: their defaults may be others in
    another version, and the run is none the worse for it.
    """
    plain = to_dict(config)
    for key in _FREE:
        del plain["training"][key]
    del plain["card"]
    del plain["model"]["classes"]  # known after the look through the images
    if config.model.network != "look":
        del plain["look"]
    if not config.adversarial.weight:
        plain["adversarial"] = {"weight": 0.0}
    return {
        f"{section}.{key}": value
        for section, values in plain.items()
        for key, value in values.items()
    }


def split(dataset: Dataset, config: Config) -> tuple[Dataset, Dataset]:
    """Holds some images out for validation; never more than a tenth."""
    count = min(config.data.validation_images, len(dataset) // 10)
    rng = np.random.default_rng([config.training.seed, 3])
    order = rng.permutation(len(dataset))
    held_out = dataset.subset(sorted(order[:count].tolist()))
    return dataset.subset(sorted(order[count:].tolist())), held_out
