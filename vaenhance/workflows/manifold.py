"""Look at the plane of a model whose whole latent is two numbers.

What it draws there, and where images lie in it.
"""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from vaenhance import checkpoint, photo, report
from vaenhance.api import Latents, Model
from vaenhance.config import ModelConfig, level_steps
from vaenhance.data.dataset import Dataset
from vaenhance.errors import UsageProblem
from vaenhance.workflows.files import named
from vaenhance.workflows.likelihood import batches

COLUMNS = 20  # of the grid, if nothing is said
LATENTS = 2


def check(model: str, what: str) -> None:
    """Refuses a model with another latent, before TensorFlow starts.

    Args:
        model: a built-in name, or a folder.
        what: asks for it, e.g. an option.

    Raises:
        ModelError: there is no such model.
        UsageProblem: its latent is something else than two numbers.
    """
    name, config = checkpoint.named_config(model)
    if not _is_plane(config):
        raise UsageProblem(
            f"{what} is for models whose latent is {LATENTS} numbers, as preset mlp "
            f"has it; {name} has another"
        )


def _is_plane(config: ModelConfig) -> bool:
    is_vector = config.network == "mlp" or (
        config.network == "ladder" and level_steps(config) == (config.image_size,)
    )
    return is_vector and config.latent_channels == (LATENTS,)


def quantiles(count: int) -> NDArray[np.float32]:
    """Returns the middles of ``count`` equally likely parts of N(0, 1), rising."""
    normal = NormalDist()
    found = [normal.inv_cdf((i + 0.5) / count) for i in range(count)]
    return np.array(found, np.float32)


def grid(model: Model, columns: int) -> list[NDArray[np.uint8]]:
    """Decodes the plane of latents at the prior's quantiles.

    Args:
        model: with a latent of two numbers.
        columns: images a side.

    Returns:
        uint8 (H, W, 3) each, row by row: z₁ rises to the right, z₂ upwards.
    """
    ticks = quantiles(columns)
    across, up = np.meshgrid(ticks, ticks[::-1])
    z = np.stack([across, up], axis=-1).reshape(-1, 1, 1, LATENTS)
    side = model.config.image_size
    decoded = model.decode(Latents([z], side, side))
    pixels = np.rint(np.clip(decoded, 0.0, 1.0) * 255.0).astype(np.uint8)
    return list(np.broadcast_to(pixels, (*pixels.shape[:3], 3)))


def save_scatter(
    dataset: Dataset,
    model: Model,
    target: Path,
    *,
    seed: int,
) -> None:
    """Draws where the posterior means of images lie, coloured by class.

    Args:
        dataset: images, and their classes if they have any.
        model: with a latent of two numbers.
        target: PNG; replaced if it exists.
        seed: of the bits, for models of binary images.

    Raises:
        VaenhanceError: the file cannot be written.
    """
    means: list[NDArray[np.float32]] = []
    labels: list[int] = []
    for numbers, x in batches(dataset, model.settings, seed, []):
        means.append(model.encode(x).levels[0].reshape(len(x), LATENTS))
        labels += [dataset.labels[number] for number in numbers]
    if not means:
        raise UsageProblem("none of the images can be encoded")
    picture = report.scatter(
        np.concatenate(means),
        labels,
        dataset.classes,
        title=f"{model.name}: posterior means of {len(labels)} images",
        x_label="z1",
        y_label="z2",
    )
    with named(target):
        photo.save_png(picture, target)
