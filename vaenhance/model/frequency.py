"""A term for sharpness without another network: the frequencies that are worst.

A squared error is the same whichever frequency it is of, so what is hard, fine
texture, is given up first. Here each frequency is weighed by its own error.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from vaenhance.model.gaussian import calibrated_penalty


def focal_frequency(x: Any, mean: Any) -> Any:
    """Returns the focal frequency distance of images, (B,), [0, 1] units squared.

    Mean over the frequencies of w·|F(x) − F(mean)|², with the orthonormal transform F
    of every colour and w = |F(x) − F(mean)|, divided by its largest value in that
    spectrum (Jiang et al. 2021, Focal Frequency Loss, with alpha = 1). No gradient
    goes through w. It is at most the mean squared error, which has w = 1.

    Args:
        x: clean images (B, H, W, C).
        mean: E[x|z], same shape.
    """
    difference = tf.transpose(tf.cast(x - mean, tf.float32), [0, 3, 1, 2])
    pixels = tf.cast(tf.reduce_prod(tf.shape(difference)[2:]), tf.float32)
    spectrum = tf.signal.fft2d(tf.cast(difference, tf.complex64))
    power = tf.square(tf.abs(spectrum)) / pixels
    amplitude = tf.sqrt(tf.stop_gradient(power))
    largest = tf.reduce_max(amplitude, axis=[2, 3], keepdims=True)
    weight = tf.math.divide_no_nan(amplitude, largest)
    return tf.reduce_mean(weight * power, axis=[1, 2, 3])


def sharpness_penalty(x: Any, mean: Any, sigma_floor: float) -> Any:
    """Returns ½·log(2π·(distance + floor²)) of every image, nats a dimension, (B,).

    As the calibrated likelihood takes the squared error, so that a weight of 1 pulls
    as hard as the likelihood does, for noisy crops and for clean ones.

    Args:
        x: clean images (B, H, W, C).
        mean: E[x|z], same shape.
        sigma_floor: as of the likelihood.
    """
    return calibrated_penalty(focal_frequency(x, mean), sigma_floor)
