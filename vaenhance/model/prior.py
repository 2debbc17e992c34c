"""A prior fitted afterwards: nearer to where a trained encoder puts its latents.

It starts as the model's own prior and is trained alone, on frozen latents, to lower
KL(q ‖ p); nothing that ``enhance`` computes depends on it. Level by level a network
of the decoder's features corrects mean and scale, and coupling steps (Dinh et al.
2017, RealNVP) bend the Gaussian. Steps map noise to noise, so that a draw is still a
function of standard normal noise, and can be turned back into it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from vaenhance.config import ModelConfig, start_side
from vaenhance.model.blocks import convolution
from vaenhance.model.conditioning import Context
from vaenhance.model.gaussian import (
    DiagonalGaussian,
    ResidualPosterior,
    kl_divergence,
    soft_bound,
    split_gaussian,
)

# Log-scale of one coupling step is softly bounded to +-this.
STEP_BOUND = 2.0


@keras.saving.register_keras_serializable("vaenhance")
class Coupling(keras.layers.Layer):
    """Half of the channels moves and scales the other half; the identity at first.

    Args:
        channels: of the noise, 2 or more.
        width: channels of the hidden layers.
        swap: whether the second half decides about the first.
    """

    def __init__(self, channels: int, width: int, swap: bool = False, **kwargs: Any):
        super().__init__(**{**kwargs, "autocast": False})  # noise stays float32
        self.channels = channels
        self.width = width
        self.swap = swap
        self.parts = [channels // 2, channels - channels // 2]
        policy = self.dtype_policy
        moved = self.parts[0 if swap else 1]
        self.first = convolution(width, 3, "first", policy, activation="relu")
        self.second = convolution(width, 1, "second", policy, activation="relu")
        self.last = convolution(
            2 * moved, 3, "last", policy, kernel_initializer="zeros"
        )

    def build(self, input_shape):
        """Creates the weights; the input is the context, (B, h, w, C)."""
        kept = self.parts[1 if self.swap else 0]
        self.first.build((None, None, None, kept + input_shape[-1]))
        self.second.build((None, None, None, self.width))
        self.last.build((None, None, None, self.width))

    def call(self, noise, context, inverse=False):
        """Maps noise to noise, or back.

        Returns:
            (noise, log of the forward map's Jacobian determinant, (B,)).
        """
        kept, moved = self._split(noise)
        h = tf.concat([tf.cast(kept, context.dtype), context], axis=-1)
        parameters = tf.cast(self.last(self.second(self.first(h))), tf.float32)
        shift, log_scale = tf.split(parameters, 2, axis=-1)
        log_scale = soft_bound(log_scale, STEP_BOUND)
        if inverse:
            moved = (moved - shift) * tf.exp(-log_scale)
        else:
            moved = moved * tf.exp(log_scale) + shift
        both = [moved, kept] if self.swap else [kept, moved]
        return tf.concat(both, axis=-1), tf.reduce_sum(log_scale, axis=[1, 2, 3])

    def _split(self, noise):
        first, second = tf.split(noise, self.parts, axis=-1)
        return (second, first) if self.swap else (first, second)

    def get_config(self):
        """Returns the arguments."""
        own = {"channels": self.channels, "width": self.width, "swap": self.swap}
        return {**super().get_config(), **own}


@dataclass(frozen=True)
class BentGaussian:
    """z = mean + scale · F(ε), ε standard normal, F the coupling steps.

    Without steps it is ``gaussian``.
    """

    gaussian: DiagonalGaussian
    steps: Sequence[Any] = ()
    context: Any = None

    def sample(self, epsilon: Any) -> Any:
        """Returns z of standard normal noise."""
        for step in self.steps:
            epsilon, _ = step(epsilon, self.context)
        return self.gaussian.sample(epsilon)

    def noise_of(self, z: Any) -> Any:
        """Returns the noise that ``sample`` would have made z of."""
        return self._back(z)[0]

    def divergence(self, posterior: DiagonalGaussian, z: Any) -> Any:
        """Returns KL(posterior ‖ this) in nats per image, (B,).

        Exact without steps; with them log q(z) − log p(z) of one z, whose mean over
        draws of z from the posterior is the KL.
        """
        if not self.steps:
            return kl_divergence(posterior, self.gaussian)
        return -self.log_ratio(posterior, z)

    def log_ratio(self, posterior: DiagonalGaussian, z: Any) -> Any:
        """Returns log p(z) − log q(z) in nats per image, (B,), of one z."""
        noise, log_jacobian = self._back(z)
        own = posterior.noise_of(z)
        log_q = _log_normal(own) - _total(posterior.log_scale)
        log_p = _log_normal(noise) - _total(self.gaussian.log_scale) - log_jacobian
        return log_p - log_q

    def _back(self, z: Any) -> tuple[Any, Any]:
        noise = self.gaussian.noise_of(z)
        total = tf.zeros(tf.shape(noise)[:1])
        for step in reversed(self.steps):
            noise, log_jacobian = step(noise, self.context, inverse=True)
            total += log_jacobian
        return noise, total


@dataclass(frozen=True)
class BentPosterior(ResidualPosterior):
    """A posterior beside a fitted prior: relative to the model's own, weighed by this.

    Attributes:
        drawn_from: the fitted prior.
    """

    drawn_from: BentGaussian

    @property
    def noise(self) -> Any:
        """Returns the noise that the fitted prior would make the mean of."""
        return self.drawn_from.noise_of(self.gaussian.mean)

    def log_ratio(self, epsilon: Any) -> Any:
        """Returns log p(z) − log q(z), (B,), p the fitted prior; see the base."""
        gaussian = self.gaussian
        return self.drawn_from.log_ratio(gaussian, gaussian.sample(epsilon))


@keras.saving.register_keras_serializable("vaenhance")
class FittedPrior(keras.layers.Layer):
    """The prior of one level, as a correction of the model's own.

    Args:
        channels: of the latent.
        width: channels of its network.
        blocks: residual blocks.
        steps: coupling steps; none for a latent of one channel, which has no halves.
        classes: how many; 0 for none.
        side: as of ``ClassCondition``.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        blocks: int,
        steps: int,
        classes: int = 0,
        side: int = 1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._own = {
            "channels": channels,
            "width": width,
            "blocks": blocks,
            "steps": steps,
            "classes": classes,
            "side": side,
        }
        policy = self.dtype_policy
        self.project = convolution(width, 1, "project", policy)
        self.context = Context(
            width, blocks, classes, side, name="context", dtype=policy
        )
        self.head = convolution(
            2 * channels, 1, "prior", policy, kernel_initializer="zeros"
        )
        self.steps = [
            Coupling(channels, width, bool(i % 2), name=f"step{i}", dtype=policy)
            for i in range(steps if channels > 1 else 0)
        ]

    def build(self, input_shape):
        """Creates the weights."""
        self.project.build(input_shape)
        size = (None, None, None, self.project.filters)
        for layer in (self.context, self.head, *self.steps):
            layer.build(size)

    def call(self, h, label, prior):
        """Returns the ``BentGaussian`` of a level.

        Args:
            h: the decoder's features (B, h, w, C).
            label: (B,) classes, below 0 where not told.
            prior: the model's own; what is learnt is relative to it.
        """
        context = self.context(tf.nn.relu(self.project(h)), label)
        mean, log_scale = split_gaussian(self.head(tf.nn.relu(context)))
        gaussian = DiagonalGaussian(
            prior.mean + tf.exp(prior.log_scale) * mean, prior.log_scale + log_scale
        )
        return BentGaussian(gaussian, self.steps, context)

    def get_config(self):
        """Returns the arguments."""
        return {**super().get_config(), **self._own}


def fitted_priors(config: ModelConfig, policy: str) -> list[FittedPrior]:
    """Returns the fitted prior of every level, fine to coarse; none without one."""
    levels = range(len(config.widths) if config.prior_width else 0)
    return [
        FittedPrior(
            config.latent_channels[i],
            config.prior_width,
            config.prior_blocks,
            config.prior_steps,
            len(config.classes),
            start_side(config) if i == levels[-1] else 1,
            name=f"fitted{i}",
            dtype=policy,
        )
        for i in levels
    ]


def _log_normal(noise: Any) -> Any:
    return _total(-0.5 * tf.square(noise) - 0.5 * math.log(2.0 * math.pi))


def _total(value: Any) -> Any:
    return tf.reduce_sum(value, axis=[1, 2, 3])
