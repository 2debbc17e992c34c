"""What ``vaenhance train`` checks and looks through before TensorFlow starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vaenhance import checkpoint
from vaenhance.config import Config, to_dict
from vaenhance.data.dataset import Dataset, Scan, open_dataset
from vaenhance.errors import UsageProblem

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


def prepare(source: Path, folder: Path, config: Config) -> Prepared:
    """Checks the model folder, then looks through the images.

    Args:
        source: folder of images, or an .npz file.
        folder: the model; need not exist.
        config: everything about the run.

    Raises:
        UsageProblem: no images, or the folder holds something else than this run.
    """
    check_folder(folder, config)
    largest_crop = config.data.crop * max(config.model.scales)
    smallest = 1 if config.data.whole else largest_crop
    dataset, scan = open_dataset(source, smallest)
    training, held_out = _split(dataset, config)
    return Prepared(folder, config, training, held_out, scan, dataset.fingerprint())


def check_folder(folder: Path, config: Config) -> None:
    """Refuses a folder that holds something else than this run.

    Raises:
        UsageProblem: the folder has other files or a run of other settings.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageProblem(f"{folder} is a file, not a model folder")
    if not (folder / checkpoint.CONFIG).exists():
        if any(p for p in folder.iterdir() if not p.name.startswith(".")):
            raise UsageProblem(
                f"{folder} is not empty and holds no vaenhance model: give a new folder"
            )
        return
    before, now = (_fixed(c) for c in (checkpoint.load_config(folder), config))
    other = [
        f"{section}.{key} ({before[section][key]} there, {value} now)"
        for section, values in now.items()
        for key, value in values.items()
        if before[section][key] != value
    ]
    if other:
        raise UsageProblem(
            f"{folder} holds a run of other settings: {'; '.join(other[:5])}. "
            "Give a new folder, or the same settings to go on with it."
        )


def _fixed(config: Config) -> dict[str, Any]:
    plain = to_dict(config)
    for key in _FREE:
        del plain["training"][key]
    del plain["card"]
    return plain


def _split(dataset: Dataset, config: Config) -> tuple[Dataset, Dataset]:
    """Holds some images out for validation; never more than a tenth."""
    count = min(config.data.validation_images, len(dataset) // 10)
    rng = np.random.default_rng([config.training.seed, 3])
    order = rng.permutation(len(dataset))
    held_out = dataset.subset(sorted(order[:count].tolist()))
    return dataset.subset(sorted(order[count:].tolist())), held_out
