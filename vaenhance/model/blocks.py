"""The layers that the ladder is made of. No latents, no objective here."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("vaenhance")
class ResidualBlock(keras.layers.Layer):
    """x + conv(relu(conv(x))), both 3×3 at the width of x.

    Args:
        width: channels of input and output.
        branch_scale: standard deviation factor of the last convolution's
            initial weights; 1/√(number of blocks) keeps a deep ladder's
            activations of one size (VDVAE, Child 2021).
    """

    def __init__(self, width: int, branch_scale: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.width = width
        self.branch_scale = branch_scale
        self.first = keras.layers.Conv2D(
            width,
            3,
            padding="same",
            activation="relu",
            kernel_initializer="he_normal",
            name="first",
            dtype=self.dtype_policy,
        )
        self.second = keras.layers.Conv2D(
            width,
            3,
            padding="same",
            kernel_initializer=keras.initializers.VarianceScaling(branch_scale**2),
            name="second",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build(input_shape)

    def call(self, x):
        return x + self.second(self.first(x))

    def get_config(self):
        own = {"width": self.width, "branch_scale": self.branch_scale}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("vaenhance")
class Upsample(keras.layers.Layer):
    """Doubles height and width: 1×1 convolution, then nearest neighbour.

    Nearest neighbour, not a strided transpose: it neither leaves a checkerboard
    nor needs a KL warm-up (Child 2021).
    """

    def __init__(self, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.width = width
        self.project = keras.layers.Conv2D(
            width, 1, name="project", dtype=self.dtype_policy
        )

    def build(self, input_shape):
        self.project.build(input_shape)

    def call(self, x):
        x = self.project(x)
        size = tf.shape(x)
        # (B, H, W, C) -> (B, H, 1, W, 1, C) -> repeat -> (B, 2H, 2W, C)
        x = tf.tile(x[:, :, None, :, None, :], [1, 1, 2, 1, 2, 1])
        return tf.reshape(x, [size[0], 2 * size[1], 2 * size[2], self.width])

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def convolution(width: int, kernel: int, name: str, dtype: Any, **kwargs: Any):
    """Returns a 'same' convolution; the one spelling used in this package."""
    return keras.layers.Conv2D(
        width, kernel, padding="same", name=name, dtype=dtype, **kwargs
    )


def noise_planes(h: Any, noise_sigma: Any) -> Any:
    """Returns two planes of the size of h: the noise level, and whether it is known.

    Args:
        h: what they are put beside, (B, H, W, C).
        noise_sigma: (B,) in [0, 1] units, negative where unknown; None: everywhere.
    """
    size = tf.shape(h)
    if noise_sigma is None:
        noise_sigma = -tf.ones([size[0]])
    known = tf.cast(noise_sigma >= 0.0, tf.float32)
    # 10·σ is of the order of 1 for the noise of photographs.
    planes = tf.stack([10.0 * known * noise_sigma, known], axis=-1)
    return tf.broadcast_to(planes[:, None, None, :], [size[0], size[1], size[2], 2])
