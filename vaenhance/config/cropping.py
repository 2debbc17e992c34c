"""The size of training crops where nobody has chosen one: as large as images allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vaenhance.config.schema import Config, stride

SMALLER = 0.1  # part of the images that may be left out as smaller than a crop


def can_fit(config: Config) -> bool:
    """Tells whether a model learns from crops whose size is free."""
    return config.model.network == "ladder" and not (
        config.model.image_size or config.data.whole
    )


def with_crop(config: Config, crop: int, batch: int | None = None) -> Config:
    """Returns settings with another crop, and a batch that goes with it.

    Crops times pixels a side stay as they are: smaller crops make shorter steps,
    larger batches calmer ones, and half of each is gained.

    Args:
        config: the settings.
        crop: pixels a side.
        batch: crops a step, where that is chosen.
    """
    equal = round(config.training.batch * config.data.crop / crop)
    changes: dict[str, dict[str, Any]] = {
        "data": {"crop": crop},
        "training": {"batch": batch or max(1, equal)},
    }
    return config.replace(**changes)


def fit_crop(
    config: Config, sizes: Sequence[tuple[int, int]], batch: int | None = None
) -> Config:
    """Halves the crop until nine images in ten are no smaller than it.

    Args:
        config: the settings.
        sizes: (height, width) of every image, pixels.
        batch: as for ``with_crop``.
    """
    sides = sorted(min(size) for size in sizes)
    if not sides:
        return config
    usual = sides[int(SMALLER * len(sides))] // max(config.model.scales)
    crop, step = config.data.crop, stride(config.model)
    while crop > usual and crop % (2 * step) == 0:
        crop //= 2
    return config if crop == config.data.crop else with_crop(config, crop, batch)
