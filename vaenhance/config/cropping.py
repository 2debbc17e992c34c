"""The size of training crops where nobody has chosen one: as large as images allow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from vaenhance.config.schema import Config, stride

SMALLER = 0.1  # part of the images that may be left out as smaller than a crop
SMALLEST = 32  # pixels a side of crops that are chosen: less is mostly border


def can_fit(config: Config) -> bool:
    """Tells whether a model learns from crops whose size is free."""
    return config.model.network == "ladder" and not (
        config.model.image_size or config.data.whole
    )


def with_crop(config: Config, crop: int, batch: int | None = None) -> Config:
    """Returns settings with another crop, and a batch that goes with it.

    Crops times pixels a side stay as they are: smaller crops make shorter steps,
    larger batches calmer ones, and half of each is gained. A power of two, so that
    several devices can share it.

    Args:
        config: the settings.
        crop: pixels a side.
        batch: crops a step, where that is chosen.
    """
    if crop == config.data.crop and batch in (None, config.training.batch):
        return config
    equal = config.training.batch * config.data.crop / crop
    changes: dict[str, dict[str, Any]] = {
        "data": {"crop": crop},
        "training": {"batch": batch or 2 ** max(0, round(math.log2(equal)))},
    }
    return config.replace(**changes)


def fit_crop(
    config: Config, sizes: Sequence[tuple[int, int]], batch: int | None = None
) -> Config:
    """Halves the crop until nine images in ten are no smaller than it.

    Images that even the smallest crop cannot be cut from do not count.

    Args:
        config: the settings.
        sizes: (height, width) of every image, pixels.
        batch: as for ``with_crop``.
    """
    crop, multiple = config.data.crop, 2 * stride(config.model)
    crops = [crop]  # that there may be, from large to small
    while crops[-1] % multiple == 0 and crops[-1] >= 2 * SMALLEST:
        crops.append(crops[-1] // 2)
    sides = sorted(min(size) // max(config.model.scales) for size in sizes)
    sides = [side for side in sides if side >= crops[-1]]
    if sides:
        usual = sides[int(SMALLER * len(sides))]
        crop = next(each for each in crops if each <= usual)
    return config if crop == config.data.crop else with_crop(config, crop, batch)
