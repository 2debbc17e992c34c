"""The last convolutions of the ladder: features in, an image of one scale out.

One head a scale, on one trunk. Plain functions on layers that the network owns, so
that the weights keep the names that they have had since there was one head only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from vaenhance.config import ModelConfig
from vaenhance.model.blocks import convolution


def head_name(scale: int) -> str:
    """Returns the name of the last convolution of a scale."""
    return "head" if scale == 1 else f"head{scale}"


def outputs(config: ModelConfig) -> int:
    """Returns how many numbers the likelihood needs for a pixel."""
    return config.channels * (2 if config.likelihood == "logistic" else 1)


def as_parameters(config: ModelConfig, out: Any) -> Any:
    """Turns a network's last numbers into the likelihood's parameters.

    Args:
        config: of the network.
        out: float32 (B, H, W, outputs), near 0 at first.

    Returns:
        Logits (Bernoulli); the mean in [0, 1] units (Gaussian), mid-gray for 0; that
        and a log-scale as ``objective.split_logistic`` reads it (logistic).
    """
    if config.likelihood == "bernoulli":
        return out
    if config.likelihood == "logistic":
        mean, scale = tf.split(out, 2, axis=-1)
        return tf.concat([0.5 + 0.5 * mean, scale], axis=-1)
    return 0.5 + 0.5 * out


def make_heads(config: ModelConfig) -> list[Any]:
    """Returns a convolution for each of ``scales``, in their order."""
    # They start near zero: x is mid-gray.
    small = keras.initializers.VarianceScaling(0.01)
    return [
        convolution(
            outputs(config) * (config.unshuffle * scale) ** 2,
            3,
            head_name(scale),
            "float32",
            kernel_initializer=small,
        )
        for scale in config.scales
    ]


def emit(
    config: ModelConfig, heads: Sequence[Any], h: Any, scale: int | None = None
) -> Any:
    """Turns features into an image.

    Args:
        config: of the network.
        heads: what ``make_heads`` gave.
        h: features at the finest level, (B, h, w, width).
        scale: one of ``config.scales``; None takes the first.

    Returns:
        The likelihood's parameters, float32 (B, H, W, outputs) with H = unshuffle ·
        scale · h; see ``as_parameters``.
    """
    scale = config.scales[0] if scale is None else scale
    out = tf.cast(heads[config.scales.index(scale)](h), tf.float32)
    if config.unshuffle * scale > 1:
        out = tf.nn.depth_to_space(out, config.unshuffle * scale)
    return as_parameters(config, out)
