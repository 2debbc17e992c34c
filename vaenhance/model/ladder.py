"""The ladder VAE: a fully convolutional hierarchical VAE of any image size.

Bottom-up, the encoder turns y into features at 1/2, 1/4, 1/8 … of the size, or at
the steps that ``strides`` names: several levels of one size, or a last one of one
position.
Top-down, the decoder starts from a learned constant, and at every level draws a
latent z from its posterior (features of y and of the levels above) or from its
prior (levels above only). All that y says reaches x through the latents: there
is no other path, unless ``residual`` is set. Levels in lists of latents run
coarse to fine.

Everything is a deterministic function of (y, epsilon): no randomness in here.

References: Sønderby et al. 2016; Vahdat & Kautz 2020 (NVAE); Child 2021 (VDVAE).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from vaenhance.config import level_steps, stride
from vaenhance.model.blocks import noise_planes
from vaenhance.model.gaussian import (
    DiagonalGaussian,
    ResidualPosterior,
    split_gaussian,
)
from vaenhance.model.heads import emit
from vaenhance.model.ladder_layers import LadderLayers
from vaenhance.model.prior import BentGaussian, BentPosterior


class Ladder(LadderLayers):
    """Encoder and decoder of the ladder VAE.

    Images are (B, H, W, channels) float32 in [0, 1] (values outside are legal),
    H and W multiples of ``stride(config)``.
    """

    # === Encoder ===

    def features(self, y: Any, noise_sigma: Any = None) -> list[Any]:
        """Returns the encoder's features, fine to coarse.

        Args:
            y: degraded images (B, H, W, channels).
            noise_sigma: (B,) noise levels in [0, 1] units, negative where
                unknown; ignored by a model without a noise map.
        """
        config = self.config
        h = 2.0 * y - 1.0
        if config.unshuffle > 1:
            h = tf.nn.space_to_depth(h, config.unshuffle)
        if config.noise_map:
            h = tf.concat([h, noise_planes(h, noise_sigma)], axis=-1)
        h = self.stem(tf.cast(h, self.compute_dtype))
        found = []
        for level, blocks in enumerate(self.up_blocks):
            if level:
                h = self.down[level - 1](h)
            for block in blocks:
                h = block(h)
            found.append(h)
        return found

    # === Decoder ===

    def descend(
        self,
        batch: Any,
        height: Any,
        width: Any,
        latent: Callable[[int, Any, DiagonalGaussian], Any],
        label: Any = None,
    ) -> Any:
        """Runs the decoder from the coarsest level down to the finest.

        Args:
            batch: how many images.
            height: of y, pixels.
            width: of y, pixels.
            latent: called with (level, h, prior); returns z of that level.
            label: (B,) classes, below 0 where not told; None tells nothing.

        Returns:
            The features that the heads see, (B, H / unshuffle, W / unshuffle, width).
        """
        config = self.config
        coarse = [batch, height // stride(config), width // stride(config)]
        # A start of the size of the picture is its own; a start of one position
        # is repeated over any picture.
        h = tf.cast(self.start, self.compute_dtype)
        h = tf.broadcast_to(h, [*coarse, config.widths[-1]])
        label = untold(batch) if label is None else label
        for level in reversed(range(len(config.widths))):
            h = self.context[level](h, label)
            prior = DiagonalGaussian(*split_gaussian(self.prior_head[level](h)))
            z = latent(level, h, prior)
            merged = self.merge[level](tf.cast(z, self.compute_dtype))
            # Keeps TensorFlow from joining the convolution with the sum, which it can
            # do in ``infer`` but not in ``decode``: all three ways round alike.
            h = h + tf.ensure_shape(merged, [None, None, None, config.widths[level]])
            for block in self.down_blocks[level]:
                h = block(h)
            if level:
                h = self.upsample[level - 1](h)
        return h

    def posterior(
        self, level: int, h: Any, feature: Any, prior: DiagonalGaussian
    ) -> ResidualPosterior:
        """Returns q(z | y, coarser levels) of one level."""
        mixed = self.posterior_mix[level](tf.concat([h, feature], axis=-1))
        return ResidualPosterior(
            prior, *split_gaussian(self.posterior_head[level](mixed))
        )

    def drawn_from(
        self, level: int, h: Any, prior: DiagonalGaussian, label: Any
    ) -> BentGaussian:
        """Returns what z of a level is drawn from: the prior, or the fitted one.

        The posterior stays relative to the model's own prior, whatever was fitted.
        """
        if not self.fitted:
            return BentGaussian(prior)
        return self.fitted[level](h, label, prior=prior)

    def infer(
        self,
        y: Any,
        noise_sigma: Any = None,
        epsilons: Sequence[Any] | None = None,
        observe: Callable[[ResidualPosterior], None] = lambda q: None,
        scale: int | None = None,
        label: Any = None,
    ) -> tuple[Any, list[Any], list[Any]]:
        """Runs y through posterior and decoder.

        Args:
            y: (B, H, W, channels).
            noise_sigma: as in ``features``.
            epsilons: standard normal noise of each level, coarse to fine; None
                gives the posterior mean.
            observe: is shown the posterior of each level, coarse to fine.
            scale: size of x as a multiple of y's; None takes the model's first.
            label: as in ``descend``.

        Returns:
            (likelihood parameters, KL in nats per image (B,) of each level,
            latents), lists coarse to fine.
        """
        h, kls, latents = self.look(y, noise_sigma, epsilons, observe, label)
        out = emit(self.config, self.heads, h, scale)
        if self.config.residual:
            out = out - 0.5 + y
        return out, kls, latents

    def look(
        self,
        y: Any,
        noise_sigma: Any = None,
        epsilons: Sequence[Any] | None = None,
        observe: Callable[[ResidualPosterior], None] = lambda q: None,
        label: Any = None,
    ) -> tuple[Any, list[Any], list[Any]]:
        """Runs y as far as the heads; returns (features, KL, latents) as ``infer``."""
        found = self.features(y, noise_sigma)
        size = tf.shape(y)
        label = untold(size[0]) if label is None else label
        kls: list[Any] = []
        latents: list[Any] = []
        # What is larger was never learnt, and makes the levels below larger still.
        bound = self.config.latent_bound

        def latent(level, h, prior):
            q = self.posterior(level, h, found[level], prior)
            if self.fitted:
                fitted = self.drawn_from(level, h, prior, label)
                q = BentPosterior(prior, q.delta_mean, q.delta_log_scale, fitted)
            observe(q)
            gaussian = q.gaussian
            at = len(latents)
            z = gaussian.mean if epsilons is None else gaussian.sample(epsilons[at])
            if bound:
                z = tf.clip_by_value(z, -bound, bound)
            kls.append(
                fitted.divergence(gaussian, z) if self.fitted else q.kl_divergence()
            )
            latents.append(z)
            return z

        h = self.descend(size[0], size[1], size[2], latent, label)
        return h, kls, latents

    def decode(
        self,
        latents: Sequence[Any],
        height: Any,
        width: Any,
        scale: int | None = None,
        label: Any = None,
    ) -> Any:
        """Returns the likelihood's parameters for given latents, coarse to fine."""
        given = iter(latents)
        batch = tf.shape(latents[0])[0]
        h = self.descend(batch, height, width, lambda *_: next(given), label)
        return emit(self.config, self.heads, h, scale)

    def draw(
        self,
        epsilons: Sequence[Any],
        height: Any,
        width: Any,
        scale: int | None = None,
        label: Any = None,
    ) -> Any:
        """Returns the likelihood's parameters for latents drawn from the prior.

        Args:
            epsilons: noise of each level, coarse to fine; scaled by the
                temperature before.
            height: of y, pixels.
            width: of y, pixels.
            scale: as in ``infer``.
            label: as in ``descend``.
        """
        given, bound = iter(epsilons), self.config.latent_bound
        batch = tf.shape(epsilons[0])[0]
        label = untold(batch) if label is None else label

        def latent(level, h, prior):
            z = self.drawn_from(level, h, prior, label).sample(next(given))
            return tf.clip_by_value(z, -bound, bound) if bound else z

        h = self.descend(batch, height, width, latent, label)
        return emit(self.config, self.heads, h, scale)

    def latent_shapes(self, height: int, width: int) -> list[tuple[int, int, int]]:
        """Returns (h, w, c) of every level's latent, coarse to fine."""
        shapes: list[tuple[int, int, int]] = []
        steps = level_steps(self.config)
        for step, channels in zip(steps, self.config.latent_channels, strict=True):
            shapes.insert(0, (height // step, width // step, channels))
        return shapes

    def call(self, y):
        return self.infer(y)[0]


def untold(batch: Any) -> Any:
    """Returns labels that tell nothing, (batch,)."""
    return -tf.ones([batch], tf.int32)
