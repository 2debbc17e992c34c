"""Diagonal Gaussians: prior, residual posterior, sampling, KL; errors at their scale.

Tensors only; no layers and no randomness of its own: the standard normal noise
epsilon comes in from outside, so that every draw has a seed and epsilon = 0 is
the mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

# Log-scales are softly bounded to +-LOG_SCALE_BOUND: exp() of anything larger is
# how hierarchical VAEs diverge (NVAE's soft_clamp5, Vahdat & Kautz 2020).
LOG_SCALE_BOUND = 5.0


@dataclass(frozen=True)
class DiagonalGaussian:
    """N(mean, exp(log_scale)²), element by element; tensors (B, H, W, C)."""

    mean: Any
    log_scale: Any

    def sample(self, epsilon: Any) -> Any:
        """Returns mean + scale · epsilon (the reparameterisation trick)."""
        return self.mean + tf.exp(self.log_scale) * epsilon

    def noise_of(self, z: Any) -> Any:
        """Returns the noise that ``sample`` would have made z of."""
        return (z - self.mean) * tf.exp(-self.log_scale)


@dataclass(frozen=True)
class ResidualPosterior:
    """q = N(μ_p + σ_p·Δμ, (σ_p·Δσ)²): the posterior relative to its prior.

    Reference: Vahdat & Kautz 2020, NVAE, section 3.2.
    """

    prior: DiagonalGaussian
    delta_mean: Any  # Δμ
    delta_log_scale: Any  # log Δσ

    @property
    def gaussian(self) -> DiagonalGaussian:
        """Returns the posterior in absolute terms."""
        scale = tf.exp(self.prior.log_scale)
        return DiagonalGaussian(
            self.prior.mean + scale * self.delta_mean,
            self.prior.log_scale + self.delta_log_scale,
        )

    @property
    def noise(self) -> Any:
        """Returns the noise that the prior would make the posterior's mean of."""
        return self.delta_mean

    def kl_divergence(self) -> Any:
        """Returns KL(q ‖ p) in nats per image, shape (B,).

        ½(Δμ² + Δσ² − 1) − log Δσ summed over the elements: the prior's own mean
        and scale cancel (docs/math.md).
        """
        kl = self.nats()
        return tf.reduce_sum(kl, axis=list(range(1, len(kl.shape))))

    def nats(self) -> Any:
        """Returns what each element adds to the KL, (B, H, W, C)."""
        variance = tf.exp(2.0 * self.delta_log_scale)
        return (
            0.5 * (tf.square(self.delta_mean) + variance - 1.0) - self.delta_log_scale
        )

    def log_ratio(self, epsilon: Any) -> Any:
        """Returns log p(z) − log q(z) in nats per image, (B,), at one drawn z.

        z = μ_p + σ_p(Δμ + Δσ·ε), so both densities are standard normals of known
        numbers and the prior's own mean and scale cancel: ½ε² − ½(Δμ + Δσ·ε)² + log Δσ.
        Its expectation over ε is −KL(q ‖ p); importance weights need it at the draw.

        Args:
            epsilon: the standard normal noise that z was drawn with.
        """
        away = self.delta_mean + tf.exp(self.delta_log_scale) * epsilon
        ratio = 0.5 * (tf.square(epsilon) - tf.square(away)) + self.delta_log_scale
        return tf.reduce_sum(ratio, axis=list(range(1, len(ratio.shape))))


def calibrated_penalty(squared: Any, floor: float) -> Any:
    """Returns ½·log(2π·(d + floor²)): −log p of an error at its own scale, but for ½.

    Args:
        squared: d, mean squared errors (B,).
        floor: smallest scale, in the errors' units.
    """
    return 0.5 * tf.math.log(2.0 * math.pi * (squared + floor**2))


def kl_divergence(posterior: DiagonalGaussian, prior: DiagonalGaussian) -> Any:
    """Returns KL(posterior ‖ prior) in nats per image, shape (B,)."""
    log_ratio = posterior.log_scale - prior.log_scale
    distance = (posterior.mean - prior.mean) * tf.exp(-prior.log_scale)
    return ResidualPosterior(prior, distance, log_ratio).kl_divergence()


def soft_bound(value: Any, bound: float = LOG_SCALE_BOUND) -> Any:
    """Returns value bounded smoothly to (-bound, bound), the identity near 0."""
    return bound * tf.tanh(value / bound)


def split_gaussian(parameters: Any) -> tuple[Any, Any]:
    """Splits (..., 2C) into a mean (..., C) and a bounded log-scale (..., C).

    Both in float32: a KL in bfloat16 would lose what it measures.
    """
    mean, log_scale = tf.split(tf.cast(parameters, tf.float32), 2, axis=-1)
    return mean, soft_bound(log_scale)
