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
from vaenhance.model.agreement import agreement_penalty
from vaenhance.model.frequency import sharpness_penalty
from vaenhance.model.gaussian import soft_bound


@dataclass(frozen=True)
class Terms:
    """The parts of the objective of one batch; tensors in nats per image, (B,)."""

    # Scalar: −elbo per dimension of x, with β, free bits and further terms applied.
    loss: Any
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


def logistic_log_likelihood(x: Any, parameters: Any) -> Any:
    """Returns log P(x|z) of 8-bit values under a discretised logistic, (B,).

    A value k/255 has the mass of its own bin, σ(a) − σ(b) with a and b the bin's ends
    in units of the scale; the outer bins reach to infinity, so that the 256 masses
    sum to 1 (Salimans et al. 2017). Computed as σ(a)·σ(−b)·(1 − e^(b−a)), which is the
    same and keeps its precision where both are near 0 or 1.

    Args:
        x: clean images (B, H, W, C), multiples of 1/255.
        parameters: (B, H, W, 2C): means, and log-scales as the head gives them.
    """
    mean, log_scale = split_logistic(parameters)
    inverse = tf.exp(-log_scale)
    upper = (x + 0.5 / 255.0 - mean) * inverse
    lower = (x - 0.5 / 255.0 - mean) * inverse
    below = tf.where(x > 254.5 / 255.0, 0.0, tf.math.log_sigmoid(upper))
    above = tf.where(x < 0.5 / 255.0, 0.0, tf.math.log_sigmoid(-lower))
    is_inner = (x > 0.5 / 255.0) & (x < 254.5 / 255.0)
    width = tf.math.log(-tf.math.expm1(-inverse / 255.0))
    mass = below + above + tf.where(is_inner, width, 0.0)
    return tf.reduce_sum(mass, axis=[1, 2, 3])


def split_logistic(parameters: Any) -> tuple[Any, Any]:
    """Splits (…, 2C) into means and log-scales (…, C), both in [0, 1] units.

    Scales are softly bounded: from an eighth of a level to half of the range.
    """
    mean, raw = tf.split(parameters, 2, axis=-1)
    return mean, soft_bound(raw, 3.5) - 4.2


def log_likelihood(likelihood: str, x: Any, parameters: Any, sigma_floor: float) -> Any:
    """Returns log p(x|z) in nats per image, (B,), of a likelihood by its name."""
    if likelihood == "bernoulli":
        return bernoulli_log_likelihood(x, parameters)
    if likelihood == "logistic":
        return logistic_log_likelihood(x, parameters)
    return gaussian_log_likelihood(x, parameters, sigma_floor)


def image(likelihood: str, parameters: Any) -> Any:
    """Returns E[x|z] in [0, 1] units from the likelihood's parameters."""
    if likelihood == "logistic":
        return split_logistic(parameters)[0]
    return tf.sigmoid(parameters) if likelihood == "bernoulli" else parameters


def evidence(
    likelihood: str,
    config: ObjectiveConfig,
    x: Any,
    parameters: Any,
    kl: Sequence[Any],
    beta: Any,
    y: Any = None,
    target: Any = None,
) -> Terms:
    """Returns the loss and the terms of the ELBO of one batch.

    Args:
        likelihood: ``gaussian``, ``bernoulli`` or ``logistic``.
        config: free bits, balance and the σ floor.
        x: clean images (B, H, W, C).
        parameters: what the decoder gave, same shape; twice the channels for
            ``logistic``.
        kl: nats per image (B,) of each level.
        beta: weight of the KL now, scalar.
        y: what x̂ was inferred from; for ``agreement`` only.
        target: to be decoded instead of x (``teacher``).
    """
    aim = x if target is None else target
    fit = log_likelihood(likelihood, aim, parameters, config.sigma_floor)
    # Free bits a level and image: mean(max(kl, λ)), so no level is pushed to zero
    # while it says less than λ nats (Kingma et al. 2016).
    # Without them nothing is cut off: an estimate of a KL may be below 0.
    charged = list(kl)
    if config.free_bits:
        charged = [tf.maximum(level, config.free_bits) for level in kl]
    if config.balance:
        weights = _balance(kl, beta / max(config.beta, 1e-9))
        charged = [w * level for w, level in zip(weights, charged, strict=True)]
    elbo = fit - beta * tf.add_n(charged)
    loss, mean = -tf.reduce_mean(elbo) / _dimensions(x), image(likelihood, parameters)
    if config.focal_frequency:
        penalty = sharpness_penalty(x, mean, config.sigma_floor)
        loss += config.focal_frequency * tf.reduce_mean(penalty)
    if config.agreement and y is not None:
        loss += config.agreement * tf.reduce_mean(agreement_penalty(x, y, mean))
    return Terms(
        loss=loss,
        log_likelihood=fit,
        kl=list(kl),
        squared_error=_mean_squared_error(x, mean),
    )


def _balance(kl: Sequence[Any], risen: Any) -> list[Any]:
    """Returns the weight of each level's KL, (B,); their mean over the levels is 1.

    From a level's share of an image's KL at β = 0 to 1 for all at the full β: a level
    that says much pays more, so that the others learn to speak (after NVAE, Vahdat &
    Kautz 2020, who take the shares of a batch; of an image they do not depend on how
    many devices there are).

    Args:
        kl: nats per image (B,) of each level; not changed by the gradient.
        risen: β now as a part of the full one, 0..1.
    """
    said = [tf.maximum(tf.stop_gradient(level), 1e-6) for level in kl]
    mean = tf.add_n(said) / float(len(said))
    return [risen + (1.0 - risen) * level / mean for level in said]


def _dimensions(x: Any) -> Any:
    return tf.cast(tf.reduce_prod(tf.shape(x)[1:]), tf.float32)


def _mean_squared_error(x: Any, mean: Any) -> Any:
    return tf.reduce_mean(tf.square(x - mean), axis=[1, 2, 3])
