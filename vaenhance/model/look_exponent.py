"""A second latent of ``look``: the exponent that a photograph's gamma was changed by.

k is one of a few steps of log2 of the exponent; 0 is in their middle. p(k) has a third
of its mass there: that is how often it is in training. q(k|y) is p(k) times what the
network finds for each k in small patches of y and in ``look``'s summary, normalised.

The exponent that was drawn for a training pair is known, so its term of the ELBO is
log q(k|y) (Kingma et al. 2014, the labelled part). The gradient ends here: nothing else
of ``look`` learns from it.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from vaenhance.model.step_noise import own_part
from vaenhance.patches import NUMBERS

LARGEST = 1.0  # log2 of the exponent, either way
NOTHING = 1 / 3  # p(k = 0)
WIDTH = 64  # hidden units of a patch
SUMMARY = 48  # units that are left of what the summary says
HIDDEN = 128
DROPPED = 0.3  # part of what the patches say that is dropped in training
SUMMARY_DROPPED = 0.5  # of the summary: it knows the training photographs too well
# Of a value, either way: gaps and double values of the histogram are not to be seen.
GRAIN = 0.5 / 255
# Added to what patches say of themselves, so that no logarithm or root is of 0.
LEAST = 1e-5


def exponents(count: int) -> NDArray[np.float32]:
    """Returns log2 of the exponent of each k, (count,); ``count`` is odd."""
    return np.linspace(-LARGEST, LARGEST, count, dtype=np.float32)


def log_prior(count: int) -> NDArray[np.float32]:
    """Returns log p(k), (count,)."""
    chances = np.full(count, (1.0 - NOTHING) / (count - 1), np.float32)
    chances[count // 2] = NOTHING
    return np.log(chances)


def log_q(drawn: Any, evidence: Any) -> Any:
    """Returns log q(k|y) of the exponents that were drawn, (B,).

    Args:
        drawn: log2 of the exponents, (B,); what lies between two steps is shared, and
            what lies beyond the last one is the last.
        evidence: of ``Exponent``, (B, K).
    """
    count = evidence.shape[-1]
    log_all = tf.nn.log_softmax(evidence + log_prior(count))
    place = (drawn / LARGEST + 1.0) * ((count - 1) / 2)
    place = tf.clip_by_value(place, 0.0, count - 1.0)
    shares = tf.nn.relu(
        1.0 - tf.abs(place[:, None] - tf.range(count, dtype=tf.float32))
    )
    return tf.reduce_sum(shares * log_all, axis=-1)


@keras.saving.register_keras_serializable("vaenhance")
class Exponent(keras.layers.Layer):
    """What speaks for each exponent: log p(y|k), up to a constant.

    Patches one by one through two dense layers; of what they say, the mean of what a
    gate lets through, and the deviation; with the summary through two more.

    Args:
        count: of exponents.
    """

    def __init__(self, count: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.count = count

        def dense(units: int, name: str, activation: str | None = "gelu") -> Any:
            return keras.layers.Dense(
                units, activation=activation, name=name, dtype="float32"
            )

        self.first, self.second = dense(WIDTH, "first"), dense(WIDTH, "second")
        self.gate = dense(WIDTH, "gate", "sigmoid")
        self.told = dense(SUMMARY, "told")
        self.joined = dense(HIDDEN, "joined")
        self.head = dense(self.count, "head", None)

    def build(self, input_shape):
        """Creates the weights; ``input_shape`` is that of the summary."""
        each = 2 * NUMBERS + 1
        self.first.build((None, each))
        self.second.build((None, WIDTH))
        self.gate.build((None, each))
        self.told.build(input_shape)
        self.joined.build((None, 2 * WIDTH + SUMMARY))
        self.head.build((None, HIDDEN))

    def call(self, summary, patches, seed=None):
        """Returns the evidence (B, K).

        Args:
            summary: of ``Look.describe``, (B, width).
            patches: (B, h, w, 27), 0..1.
            seed: (2,) integers, in training: what is dropped, and the grain; see
                ``step_noise.step_seed``.
        """
        batch, places = tf.shape(patches)[0], patches.shape[1] * patches.shape[2]
        flat = tf.reshape(patches, [batch, places, NUMBERS // 3, 3])
        flat += _uniform(flat, seed, 0, -GRAIN, GRAIN)
        away = flat - tf.reduce_mean(flat, 2, keepdims=True)
        size = tf.sqrt(tf.reduce_mean(away**2, [2, 3], keepdims=True) + LEAST)
        seen = tf.concat(
            [
                tf.reshape(2.0 * flat - 1.0, [batch, places, NUMBERS]),
                tf.reshape(0.7 * away / size, [batch, places, NUMBERS]),
                tf.math.log(size[:, :, 0]) + 3.0,
            ],
            axis=-1,
        )
        said = self.second(self.first(seen))
        mean = tf.reduce_mean(self.gate(seen) * said, 1)
        spread = tf.math.reduce_variance(said, 1)
        pooled = tf.concat([2.0 * mean, tf.sqrt(spread + 1e-4)], axis=-1)
        summary = _dropped(tf.stop_gradient(summary), SUMMARY_DROPPED, seed, 1)
        told = self.told(summary)
        h = _dropped(tf.concat([pooled, told], axis=-1), DROPPED, seed, 2)
        return self.head(_dropped(self.joined(h), DROPPED, seed, 3))

    def get_config(self):
        """Returns what ``__init__`` takes."""
        return {**super().get_config(), "count": self.count}


def _dropped(values: Any, part: float, seed: Any, place: int) -> Any:
    if seed is None:
        return values
    is_kept = _uniform(values, seed, place, 0.0, 1.0) >= part
    return tf.where(is_kept, values / (1.0 - part), 0.0)


def _uniform(values: Any, seed: Any, place: int, low: float, high: float) -> Any:
    """Draws a number for each of the values; without a seed always the same ones."""
    shape = tf.shape(values)
    if seed is None:
        return tf.random.stateless_uniform(shape, tf.constant([0, 0]), low, high)
    key = seed + tf.constant([0, place], seed.dtype)

    def draw(count: Any) -> Any:
        each = tf.concat([[count], shape[1:]], axis=0)
        return tf.random.stateless_uniform(each, key, low, high)

    return own_part(shape[0], draw)


# === The decision ===

# dB that an exponent must be expected to gain for each 1/255 by which it is expected to
# change a good photograph. Chosen on training photographs (docs/experiments.md).
PRICE = 0.4
ERROR = 2.0 / 255  # of the right exponent: steps are so wide


def decide(evidence: NDArray[np.floating], values: NDArray[np.floating]) -> float:
    """Returns log2 of the exponent to be undone; 0 where nothing is.

    Of each exponent: the PSNR it is expected to gain, less ``PRICE`` for what it is
    expected to change where nothing should be. A likelihood pays far more for
    a good photograph that is left alone than for any that is mended, and would never
    act; this says what an error costs.

    Args:
        evidence: of ``Exponent``, (K,).
        values: some of the photograph's, 0..1, of any shape.
    """
    steps = exponents(len(evidence)).astype(np.float64)
    middle = len(steps) // 2
    chances = np.exp(evidence - np.max(evidence, keepdims=True)).astype(np.float64)
    chances /= chances.sum()  # all exponents alike: what a good one is worth is PRICE
    y = np.clip(np.asarray(values, np.float64).ravel(), 1e-6, 1.0)
    undone = np.exp(np.exp2(-steps)[:, None] * np.log(y))  # y^(2^-k)
    products = undone @ undone.T / y.size
    squares = np.diag(products)
    errors = squares[:, None] + squares - 2.0 * products  # [what was done, undone]
    psnr = -10.0 * np.log10(np.maximum(errors, 0.0) + ERROR**2)
    gain = chances @ (psnr - psnr[:, middle : middle + 1])
    harm = 255.0 * np.abs(undone - y).mean(axis=1)
    # With its neighbours: 0 itself stands for every other change as well.
    good = len(steps) * chances[middle - 1 : middle + 2].mean()
    worth = gain - PRICE * good * harm
    return float(steps[np.argmax(worth)]) if worth.max() > 0 else 0.0
