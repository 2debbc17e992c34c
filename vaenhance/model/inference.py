"""A network with trained weights, run on arrays; nothing about tiles or files.

Compiled once for all image sizes. Results that are not finite at half precision
are computed again in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from vaenhance import checkpoint
from vaenhance.config import ModelConfig
from vaenhance.errors import NotFinite, OutOfMemory
from vaenhance.model.build import build_network, named
from vaenhance.model.compiled import Compiled
from vaenhance.runtime import Runtime

Pixels = NDArray[np.float32]

UNTOLD = -1  # label of images whose class is not told

_NOT_FINITE = (
    "the model gave values that are not finite: its weights are damaged or the "
    "input is far from any photograph"
)


class Inference(Compiled):
    """Restores, encodes, decodes and draws batches of arrays.

    Args:
        folder: the model, for its weights.
        config: the network's shape.
        sitting: device and precision.

    Raises:
        ModelError: the weights are missing or damaged.
    """

    def __init__(self, folder: Path, config: ModelConfig, sitting: Runtime):
        self.config = config
        self._device = sitting.device_name
        self._weights: dict[str, Pixels] = {}
        with tf.device(self._device):
            self._network = build_network(config, sitting.policy)
            variables = named(self._network.variables)
            shapes = {name: tuple(v.shape) for name, v in variables.items()}
            self._weights = dict(checkpoint.load_weights(folder, shapes))
            for name, variable in variables.items():
                variable.assign(self._weights[name])
        self._is_half = sitting.precision != "float32"
        self._exact: Inference | None = None
        self._compile()

    def latent_shapes(self, height: int, width: int) -> list[tuple[int, int, int]]:
        """Returns (h, w, c) of every level for images of a size, coarse to fine."""
        return self._network.latent_shapes(height, width)

    def restore(
        self, y: Pixels, noise_sigma: float | None, scale: int | None = None
    ) -> Pixels:
        """Returns E[x|z] at the posterior mean.

        Args:
            y: degraded images (B, H, W, C).
            noise_sigma: None where it is unknown.
            scale: one of the model's; None takes its first.

        Returns:
            (B, scale·H, scale·W, C).
        """
        run, levels = self._restore[self._scale(scale)], _levels(y, noise_sigma)
        result = self._call(lambda: run(y, levels).numpy())
        if self._is_usable([result]):
            return result
        return self._in_float32().restore(y, noise_sigma, scale)

    def posterior(
        self,
        y: Pixels,
        noise_sigma: float | None,
        epsilons: Sequence[Pixels],
        scale: int | None = None,
    ) -> tuple[Pixels, list[Pixels]]:
        """Decodes draws from the posterior.

        Args:
            y: degraded images.
            noise_sigma: None where it is unknown.
            epsilons: standard normal noise of each level, coarse to fine.
            scale: as for ``restore``.

        Returns:
            (E[x|z] as of ``restore``; KL in nats of each level, (B,), coarse to fine).
        """
        levels, noise = _levels(y, noise_sigma), list(epsilons)
        run = self._posterior[self._scale(scale)]
        found, kls = self._call(lambda: run(y, levels, noise))
        result = found.numpy()
        if self._is_usable([result]):
            return result, [kl.numpy() for kl in kls]
        return self._in_float32().posterior(y, noise_sigma, epsilons, scale)

    def bound(
        self, x: Pixels, epsilons: Sequence[Pixels], sigma_floor: float
    ) -> tuple[Pixels, Pixels, Pixels]:
        """Weighs one draw of z for each image; y = x, nothing is damaged.

        Args:
            x: clean images (B, H, W, C).
            epsilons: standard normal noise of each level, coarse to fine.
            sigma_floor: of a Gaussian likelihood (``ObjectiveConfig``).

        Returns:
            In nats per image: log p(x|z), (B,); KL(q ‖ p) of each level, (B, L);
            log p(z) − log q(z) at the drawn z, (B,).
        """
        noise, floor = list(epsilons), np.float32(sigma_floor)
        found = self._call(lambda: self._bound(x, _levels(x, None), noise, floor))
        fit, kl, ratio = (part.numpy() for part in found)
        if self._is_usable([fit, kl, ratio]):
            return fit, kl, ratio
        return self._in_float32().bound(x, epsilons, sigma_floor)

    def observe(
        self, y: Pixels, noise_sigma: float | None, scale: int | None = None
    ) -> tuple[Pixels, Pixels]:
        """Returns E[x|z] at the posterior mean, and the features of its error.

        Args:
            y: degraded images (B, H, W, C).
            noise_sigma: None where it is unknown.
            scale: as for ``restore``.

        Returns:
            (E[x|z] as of ``restore``; the features of ``decoder_scale``,
            (B, h, w, F)).
        """
        levels, run = _levels(y, noise_sigma), self._observed[self._scale(scale)]
        found = self._call(lambda: run(y, levels))
        result, values = (part.numpy() for part in found)
        if self._is_usable([result, values]):
            return result, values
        return self._in_float32().observe(y, noise_sigma, scale)

    def encode(
        self,
        y: Pixels,
        noise_sigma: float | None,
        epsilons: Sequence[Pixels] | None = None,
        label: int = UNTOLD,
    ) -> list[Pixels]:
        """Returns the posterior means, or a draw, of every level, coarse to fine.

        Args:
            y: degraded images.
            noise_sigma: None where it is unknown.
            epsilons: standard normal noise of each level; None for the means.
            label: class of all images.
        """
        levels = _levels(y, noise_sigma)
        noise = None if epsilons is None else list(epsilons)
        found = self._call(
            lambda: (
                self._encode(y, levels, _labels(y, label))
                if noise is None
                else self._encode_draw(y, levels, noise, _labels(y, label))
            )
        )
        latents = [z.numpy() for z in found]
        if self._is_usable(latents):
            return latents
        return self._in_float32().encode(y, noise_sigma, epsilons, label)

    def describe(
        self, y: Pixels, noise_sigma: float | None, label: int = UNTOLD
    ) -> tuple[list[Pixels], list[Pixels], list[Pixels]]:
        """Returns what the posterior is at its mean, three lists, coarse to fine.

        Args:
            y: degraded images.
            noise_sigma: None where it is unknown.
            label: class of all images.

        Returns:
            (means, standard deviations, noise that ``draw`` turns into the means: their
            distance from the prior's mean, divided by its standard deviation).
        """
        levels = _levels(y, noise_sigma)
        found = self._call(lambda: self._describe(y, levels, _labels(y, label)))
        means, scales, distances = ([z.numpy() for z in part] for part in found)
        if self._is_usable([*means, *scales, *distances]):
            return means, scales, distances
        return self._in_float32().describe(y, noise_sigma, label)

    def decode(
        self,
        latents: Sequence[Pixels],
        height: int,
        width: int,
        scale: int | None = None,
        label: int = UNTOLD,
    ) -> Pixels:
        """Returns E[x|z] of the latents of images y of a size; as of ``restore``."""
        given, run = list(latents), self._decode[self._scale(scale)]
        labels = _labels(latents[0], label)
        result = self._call(lambda: run(given, height, width, labels).numpy())
        if self._is_usable([result]):
            return result
        return self._in_float32().decode(latents, height, width, scale, label)

    def draw(
        self, epsilons: Sequence[Pixels], height: int, width: int, label: int = UNTOLD
    ) -> Pixels:
        """Returns E[x|z] of latents drawn from the prior with the given noise."""
        noise, labels = list(epsilons), _labels(epsilons[0], label)
        run = self._draw
        result = self._call(lambda: run(noise, height, width, labels).numpy())
        if self._is_usable([result]):
            return result
        return self._in_float32().draw(epsilons, height, width, label)

    def abduct(
        self, y: Pixels, noise_sigma: float | None, labels: Sequence[int]
    ) -> tuple[list[Pixels], NDArray[np.float32]]:
        """Returns the noise of images of given classes, and their log-likelihood.

        Args:
            y: images.
            noise_sigma: None where it is unknown.
            labels: class of each image.

        Returns:
            (noise of each level, coarse to fine, that ``draw`` turns into the posterior
            means; ELBO at the posterior means, (B,) nats).
        """
        sigma, told = _levels(y, noise_sigma), np.array(labels, np.int32)
        found, elbo = self._call(lambda: self._abduct(y, sigma, told))
        noise, bound = [level.numpy() for level in found], elbo.numpy()
        if self._is_usable([*noise, bound]):
            return noise, bound
        return self._in_float32().abduct(y, noise_sigma, labels)

    def _scale(self, scale: int | None) -> int:
        return self.config.scales[0] if scale is None else scale

    def _is_usable(self, arrays: Sequence[Pixels]) -> bool:
        """Tells whether all is finite; if not, float32 may help, or nothing."""
        if all(np.isfinite(array).all() for array in arrays):
            return True
        if not self._is_half:
            raise NotFinite(_NOT_FINITE)
        return False

    def _call(self, function: Callable[[], Any]) -> Any:
        try:
            with tf.device(self._device):
                return function()
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise OutOfMemory(
                "out of memory even with the smallest tile: close other programs, "
                "or use --device cpu"
            ) from error

    def _in_float32(self) -> Inference:
        """Returns a twin of full precision, made when first needed."""
        if self._exact is None:
            twin = object.__new__(Inference)
            twin.config, twin._device = self.config, self._device
            with tf.device(self._device):
                twin._network = build_network(self.config, "float32")
                for name, variable in named(twin._network.variables).items():
                    variable.assign(self._weights[name])
            twin._is_half, twin._exact = False, None
            twin._compile()
            self._exact = twin
        return self._exact


def _levels(y: Pixels, noise_sigma: float | None) -> NDArray[np.float32]:
    level = -1.0 if noise_sigma is None else noise_sigma
    return np.full([len(y)], level, np.float32)


def _labels(batch: Pixels, label: int) -> NDArray[np.int32]:
    return np.full([len(batch)], label, np.int32)
