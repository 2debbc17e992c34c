"""Fits the decoder's scale: a small network from features to log σ, in two steps.

``fit`` learns which places are worse than others, by maximum likelihood: errors e are
N(0, σ² + s²), with s² the spread of the posterior draws there, so that what is added
in quadrature later is calibrated as a sum (heteroscedastic regression, Nix and
Weigend 1994). Such a σ is a root mean square, which a few large errors decide: most
errors are far within it. ``cover`` then sets the scale by quantiles (Koenker and
Bassett 1978): 68 % of the errors shall be within σ and 95 % within 2 σ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from vaenhance.model.decoder_scale import log_sigma, unbounded

Array = NDArray[np.float32]
Layers = list[tuple[Array, Array]]

HIDDEN = 16  # units
STEPS = 2500
BATCH = 2048  # places
RATE = 5e-3
DECAY = 1e-4  # of weights
# Of the second step. Quantiles need many errors, so it learns little from each.
COVER_STEPS, COVER_RATE, COVER_DECAY = 2500, 1e-2, 0.1
# (σ's, part of a Gaussian within them, weight). Where errors are no Gaussian's, both
# cannot be met: too many are then within σ, and three times as many too few within 2 σ.
ASKED = ((1.0, 0.6827, 3.0), (2.0, 0.9545, 1.0))
SMALLEST = 1e-5  # error that counts, [0, 1] units


def fit(
    values: Array, errors: Array, spread: Array, seed: int = 0
) -> tuple[Array, Array, Layers]:
    """Fits on places of images whose originals are known, by maximum likelihood.

    Args:
        values: (N, F) features.
        errors: (N, M) of each pixel and colour of a place, [0, 1] units.
        spread: (N,) mean squared distance of a draw, the units squared.
        seed: of initial weights and batches.

    Returns:
        (mean of the features, their standard deviations, layers), as a
        ``Calibration`` has them.
    """
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-6
    standard = tf.constant((values - mean) / deviation)
    squares = np.square(errors).mean(axis=1)
    targets, spreads = tf.constant(squares), tf.constant(spread)
    start = 0.5 * math.log(max(float(squares.mean()), 1e-8))
    layers = _initial(values.shape[1], start, seed)

    def loss(chosen: Any) -> Any:
        given = [(kernel.value, bias.value) for kernel, bias in layers]
        found = log_sigma(tf.gather(standard, chosen)[None, None], given)
        total = tf.exp(2.0 * found[0, 0, :, 0]) + tf.gather(spreads, chosen)
        ratio = tf.gather(targets, chosen) / total
        return 0.5 * tf.reduce_mean(tf.math.log(total) + ratio)

    variables = [variable for layer in layers for variable in layer]
    _minimise(loss, variables, len(values), STEPS, RATE, DECAY, seed)
    found = [(kernel.numpy(), bias.numpy()) for kernel, bias in layers]
    return mean, deviation, found


def cover(
    fitted: tuple[Array, Array, Layers],
    values: Array,
    errors: Array,
    spread: Array,
    seed: int = 0,
) -> tuple[Array, Array, Layers]:
    """Sets the scale so that errors are within σ as often as a Gaussian's.

    What was fitted stays, and a second hidden layer beside the first learns by how
    much log σ is off, from place to place.

    Args:
        fitted: of ``fit``.
        values: as for ``fit``; of images as they come, not of those that are hardest.
        errors: as for ``fit``.
        spread: as for ``fit``.
        seed: of initial weights and batches.

    Returns:
        As ``fit``.
    """
    mean, deviation, layers = fitted
    standard = tf.constant((values - mean) / deviation)
    before = log_sigma(standard[None, None], layers)[0, 0]
    logs = tf.math.log(tf.maximum(tf.abs(tf.constant(errors)), SMALLEST))
    spreads = tf.constant(spread)[:, None]
    further = _initial(values.shape[1], 0.0, seed)

    def loss(chosen: Any) -> Any:
        given = [(kernel.value, bias.value) for kernel, bias in further]
        more = unbounded(tf.gather(standard, chosen), given)
        total = tf.exp(2.0 * (tf.gather(before, chosen) + more))
        total += tf.gather(spreads, chosen)
        return quantile_loss(tf.gather(logs, chosen), 0.5 * tf.math.log(total))

    variables = [variable for layer in further for variable in layer]
    _minimise(loss, variables, len(values), COVER_STEPS, COVER_RATE, COVER_DECAY, seed)
    more = [(kernel.numpy(), bias.numpy()) for kernel, bias in further]
    return mean, deviation, _side_by_side(layers, more)


def quantile_loss(log_error: Any, log_total: Any) -> Any:
    """Returns what is least where |e| is within σ and 2 σ as often as a Gaussian is.

    In logs, so that small errors count as much as large ones; quantiles are the same.

    Args:
        log_error: (N, M) of |e|.
        log_total: (N, 1) of σ.
    """
    loss = 0.0
    for times, part, weight in ASKED:
        beyond = log_error - log_total - math.log(times)
        missed = tf.maximum(part * beyond, (part - 1.0) * beyond)
        loss += weight * tf.reduce_mean(missed)
    return loss / sum(weight for _, _, weight in ASKED)


def _side_by_side(one: Layers, other: Layers) -> Layers:
    """Returns the layers of a network that gives the sum of two."""
    (first, bias), (last, end) = one
    (more, more_bias), (more_last, more_end) = other
    return [
        (np.concatenate([first, more], axis=1), np.concatenate([bias, more_bias])),
        (np.concatenate([last, more_last]), end + more_end),
    ]


def _minimise(
    loss: Callable[[Any], Any],
    variables: Sequence[Any],
    count: int,
    steps: int,
    rate: float,
    decay: float,
    seed: int,
) -> None:
    """Takes steps of AdamW on batches of so many places, with a cosine."""
    optimizer = keras.optimizers.AdamW(rate, weight_decay=decay)
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step(chosen: Any) -> None:
        with tf.GradientTape() as tape:
            value = loss(chosen)
        gradients = tape.gradient(value, [variable.value for variable in variables])
        optimizer.apply(gradients, variables)

    rng = np.random.default_rng(seed)
    for number in range(steps):
        cosine = 0.5 * (1.0 + math.cos(math.pi * number / steps))
        optimizer.learning_rate.assign(rate * cosine)
        step(tf.constant(rng.integers(0, count, BATCH)))


def _initial(inputs: int, start: float, seed: int) -> list[tuple[Any, Any]]:
    """Returns variables that start with one number for all places."""
    glorot = keras.initializers.GlorotUniform(seed)
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
