"""How likely a model finds images: the ELBO and the importance-weighted bound.

Base of ``api.Model``. Both are bounds of log p(x) from below, with beta 1 and without
free bits whatever the model was trained with; derived in docs/math.md, section 9.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaenhance import tiling
from vaenhance.api_inputs import check_bounded, check_input
from vaenhance.api_numbers import check_seed, check_whole
from vaenhance.config import Config, ModelConfig, stride
from vaenhance.config.teaching import untaught
from vaenhance.errors import UsageProblem

Array = NDArray[np.float64]

# Draws that are computed at once: of so many images, or pixels if that is less.
MOST_ROWS, MOST_PIXELS = 256, 2**20


@dataclass(frozen=True)
class Bounds:
    """Bounds of log p(x) in nats per image; means over the draws where not said.

    Attributes:
        elbo: (B,).
        weighted: (B,), the importance-weighted bound of all draws together.
        log_likelihood: (B,), log p(x|z).
        kl: (B, L), KL(q ‖ p) of each level, coarse to fine.
    """

    elbo: Array
    weighted: Array
    log_likelihood: Array
    kl: Array


class Likelihood:
    """Bounds of the likelihood.

    Attributes:
        name: of the model.
        config: the network's shape.
        settings: all that it was trained with.
    """

    name: str
    config: ModelConfig
    settings: Config
    _inference: Any

    def bound_likelihood(
        self,
        x: NDArray[Any],
        samples: int = 1,
        seed: int = 0,
        *,
        first: int = 0,
        progress: Callable[[int], None] = lambda images: None,
    ) -> Bounds:
        """Returns the ELBO and the importance-weighted bound of images.

        The draws of image i are the same in any company: they are decided by the seed
        and ``first`` + i.

        Args:
            x: (B, H, W, C), as for ``enhance``: binary where the model was trained on
                bits, 8-bit values for a logistic likelihood. Nothing is damaged and
                nothing mirrored around: the encoder sees x itself.
            samples: draws of z for each image.
            seed: decides them.
            first: the number of the first image, 0 or more.
            progress: called with how many more images are done.

        Raises:
            UsageProblem: the shape does not fit the model, no sample was asked for, or
                a number is below 0.
            OutOfMemory: the images are too large.
        """
        check_input(self.name, self.config, x)
        check_bounded(self.name, self.config)
        check_seed(seed)
        check_whole("first", first)
        check_whole("samples", samples)
        step = stride(self.config)
        if x.ndim != 4 or x.shape[1] % step or x.shape[2] % step or not x.size:
            raise UsageProblem(
                f"expected images (B, H, W, C) with sides that {step} divides, "
                f"received shape {x.shape}"
            )
        if samples < 1:
            raise UsageProblem(f"expected at least one sample, received {samples}")
        height, width = x.shape[1:3]
        rows = max(1, min(MOST_ROWS, MOST_PIXELS // (height * width)))
        group = max(1, rows // samples)
        found = []
        for start in range(0, len(x), group):
            part = tiling.to_float(x[start : start + group])
            numbers = range(first + start, first + start + len(part))
            generators = [np.random.default_rng([seed, 7, n]) for n in numbers]
            found.append(self._weigh(part, samples, rows, generators))
            progress(len(part))
        return Bounds(*(np.concatenate(each) for each in zip(*found, strict=True)))

    def _weigh(
        self,
        x: NDArray[np.float32],
        samples: int,
        rows: int,
        generators: Sequence[np.random.Generator],
    ) -> tuple[Array, Array, Array, Array]:
        """Returns the parts of ``Bounds`` for images that are computed together."""
        shapes = self._inference.latent_shapes(*x.shape[1:3])
        floor = untaught(self.settings.objective)["sigma_floor"]
        parts: list[list[Array]] = []
        for start in range(0, samples, rows):
            count = min(rows, samples - start)
            drawn = [
                [rng.standard_normal((count, *s), np.float32) for s in shapes]
                for rng in generators
            ]
            noise = [np.concatenate(level) for level in zip(*drawn, strict=True)]
            terms = self._inference.bound(np.repeat(x, count, axis=0), noise, floor)
            # (B · count, …) -> (B, count, …)
            split = (t.reshape(len(x), count, *t.shape[1:]) for t in terms)
            parts.append([t.astype(np.float64) for t in split])
        fit, kl, ratio = (
            np.concatenate(each, axis=1) for each in zip(*parts, strict=True)
        )
        elbo = (fit - kl.sum(axis=-1)).mean(axis=1)
        weighted = _log_mean_exp(fit + ratio)
        return elbo, weighted, fit.mean(axis=1), kl.mean(axis=1)


def _log_mean_exp(values: Array) -> Array:
    """Returns log of the mean of exp(values) over the second axis."""
    highest = values.max(axis=1, keepdims=True)
    total = np.exp(values - highest).sum(axis=1)
    return highest[:, 0] + np.log(total) - math.log(values.shape[1])
