"""An image's noise: what its prior would have to draw to give the image's latents.

The first of the three steps of a counterfactual (Pearl: abduction, action,
prediction); the other two, another class and a draw, are ``Ladder.draw``.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from vaenhance.model.heads import emit
from vaenhance.model.ladder import Ladder
from vaenhance.model.objective import log_likelihood


def abduct(
    network: Ladder, y: Any, noise_sigma: Any, label: Any, sigma_floor: float
) -> tuple[list[Any], Any]:
    """Returns the noise of the posterior means, and how likely y is under its class.

    Args:
        network: takes labels.
        y: images (B, H, W, C).
        noise_sigma: as for ``Ladder.infer``.
        label: (B,) class of each image.
        sigma_floor: of a Gaussian likelihood, [0, 1] units.

    Returns:
        (noise of each level, coarse to fine, which ``Ladder.draw`` turns into the
        posterior means; the ELBO's terms at the posterior means, nats per image (B,):
        not a bound, but what tells classes apart).
    """
    found = network.features(y, noise_sigma)
    noise: list[Any] = []
    kls: list[Any] = []

    def latent(level, h, prior):
        q = network.posterior(level, h, found[level], prior).gaussian
        drawn_from = network.drawn_from(level, h, prior, label)
        noise.append(drawn_from.noise_of(q.mean))
        kls.append(drawn_from.divergence(q, q.mean))
        return q.mean

    size = tf.shape(y)
    h = network.descend(size[0], size[1], size[2], latent, label)
    parameters = emit(network.config, network.heads, h)
    fit = log_likelihood(network.config.likelihood, y, parameters, sigma_floor)
    return noise, fit - tf.add_n(kls)
