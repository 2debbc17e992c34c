"""The dense VAE of the article that vaenhance started from, corrected.

Encoder 784-128-64-2 (mean and log-scale), decoder 2-256-128-784; a standard
normal prior. The same calls as ``Ladder``, with one level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from vaenhance.config import ModelConfig
from vaenhance.model.gaussian import (
    DiagonalGaussian,
    ResidualPosterior,
    split_gaussian,
)
from vaenhance.model.heads import as_parameters, outputs


class DenseVAE(keras.Model):
    """Encoder and decoder of dense layers for small images of one size.

    Images are (B, image_size, image_size, channels) float32 in [0, 1].
    """

    def __init__(self, config: ModelConfig, policy: str = "float32"):
        super().__init__(name="mlp", dtype=policy)
        self.config = config
        self.pixels = config.image_size**2 * config.channels
        self.encoder = [
            keras.layers.Dense(n, activation="relu", name=f"encoder{i}", dtype=policy)
            for i, n in enumerate(config.hidden)
        ]
        self.posterior_head = keras.layers.Dense(
            2 * config.latent_channels[0], name="posterior", dtype=policy
        )
        self.decoder = [
            keras.layers.Dense(n, activation="relu", name=f"decoder{i}", dtype=policy)
            for i, n in enumerate(config.hidden_decoder)
        ]
        numbers = config.image_size**2 * outputs(config)
        self.head = keras.layers.Dense(numbers, name="head", dtype=policy)

    def build(self, input_shape=None):
        """Creates every weight, without running the network."""
        width = self.pixels
        for layer in (*self.encoder, self.posterior_head):
            layer.build((None, width))
            width = layer.units
        width = self.config.latent_channels[0]
        for layer in (*self.decoder, self.head):
            layer.build((None, width))
            width = layer.units
        self.built = True

    def infer(
        self,
        y: Any,
        noise_sigma: Any = None,
        epsilons: Sequence[Any] | None = None,
        observe: Callable[[ResidualPosterior], None] = lambda q: None,
        scale: int | None = None,
        label: Any = None,
    ) -> tuple[Any, list[Any], list[Any]]:
        """Runs y through posterior and decoder; see ``Ladder.infer``."""
        h = tf.reshape(y, [tf.shape(y)[0], self.pixels])
        for layer in self.encoder:
            h = layer(h)
        parameters = self.posterior_head(h)[:, None, None, :]
        mean, log_scale = split_gaussian(parameters)
        prior = DiagonalGaussian(tf.zeros_like(mean), tf.zeros_like(mean))
        q = ResidualPosterior(prior, mean, log_scale)
        observe(q)
        gaussian = q.gaussian
        z = gaussian.mean if epsilons is None else gaussian.sample(epsilons[0])
        side = self.config.image_size
        return self.decode([z], side, side), [q.kl_divergence()], [z]

    def decode(
        self,
        latents: Sequence[Any],
        height: Any,
        width: Any,
        scale: int | None = None,
        label: Any = None,
    ) -> Any:
        """Returns the likelihood's parameters for a latent (B, 1, 1, C)."""
        h = tf.reshape(latents[0], [-1, self.config.latent_channels[0]])
        for layer in self.decoder:
            h = layer(h)
        side = self.config.image_size
        out = tf.cast(self.head(h), tf.float32)
        out = tf.reshape(out, [-1, side, side, outputs(self.config)])
        # A Gaussian's mean is what the head says: so it was in the first version.
        is_gaussian = self.config.likelihood == "gaussian"
        return out if is_gaussian else as_parameters(self.config, out)

    def draw(
        self,
        epsilons: Sequence[Any],
        height: Any,
        width: Any,
        scale: int | None = None,
        label: Any = None,
    ) -> Any:
        """Returns the likelihood's parameters for z drawn from N(0, I)."""
        return self.decode(epsilons, height, width)

    def latent_shapes(self, height: int, width: int) -> list[tuple[int, int, int]]:
        """Returns the shape of the one latent, as an image of one position."""
        return [(1, 1, self.config.latent_channels[0])]

    def call(self, y):
        return self.infer(y)[0]
