"""What a network says beside its image: the posteriors on the way, and their weights.

Functions of tensors, for ``inference`` to compile.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from vaenhance.model.decoder_scale import features
from vaenhance.model.objective import image, log_likelihood


def describe(
    network: Any, y: Any, noise_sigma: Any, label: Any
) -> tuple[Any, Any, Any]:
    """Returns posterior means, scales, and the means' noise, coarse to fine."""
    scales: list[Any] = []
    noises: list[Any] = []

    def note(q: Any) -> None:
        scales.append(tf.exp(q.gaussian.log_scale))
        noises.append(q.noise)

    return network.infer(y, noise_sigma, observe=note, label=label)[2], scales, noises


def bound(
    network: Any, likelihood: str, x: Any, noise_sigma: Any, epsilons: Any, floor: Any
) -> tuple[Any, Any, Any]:
    """Weighs one draw of z for each image; y = x, nothing is damaged.

    Args:
        network: is run.
        likelihood: its own.
        x: clean images (B, H, W, C).
        noise_sigma: (B,), negative where unknown.
        epsilons: standard normal noise of each level, coarse to fine.
        floor: of a Gaussian likelihood's σ.

    Returns:
        In nats per image: log p(x|z), (B,); KL(q ‖ p) of each level, (B, L);
        log p(z) − log q(z) at the drawn z, (B,).
    """
    ratios: list[Any] = []
    noise = iter(epsilons)

    def note(q: Any) -> None:
        epsilon = tf.reshape(next(noise), tf.shape(q.delta_mean))
        ratios.append(q.log_ratio(epsilon))

    parameters, kls, _ = network.infer(x, noise_sigma, epsilons, observe=note)
    fit = log_likelihood(likelihood, x, parameters, floor)
    return fit, tf.stack(kls, axis=1), tf.add_n(ratios)


def assess(network: Any, likelihood: str, y: Any, noise_sigma: Any, scale: int) -> Any:
    """Returns E[x|z] at the posterior mean, and the features of its error."""
    posteriors: list[Any] = []
    parameters = network.infer(y, noise_sigma, observe=posteriors.append, scale=scale)[
        0
    ]
    x_hat = image(likelihood, parameters)
    return x_hat, features(y, x_hat, posteriors, network.config.scales, scale)
