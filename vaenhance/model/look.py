"""The VAE of looks: one global latent for the tone and colour of a photograph.

q(z|reference), N(0, I) as the prior, p(x|z, y): the decoder sees z and a thumbnail of
the photograph y, and gives the numbers of a colour transform (``model/transform``)
that is applied to y. Sohn et al. 2015 (conditional VAE); the transform of few numbers
after Gharbi et al. 2017 (HDRNet).

Two uses, told apart by what is said of the reference: "its look is as it should be"
(style; noise level 0), or nothing (light; −1), where z is the look that the reference
would have if it were a good photograph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from vaenhance.config import ModelConfig
from vaenhance.data.looks import PATCH_STEP, SPARSE
from vaenhance.model import look_seen, transform
from vaenhance.model.blocks import ResidualBlock, convolution
from vaenhance.model.gaussian import (
    DiagonalGaussian,
    ResidualPosterior,
    split_gaussian,
)
from vaenhance.model.look_exponent import Exponent, log_q

# Rectifiers died: for most photographs every unit of the decoder was off.
ACTIVATION = "leaky_relu"
GATES_START = (2.0, 2.0, 2.0, 2.0, -3.0, -3.0)  # before the sigmoid; ``transform``


class Look(keras.Model):
    """Encoder of looks and decoder of colour transforms.

    Images are thumbnails (B, S, S, 3) float32 in [0, 1], S = ``config.image_size``;
    in training y is (B, S, S, 6): the photograph and, behind it, the reference; with
    ``config.exponents`` also the patches of ``data/looks`` and log2 of the exponent.
    """

    def __init__(self, config: ModelConfig, policy: str = "float32"):
        super().__init__(name="look", dtype=policy)
        self.config = config
        self.side = config.image_size
        self.cells = self.side // 2 ** len(config.widths)
        self.knots = config.curve_knots
        self.shrinking = [
            convolution(w, 3, f"shrink{i}", policy, strides=2)
            for i, w in enumerate(config.widths)
        ]
        self.blocks = [
            [
                ResidualBlock(w, n**-0.5, name=f"block{i}_{k}", dtype=policy)
                for k in range(n)
            ]
            for i, (w, n) in enumerate(
                zip(config.widths, config.encoder_blocks, strict=True)
            )
        ]

        def dense(units: int, name: str, **kwargs: Any) -> Any:
            return keras.layers.Dense(units, name=name, dtype="float32", **kwargs)

        width = config.hidden[0]
        latent = config.latent_channels[0]
        self.summary_layer = dense(width, "summary", activation=ACTIVATION)
        self.posterior_layer = dense(width, "reference", activation=ACTIVATION)
        small = keras.initializers.VarianceScaling(0.01)
        self.posterior_head = dense(2 * latent, "posterior", kernel_initializer=small)
        self.decoder = [
            dense(n, f"decoder{i}", activation=ACTIVATION)
            for i, n in enumerate(config.hidden_decoder)
        ]
        self.head = dense(
            transform.numbers(self.knots), "head", kernel_initializer=small
        )
        self.place_layer = dense(64, "place", activation=ACTIVATION)
        self.gain_head = convolution(
            1, 3, "gain_head", "float32", kernel_initializer=small
        )
        self.exponent = (
            Exponent(config.exponents, name="exponent") if config.exponents else None
        )
        # Distance from the middle, squared, and height: for lenses and skies.
        axis = (np.arange(self.side, dtype=np.float32) + 0.5) / self.side * 2 - 1
        across, down = np.meshgrid(axis, axis)
        self.places = np.stack([across**2 + down**2, down], -1)[None]

    def build(self, input_shape=None):
        """Creates every weight, without running the network."""
        config, channels = self.config, 11
        for layer, blocks in zip(self.shrinking, self.blocks, strict=True):
            layer.build((None, None, None, channels))
            channels = layer.filters
            for block in blocks:
                block.build((None, None, None, channels))
        width, latent = config.hidden[0], config.latent_channels[0]
        told = 8 * look_seen.BINS + 28 + (look_seen.EXACT if config.exact else 0)
        self.summary_layer.build((None, channels + told))
        self.posterior_layer.build((None, width + 1))
        self.posterior_head.build((None, width))
        size = width + latent
        for layer in self.decoder:
            layer.build((None, size))
            size = layer.units
        self.head.build((None, size))
        self.place_layer.build((None, channels + size))
        self.gain_head.build((None, None, None, self.place_layer.units))
        if self.exponent is not None:
            self.exponent.build((None, width))
        self.built = True

    def freeze_all_but_exponent(self) -> None:
        """Leaves nothing to learn but what tells a changed gamma."""
        own = {id(v) for v in self.exponent.variables} if self.exponent else set()
        for variable in self.variables:
            variable.trainable = id(variable) in own

    # === The parts ===

    def describe(self, image: Any) -> tuple[Any, Any, Any]:
        """Returns what is seen of thumbnails, and their extremes.

        (B, width), (B, cells, cells, C), and (B, 4, 3) of ``look_seen.extremes``.
        """
        s = transform.to_domain(transform.to_linear(image))
        # As it would be with its own black and white: what is left is not exposure.
        extremes = look_seen.extremes(image)
        ends = extremes[:, :, None, None]
        span = tf.maximum(ends[:, 3] - ends[:, 2], transform.NARROWEST)
        stretched = tf.clip_by_value((image - ends[:, 2]) / span, 0.0, 1.0)
        places = tf.tile(tf.constant(self.places), [tf.shape(image)[0], 1, 1, 1])
        seen = [image, s, stretched]
        h = tf.concat([*(2.0 * part - 1.0 for part in seen), places], axis=-1)
        h = tf.cast(h, self.compute_dtype)
        for layer, blocks in zip(self.shrinking, self.blocks, strict=True):
            h = tf.nn.relu(layer(h))
            for block in blocks:
                h = block(h)
        h = tf.cast(h, tf.float32)
        grays = [tf.reduce_mean(part, -1, keepdims=True) for part in (s, stretched)]
        planes = tf.concat([s, stretched, *grays], axis=-1)
        histogram = look_seen.histogram(planes[:, 1::2, 1::2])
        short = look_seen.short_of(extremes)
        told = [transform.to_domain(transform.to_linear(extremes)), short]
        told = [tf.reshape(part, [-1, 12]) for part in told]
        gray = [tf.reduce_min(grays[0], [1, 2]), tf.reduce_max(grays[0], [1, 2])]
        means = [tf.reduce_mean(part, [1, 2]) for part in grays]
        found = [tf.reduce_mean(h, [1, 2]), histogram, *told, *gray, *means]
        if self.config.exact:  # behind the others: where older weights have none
            found += [
                look_seen.at_the_ends(image, extremes),
                look_seen.colour(stretched),
            ]
        return self.summary_layer(tf.concat(found, axis=-1)), h, extremes

    def posterior(self, summary: Any, noise_sigma: Any) -> ResidualPosterior:
        """Returns q(z|reference); a noise level of 0 or more says: keep this look."""
        is_told = tf.cast(noise_sigma >= 0.0, tf.float32)[:, None]
        h = self.posterior_layer(tf.concat([summary, is_told], axis=-1))
        mean, log_scale = split_gaussian(self.posterior_head(h))
        prior = DiagonalGaussian(tf.zeros_like(mean), tf.zeros_like(mean))
        return ResidualPosterior(prior, mean, log_scale)

    def parameters(
        self, z: Any, summary: Any, spatial: Any, extremes: Any
    ) -> transform.Parameters:
        """Decodes z (B, D), for photographs of which ``describe`` has told the rest."""
        h = tf.concat([summary, z], axis=-1)
        for layer in self.decoder:
            h = layer(h)
        flat = self.head(h)
        start = [*GATES_START, *[0.0] * (flat.shape[-1] - transform.GATES)]
        flat += tf.constant(start)
        around = tf.tile(h[:, None, None], [1, self.cells, self.cells, 1])
        gains = self.place_layer(tf.concat([spatial, around], axis=-1))
        gains = self.gain_head(gains)[..., 0]
        is_exact = self.config.exact
        return transform.bounded(flat, gains, extremes, self.knots, is_exact)

    # === What training asks of every network ===

    def infer(
        self,
        y: Any,
        noise_sigma: Any = None,
        epsilons: Sequence[Any] | None = None,
        observe: Callable[[ResidualPosterior], None] = lambda q: None,
        scale: int | None = None,
        label: Any = None,
        seed: Any = None,
    ) -> tuple[Any, list[Any], list[Any]]:
        """Runs photographs and references through; see ``Ladder.infer``.

        Args:
            y: (B, S, S, 6), photograph and reference; (B, S, S, 3) is its own, as
                is every one with noise_sigma −1. More is for the exponent.
            noise_sigma: (B,); −1 corrects the look, 0 keeps that of the reference.
            epsilons: noise of the posterior, [(B, 1, 1, D)]; None decodes its mean.
            observe: is shown the posterior.
            scale: not used; the transform keeps the size.
            label: not used; a look has no classes.
            seed: of ``Exponent``, in training.

        Returns:
            (x, KL, z), the KL with −log q of the exponent that was drawn. In training,
            with noise, x has every ``SPARSE``-th pixel only: a transform of few
            numbers is known by a few hundred of them.
        """
        image, reference = y[..., :3], y[..., 3:6] if y.shape[-1] > 3 else y
        # What is to be mended is its own reference: one look at it is enough.
        others = tf.where(noise_sigma >= 0.0)
        # One batch: there may be no other, and a convolution of none fails in oneDNN.
        seen = tf.concat([image, tf.gather_nd(reference, others)], axis=0)
        summaries, *own = self.describe(seen)
        count = tf.shape(image)[0]
        summary, *own = (part[:count] for part in (summaries, *own))
        referred = tf.tensor_scatter_nd_update(summary, others, summaries[count:])
        q = self.posterior(referred, noise_sigma)
        observe(q)
        gaussian = q.gaussian
        z = gaussian.mean
        if epsilons is not None:
            z = gaussian.sample(tf.reshape(epsilons[0], tf.shape(z)))
        found = self.parameters(z, summary, *own)
        step = 1 if epsilons is None else SPARSE
        x = transform.transformed(image, found, step)
        kl = q.kl_divergence()
        if self.exponent is not None and epsilons is not None:
            patches = y[:, ::PATCH_STEP, ::PATCH_STEP, 6:-1]
            evidence = self.exponent(summary, patches, seed)
            surprise = -log_q(y[:, 0, 0, -1], evidence)
            kl += tf.where(noise_sigma < 0.0, surprise, 0.0)
        return x, [kl], [z[:, None, None, :]]

    def latent_shapes(self, height: int, width: int) -> list[tuple[int, int, int]]:
        """Returns the shape of the one latent, as an image of one position."""
        return [(1, 1, self.config.latent_channels[0])]

    def call(self, y):
        """Returns the photographs after correction."""
        return self.infer(y, -tf.ones([tf.shape(y)[0]]))[0]
