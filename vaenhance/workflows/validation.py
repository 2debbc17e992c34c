"""Held-out pictures of a training run: degraded once, enhanced at each checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo, report
from vaenhance.config import Config, stride
from vaenhance.data.dataset import Dataset
from vaenhance.data.degrade import degrade
from vaenhance.data.pixels import Pixels
from vaenhance.data.windows import draw_window
from vaenhance.metrics import psnr

SIDE = 192  # pixels a side of the pictures, where the images allow it
ALMOST_CLEAN = 50.0  # dB; 8-bit rounding alone is 59 dB
HIGHEST_PSNR = 60.0  # dB; an image given clean would make the mean infinite

Restore = Callable[[Pixels, NDArray[np.float32]], Pixels]


class Validation:
    """Pictures that stay the same over a run.

    Args:
        held_out: images that are not trained on.
        config: of the run; its degradations and seed make y.
    """

    def __init__(self, held_out: Dataset, config: Config):
        side = config.data.crop
        if not config.data.whole:
            step = stride(config.model)
            smallest = min((min(size) for size in held_out.sizes), default=side)
            side = max(side, min(SIDE, smallest) // step * step)
        wide = config.replace(data={"crop": side, "flip": False, "min_scale": 1.0})
        self._pairs = []
        for index in range(len(held_out)):
            rng = np.random.default_rng([config.training.seed, 4, index])
            window = draw_window(held_out.read(index), wide, rng)
            self._pairs.append(degrade(window, side, config.degradation, rng))

    def run(self, restore: Restore, sheet: Path) -> dict[str, float]:
        """Enhances the pictures, draws the sheet and measures.

        Args:
            restore: maps y (1, H, W, C) and noise levels (1,) to E[x|z].
            sheet: PNG of degraded, enhanced and clean pictures.

        Returns:
            Mean PSNR in dB of y and of the enhanced pictures, over those that are
            degraded if any is; empty without pictures.
        """
        if not self._pairs:
            return {}
        rows, before, after = [], [], []
        # A crop that is given clean has nothing to gain: its mean with the others
        # would make a good model look harmful. A model for drawing sees nothing else.
        is_autoencoder = all(psnr(x, y) >= ALMOST_CLEAN for x, y, _ in self._pairs)
        for x, y, sigma in self._pairs:
            told = np.array([sigma], np.float32)
            estimate = np.clip(restore(y[None], told)[0], 0.0, 1.0)
            rows.append([_colour(picture) for picture in (y, estimate, x)])
            if is_autoencoder or psnr(x, y) < ALMOST_CLEAN:
                before.append(min(psnr(x, y), HIGHEST_PSNR))
                after.append(min(psnr(x, estimate), HIGHEST_PSNR))
        picture = report.sheet(rows, labels=["degraded", "enhanced", "clean"])
        photo.save_png(picture, sheet)
        return {
            "validation_psnr_degraded": round(float(np.mean(before)), 3),
            "validation_psnr": round(float(np.mean(after)), 3),
        }


def _colour(picture: Pixels) -> Pixels:
    return np.repeat(picture, 3, axis=-1) if picture.shape[-1] == 1 else picture
