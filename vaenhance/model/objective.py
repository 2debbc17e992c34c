"""The ELBO: likelihoods, the weighted KL, and the terms worth logging.

E_q[log p(x|z)] − β·KL(q(z|y) ‖ p(z)), in nats per image, larger is better;
derived in docs/math.md. No network and no optimiser here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from vaenhance.config import ObjectiveConfig


@dataclass(frozen=True)
class Terms:
    """The parts of the objective of one batch; tensors in nats per image, (B,)."""

    loss: Any  # scalar: −elbo per dimension of x, with β and free bits applied
    log_likelihood: Any  # (B,)
    kl: list[Any]  # (B,) of each level, coarse to fine, unweighted
    squared_error: Any  # (B,) mean over the dimensions


def gaussian_log_likelihood(x: Any, mean: Any, sigma_floor: float) -> Any:
    """Returns log p(x|z) under a Gaussian with the calibrated σ² = MSE, (B,).

    With σ² at its optimum, the mean squared error of the image, the density is
    −D/2·(log(2π·MSE) + 1) (σ-VAE, Rybkin et al. 2021): up to constants the PSNR.

    Args:
        x: clean images, [0, 1].
        mean: decoded means, same shape.
        sigma_floor: added in quadrature; an image that is matched better than
            this is good enough, and log 0 stays away.
    """
    dimensions = _dimensions(x)
    variance = _mean_squared_error(x, mean) + sigma_floor**2
    return -0.5 * dimensions * (tf.math.log(2.0 * math.pi * variance) + 1.0)


def bernoulli_log_likelihood(x: Any, logits: Any) -> Any:
    """Returns Σ x·log p + (1−x)·log(1−p), (B,); gray x in [0, 1] is allowed."""
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
    return -tf.reduce_sum(entropy, axis=[1, 2, 3])


def image(likelihood: str, parameters: Any) -> Any:
    """Returns E[x|z] in [0, 1] units from the likelihood's parameters."""
    return tf.sigmoid(parameters) if likelihood == "bernoulli" else parameters


def evidence(
    likelihood: str,
    config: ObjectiveConfig,
    x: Any,
    parameters: Any,
    kl: Sequence[Any],
    beta: Any,
) -> Terms:
    """Returns the loss and the terms of the ELBO of one batch.

    Args:
        likelihood: ``gaussian`` or ``bernoulli``.
        config: free bits and the σ floor.
        x: clean images (B, H, W, C).
        parameters: what the decoder gave, same shape.
        kl: nats per image (B,) of each level.
        beta: weight of the KL now, scalar.
    """
    if likelihood == "bernoulli":
        fit = bernoulli_log_likelihood(x, parameters)
    else:
        fit = gaussian_log_likelihood(x, parameters, config.sigma_floor)
    # Free bits a level and image: mean(max(kl, λ)), so no level is pushed to zero
    # while it says less than λ nats (Kingma et al. 2016).
    charged = [tf.maximum(level, config.free_bits) for level in kl]
    elbo = fit - beta * tf.add_n(charged)
    return Terms(
        loss=-tf.reduce_mean(elbo) / _dimensions(x),
        log_likelihood=fit,
        kl=list(kl),
        squared_error=_mean_squared_error(x, image(likelihood, parameters)),
    )


def _dimensions(x: Any) -> Any:
    return tf.cast(tf.reduce_prod(tf.shape(x)[1:]), tf.float32)


def _mean_squared_error(x: Any, mean: Any) -> Any:
    return tf.reduce_mean(tf.square(x - mean), axis=[1, 2, 3])
