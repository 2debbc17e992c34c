"""Held-out pictures of a training run: degraded once, enhanced at each checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vaenhance import photo, report
from vaenhance.config import Config, stride
from vaenhance.data.binarize import binarize
from vaenhance.data.codec import to_size
from vaenhance.data.dataset import Dataset
from vaenhance.data.degrade import degrade
from vaenhance.data.looks import draw_pair
from vaenhance.data.pixels import Pixels
from vaenhance.data.windows import draw_window
from vaenhance.errors import PhotoError
from vaenhance.metrics import psnr

SIDE = 192  # pixels a side of the pictures, where the images allow it
ALMOST_CLEAN = 50.0  # dB; 8-bit rounding alone is 59 dB
HIGHEST_PSNR = 60.0  # dB; an image given clean would make the mean infinite

Restore = Callable[[Pixels, NDArray[np.float32], int], Pixels]


class Validation:
    """Pictures that stay the same over a run; each scale of the model has its turn.

    Args:
        held_out: images that are not trained on.
        config: of the run; its degradations and seed make y.
        warn: told of images that cannot be read after all; they are left out.
    """

    def __init__(
        self,
        held_out: Dataset,
        config: Config,
        warn: Callable[[str], None] = lambda line: None,
    ):
        images = _readable(held_out, warn)  # one in memory at a time
        if config.model.network == "look":
            self._pairs = _looks(images, config)
            return
        scales = config.model.scales
        smallest = min((min(size) for size in held_out.sizes), default=0)
        self._pairs = []
        for index, image in images:
            scale = scales[index % len(scales)]
            side = config.data.crop
            if not (config.data.whole or config.model.image_size):
                step = stride(config.model)
                side = max(side, min(SIDE, smallest) // (scale * step) * step)
            wide = config.replace(
                data={"crop": side, "flip": False, "min_scale": 1.0, "graphics": 0.0},
                objective={"teacher": 0.0},  # nothing is learnt here
            )
            rng = np.random.default_rng([config.training.seed, 4, index])
            window = draw_window(image, wide, rng, scale)
            window = binarize(window, config.data.binarize, rng)
            kinds = config.degradation
            self._pairs.append(degrade(window, side, kinds, rng, scale))

    def run(self, restore: Restore, sheet: Path) -> dict[str, float]:
        """Enhances the pictures, draws the sheet and measures.

        Args:
            restore: maps y (1, H, W, C), noise levels (1,) and a scale to E[x|z].
            sheet: PNG of degraded, enhanced and clean pictures.

        Returns:
            Mean PSNR in dB of y (enlarged by a bicubic filter where x is larger) and
            of the enhanced pictures, over those that are degraded if any is; empty
            without pictures.
        """
        if not self._pairs:
            return {}
        rows, before, after = [], [], []
        # A crop that is given clean has nothing to gain: its mean with the others
        # would make a good model look harmful. A model for drawing sees nothing else.
        large = [
            to_size(y[..., : x.shape[-1]], x.shape[:2], "bicubic")
            for x, y, _ in self._pairs
        ]
        is_autoencoder = all(
            psnr(pair[0], y) >= ALMOST_CLEAN
            for pair, y in zip(self._pairs, large, strict=True)
        )
        for (x, y, sigma), enlarged in zip(self._pairs, large, strict=True):
            told, scale = np.array([sigma], np.float32), len(x) // len(y)
            estimate = np.clip(restore(y[None], told, scale)[0], 0.0, 1.0)
            rows.append([_colour(picture) for picture in (enlarged, estimate, x)])
            if is_autoencoder or psnr(x, enlarged) < ALMOST_CLEAN:
                before.append(min(psnr(x, enlarged), HIGHEST_PSNR))
                after.append(min(psnr(x, estimate), HIGHEST_PSNR))
        picture = report.sheet(rows, labels=["degraded", "enhanced", "clean"])
        photo.save_png(picture, sheet)
        return {
            "validation_psnr_degraded": round(float(np.mean(before)), 3),
            "validation_psnr": round(float(np.mean(after)), 3),
        }


def _readable(
    held_out: Dataset, warn: Callable[[str], None]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yields the number and the pixels of each image that can be read."""
    for index in range(len(held_out)):
        try:
            yield index, held_out.read(index)
        except PhotoError as error:
            warn(f"left out {held_out.names[index]}, which was held out: {error}")


def _looks(
    images: Iterable[tuple[int, NDArray[np.uint8]]], config: Config
) -> list[tuple[Pixels, Pixels, float]]:
    """Pairs for network look: each photograph changed at random, to be mended."""
    pairs = []
    mending = dataclasses.replace(config.look, style=0.0, unchanged=0.0)
    for index, image in images:
        rng = np.random.default_rng([config.training.seed, 4, index])
        pairs.append(draw_pair(image, image, config.data.crop, mending, rng))
    return pairs


def _colour(picture: Pixels) -> Pixels:
    return np.repeat(picture, 3, axis=-1) if picture.shape[-1] == 1 else picture
