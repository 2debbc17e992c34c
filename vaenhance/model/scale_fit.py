"""Fits the decoder's scale: a small network from features to log σ.

Maximum likelihood: errors e at a place are N(0, σ² + s²), with s² the spread of the
posterior draws there, so that what is added in quadrature later is calibrated as a
sum (heteroscedastic regression, Nix and Weigend 1994).
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from vaenhance.model.decoder_scale import log_sigma

Array = NDArray[np.float32]

HIDDEN = 16  # units
STEPS = 2500
BATCH = 2048  # places
RATE = 5e-3
DECAY = 1e-4  # of weights


def fit(
    values: Array, squared_error: Array, spread: Array, seed: int = 0
) -> tuple[Array, Array, list[tuple[Array, Array]]]:
    """Fits on places of images whose originals are known.

    Args:
        values: (N, F) features.
        squared_error: (N,) mean over the place's pixels and colours, [0, 1] units.
        spread: (N,) mean squared distance of a draw, the same units.
        seed: of initial weights and batches.

    Returns:
        (mean of the features, their standard deviations, layers), as a
        ``Calibration`` has them.
    """
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-6
    standard = tf.constant((values - mean) / deviation)
    errors, spreads = tf.constant(squared_error), tf.constant(spread)
    layers = _initial(values.shape[1], float(squared_error.mean()), seed)
    variables = [variable for layer in layers for variable in layer]
    optimizer = keras.optimizers.AdamW(RATE, weight_decay=DECAY)
    optimizer.build(variables)

    @tf.function
    def step(chosen: Any) -> None:
        with tf.GradientTape() as tape:
            given = [(kernel.value, bias.value) for kernel, bias in layers]
            found = log_sigma(tf.gather(standard, chosen)[None, None], given)
            total = tf.exp(2.0 * found[0, 0, :, 0]) + tf.gather(spreads, chosen)
            ratio = tf.gather(errors, chosen) / total
            loss = 0.5 * tf.reduce_mean(tf.math.log(total) + ratio)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)

    rng = np.random.default_rng(seed)
    for number in range(STEPS):
        cosine = 0.5 * (1.0 + math.cos(math.pi * number / STEPS))
        optimizer.learning_rate.assign(RATE * cosine)
        step(tf.constant(rng.integers(0, len(values), BATCH)))
    found = [(kernel.numpy(), bias.numpy()) for kernel, bias in layers]
    return mean, deviation, found


def _initial(inputs: int, mean_square: float, seed: int) -> list[tuple[Any, Any]]:
    """Returns variables that start with one σ for all places."""
    glorot = keras.initializers.GlorotUniform(seed)
    start = 0.5 * math.log(max(mean_square, 1e-8))
    values = [
        (glorot((inputs, HIDDEN)), np.zeros(HIDDEN)),
        (np.zeros((HIDDEN, 1)), np.array([start])),
    ]
    return [
        (
            keras.Variable(kernel, dtype="float32"),
            keras.Variable(bias, dtype="float32"),
        )
        for kernel, bias in values
    ]
