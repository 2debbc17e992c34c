"""Measure how likely a model finds images that it was not trained on.

The story of ``vaenhance evaluate --likelihood``. Nothing is damaged and nothing is
enhanced: the encoder sees the clean image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vaenhance.config import Config, stride
from vaenhance.data.binarize import binarize
from vaenhance.data.codec import resize
from vaenhance.data.dataset import TEST_KEYS, Dataset, open_dataset
from vaenhance.data.pixels import Pixels
from vaenhance.data.windows import to_floats
from vaenhance.errors import NotFinite, OutOfMemory, PhotoError, UsageProblem
from vaenhance.workflows.files import reason
from vaenhance.workflows.pairs import Failure

MOST_TOGETHER = 256  # images of one size that are handed to the model at once
MOST_PIXELS = 1 << 24  # of all of them, in float32: 200 MB


class Bounded(Protocol):
    """The part of ``api_likelihood.Bounds`` that is reported; nats, (B,)."""

    @property
    def elbo(self) -> NDArray[np.float64]:
        """A bound of log p(x)."""
        ...

    @property
    def weighted(self) -> NDArray[np.float64]:
        """A tighter one."""
        ...

    @property
    def log_likelihood(self) -> NDArray[np.float64]:
        """Its first part, log p(x|z)."""
        ...

    @property
    def kl(self) -> NDArray[np.float64]:
        """(B, L), its other part."""
        ...


class Model(Protocol):
    """The part of ``api.Model`` that is measured."""

    @property
    def settings(self) -> Config:
        """All that it was trained with."""
        ...

    def bound_likelihood(
        self,
        x: NDArray[np.float32],
        samples: int = 1,
        seed: int = 0,
        *,
        first: int = 0,
        progress: Callable[[int], None] = ...,
    ) -> Bounded:
        """Bounds of log p(x)."""
        ...


@dataclass(frozen=True)
class Settings:
    """What moves the figures, besides model and images."""

    samples: int = 1  # draws of z for each image
    limit: int | None = None  # measure so many images, chosen by the seed
    seed: int = 0  # of the choice, the bits and the draws


@dataclass(frozen=True)
class Estimate:
    """A mean over images and its standard error."""

    mean: float
    error: float  # infinite for one image

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Estimate:
        """The mean of values, and the deviation of such a mean."""
        count = len(values)
        spread = values.std(ddof=1) / math.sqrt(count) if count > 1 else math.inf
        return cls(float(values.mean()), float(spread))


@dataclass(frozen=True)
class Report:
    """What was found; nats per image where nothing else is said."""

    names: tuple[str, ...]
    likelihood: str  # of the model: gaussian | bernoulli | logistic
    binarize: str  # none | dynamic | static
    negative_elbo: NDArray[np.float64]  # (N,)
    negative_weighted: NDArray[np.float64]  # (N,)
    negative_log_likelihood: NDArray[np.float64]  # (N,)
    kl: NDArray[np.float64]  # (N, L), coarse to fine
    dimensions: NDArray[np.float64]  # (N,) values of each image

    @property
    def is_probability(self) -> bool:
        """Tells whether the figures are those of a probability, so bits mean bits."""
        is_binary = self.likelihood == "bernoulli" and self.binarize != "none"
        return is_binary or self.likelihood == "logistic"

    def bits(self, nats: NDArray[np.float64]) -> Estimate:
        """Bits for each value of an image."""
        return Estimate.of(nats / (self.dimensions * math.log(2.0)))


def open_images(
    source: Path, trained: Config, settings: Settings
) -> tuple[Dataset, list[Failure]]:
    """Finds the images: of a folder, or those of an .npz that are for testing.

    Args:
        source: folder or .npz.
        trained: all that the model was trained with; images smaller than its network
            can take are failures.
        settings: how many are chosen.

    Raises:
        UsageProblem: there are none.
    """
    smallest = 1 if trained.model.image_size else stride(trained.model)
    dataset, scan = open_dataset(source, smallest, TEST_KEYS)
    failures = [Failure(name, reason) for name, reason in scan.unreadable]
    failures += [Failure(name, f"too small: {size}") for name, size in scan.too_small]
    if settings.limit is not None and settings.limit < len(dataset):
        rng = np.random.default_rng([settings.seed, 8])
        chosen = rng.permutation(len(dataset))[: settings.limit]
        dataset = dataset.subset(sorted(chosen.tolist()))
    return dataset, failures


def measure(
    dataset: Dataset,
    model: Model,
    settings: Settings,
    failures: list[Failure],
    progress: Callable[[int], None] = lambda images: None,
) -> Report:
    """Measures every image.

    Args:
        dataset: the images.
        model: is asked.
        settings: samples and seed.
        failures: images that cannot be decoded after all, or are too much for the
            model, are added to it.
        progress: called with how many more images are done.

    Raises:
        UsageProblem: no image could be measured.
    """
    names: list[str] = []
    found: list[tuple[Bounded, int]] = []
    for numbers, x in batches(dataset, model.settings, settings.seed, failures):
        asked = [dataset.names[number] for number in numbers]
        try:
            bounds = model.bound_likelihood(
                x, settings.samples, settings.seed, first=len(names), progress=progress
            )
        except (OutOfMemory, NotFinite, MemoryError) as error:
            failures += [Failure(name, reason(error)) for name in asked]
            continue
        names += asked
        found.append((bounds, x[0].size))
    if not found:
        raise UsageProblem("none of the images can be measured")
    trained = model.settings
    sizes = [np.full(len(b.elbo), float(size)) for b, size in found]
    return Report(
        names=tuple(names),
        likelihood=trained.model.likelihood,
        binarize=trained.data.binarize,
        negative_elbo=-np.concatenate([b.elbo for b, _ in found]),
        negative_weighted=-np.concatenate([b.weighted for b, _ in found]),
        negative_log_likelihood=-np.concatenate([b.log_likelihood for b, _ in found]),
        kl=np.concatenate([b.kl for b, _ in found]),
        dimensions=np.concatenate(sizes),
    )


def batches(
    dataset: Dataset, trained: Config, seed: int, failures: list[Failure]
) -> Iterator[tuple[list[int], Pixels]]:
    """Yields images as the model was trained on them, of one size at a time.

    Args:
        dataset: the images.
        trained: all that the model was trained with.
        seed: of the bits.
        failures: images that cannot be decoded are added to it.

    Yields:
        (indices, (B, H, W, C)) of images that follow each other.
    """
    numbers: list[int] = []
    images: list[Pixels] = []
    for index, name in enumerate(dataset.names):
        try:
            pixels = dataset.read(index)
        except PhotoError as error:
            failures.append(Failure(name, str(error)))
            continue
        rng = np.random.default_rng([seed, 6, index])
        x = binarize(_fitted(pixels, trained), trained.data.binarize, rng)
        is_other = bool(images) and x.shape != images[0].shape
        most = min(MOST_TOGETHER, MOST_PIXELS // max(1, x.shape[0] * x.shape[1]))
        if is_other or (images and len(images) >= most):
            yield numbers, np.stack(images)
            numbers, images = [], []
        numbers.append(index)
        images.append(x)
    if images:
        yield numbers, np.stack(images)


def _fitted(pixels: NDArray[np.uint8], trained: Config) -> Pixels:
    """Returns an image as the model takes it: resized, or cut at its borders."""
    x = _whole_steps(pixels, trained)
    if trained.model.likelihood == "logistic":  # of 8-bit values, gray ones as well
        x = np.rint(x * np.float32(255)) / np.float32(255)
    return x


def _whole_steps(pixels: NDArray[np.uint8], trained: Config) -> Pixels:
    model = trained.model
    if model.image_size:
        return to_floats(resize(pixels, model.image_size), model.channels)
    step = stride(model)
    height, width = (side // step * step for side in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return to_floats(pixels[top : top + height, left : left + width], model.channels)
