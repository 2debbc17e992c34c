"""A trained network ``look``, run on thumbnails; nothing about photographs or files.

In float32 whatever the precision asked for: a thumbnail costs milliseconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from vaenhance import checkpoint
from vaenhance.config import ModelConfig
from vaenhance.errors import NotFinite
from vaenhance.grading import Transform
from vaenhance.model.build import build_network, named
from vaenhance.model.look_exponent import decide
from vaenhance.model.transform import Parameters
from vaenhance.patches import NUMBERS
from vaenhance.runtime import Runtime

Pixels = NDArray[np.float32]

DECIDING = 2  # of every second pixel it is computed what an exponent would do
_NOT_FINITE = "the look model gave values that are not finite"


class LookInference:
    """Encodes thumbnails to looks and decodes looks to colour transforms.

    Args:
        folder: the model, for its weights.
        config: the network's shape.
        sitting: the device.

    Raises:
        ModelError: the weights are missing or damaged.
    """

    def __init__(self, folder: Path, config: ModelConfig, sitting: Runtime):
        self._device = sitting.device_name
        side = config.image_size
        with tf.device(self._device):
            network = build_network(config)
            variables = named(network.variables)
            shapes = {name: tuple(v.shape) for name, v in variables.items()}
            weights = checkpoint.load_weights(folder, shapes)
            for name, variable in variables.items():
                variable.assign(weights[name])
        images = tf.TensorSpec([None, side, side, 3], tf.float32)
        told = tf.TensorSpec([None], tf.float32)
        latents = tf.TensorSpec([None, config.latent_channels[0]], tf.float32)

        def posterior(references: Any, told: Any) -> Any:
            q = network.posterior(network.describe(references)[0], told).gaussian
            return q.mean, tf.exp(q.log_scale)

        def decode(z: Any, images: Any) -> Any:
            return vars(network.parameters(z, *network.describe(images)))

        self._exponent = None
        if network.exponent is not None:
            patches = tf.TensorSpec([None, side, side, NUMBERS], tf.float32)
            self._exponent = tf.function(
                lambda images, patches: network.exponent(
                    network.describe(images)[0], patches
                ),
                input_signature=[images, patches],
                autograph=False,
            )
        self._posterior = tf.function(
            posterior, input_signature=[images, told], autograph=False
        )
        self._decode = tf.function(
            decode, input_signature=[latents, images], autograph=False
        )

    def posterior(self, references: Pixels, is_kept: bool) -> tuple[Pixels, Pixels]:
        """Returns q(z|reference): mean and standard deviation, (B, D) each.

        Args:
            references: thumbnails (B, S, S, 3).
            is_kept: their looks are as they should be, not to be mended.

        Raises:
            NotFinite: an answer is not finite.
        """
        told = np.full([len(references)], 0.0 if is_kept else -1.0, np.float32)
        with tf.device(self._device):
            found = self._posterior(references, told)
        mean, deviation = (part.numpy() for part in found)
        if not (np.isfinite(mean).all() and np.isfinite(deviation).all()):
            raise NotFinite(_NOT_FINITE)
        return mean, deviation

    def power(self, image: Pixels, patches: Pixels) -> float:
        """Returns log2 of the exponent to be undone of a photograph; 0 for nothing.

        Args:
            image: its thumbnail, (S, S, 3).
            patches: (S, S, 27).

        Raises:
            NotFinite: an answer is not finite.
        """
        if self._exponent is None:
            return 0.0
        with tf.device(self._device):
            evidence = self._exponent(image[None], patches[None]).numpy()[0]
        if not np.isfinite(evidence).all():
            raise NotFinite(_NOT_FINITE)
        return decide(evidence, image[::DECIDING, ::DECIDING])

    def decode(self, z: Pixels, images: Pixels) -> list[Transform]:
        """Returns the transforms that give photographs the looks z.

        Args:
            z: (B, D).
            images: thumbnails of the photographs, (B, S, S, 3).

        Raises:
            NotFinite: an answer is not finite.
        """
        with tf.device(self._device):
            found = Parameters(**self._decode(z, images))
        if not all(np.isfinite(part).all() for part in vars(found).values()):
            raise NotFinite(_NOT_FINITE)
        return found.numpy()
