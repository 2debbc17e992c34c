"""The layers that the ladder is made of. No latents, no objective here."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import tensorflow as tf

DENSE = 0  # in place of a kernel's side


@keras.saving.register_keras_serializable("vaenhance")
class ResidualBlock(keras.layers.Layer):
    """x + conv(rectifier(conv(x))), both at the width of x.

    Args:
        width: channels of input and output.
        branch_scale: standard deviation factor of the last convolution's
            initial weights; 1/√(number of blocks) keeps a deep ladder's
            activations of one size (VDVAE, Child 2021).
        kernel: side of both convolutions, or ``DENSE``.
        leak: as of ``rectifier``.
    """

    def __init__(
        self,
        width: int,
        branch_scale: float = 1.0,
        kernel: int = 3,
        leak: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.width = width
        self.branch_scale = branch_scale
        self.kernel = kernel
        self.leak = leak
        self.first = convolution(
            width,
            kernel,
            "first",
            self.dtype_policy,
            activation=rectifier(leak),
            kernel_initializer="he_normal",
        )
        self.second = convolution(
            width,
            kernel,
            "second",
            self.dtype_policy,
            kernel_initializer=keras.initializers.VarianceScaling(branch_scale**2),
        )

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build(input_shape)

    def call(self, x):
        return x + self.second(self.first(x))

    def get_config(self):
        own = ("width", "branch_scale", "kernel", "leak")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


@keras.saving.register_keras_serializable("vaenhance")
class Upsample(keras.layers.Layer):
    """Multiplies height and width by a factor: 1×1 convolution, then more pixels.

    Doubling is by nearest neighbour, not a strided transpose: it neither leaves a
    checkerboard nor needs a KL warm-up (Child 2021). A larger factor leads from a few
    numbers for a whole picture to their first map: every new pixel is its own
    function of them (depth to space).
    """

    def __init__(self, width: int, factor: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        self.width = width
        self.factor = factor
        if factor > 2:  # each of the new pixels is an output of the same few inputs
            self.project = convolution(
                width * factor**2,
                DENSE,
                "project",
                self.dtype_policy,
                kernel_initializer="lecun_normal",
            )
        else:
            self.project = convolution(width, 1, "project", self.dtype_policy)

    def build(self, input_shape):
        self.project.build(input_shape)

    def call(self, x):
        x = self.project(x)
        if self.factor == 1:
            return x
        if self.factor > 2:
            return tf.nn.depth_to_space(x, self.factor)
        size = tf.shape(x)
        # (B, H, W, C) -> (B, H, 1, W, 1, C) -> repeat -> (B, 2H, 2W, C)
        x = tf.tile(x[:, :, None, :, None, :], [1, 1, 2, 1, 2, 1])
        return tf.reshape(x, [size[0], 2 * size[1], 2 * size[2], self.width])

    def get_config(self):
        own = {"width": self.width, "factor": self.factor}
        return {**super().get_config(), **own}


def rectifier(leak: float) -> Any:
    """Returns the activation of hidden units: x above zero, leak · x below.

    Without a leak (ReLU) a unit whose input is negative everywhere gets no gradient
    ever again; with one it still learns (leaky ReLU, Maas et al. 2013).

    Args:
        leak: slope below zero.
    """
    return partial(tf.nn.leaky_relu, alpha=leak) if leak else "relu"


def convolution(width: int, kernel: int, name: str, dtype: Any, **kwargs: Any):
    """Returns a 'same' convolution; the one spelling used in this package.

    A kernel of ``DENSE`` is a matrix product at every position. For maps of one
    position that is what a convolution is, and TensorFlow's takes twenty times as long.
    """
    if kernel == DENSE:
        return keras.layers.Dense(width, name=name, dtype=dtype, **kwargs)
    return keras.layers.Conv2D(
        width, kernel, padding="same", name=name, dtype=dtype, **kwargs
    )


@keras.saving.register_keras_serializable("vaenhance")
class Patches(keras.layers.Dense):
    """A convolution whose kernel is its stride, as a matrix product of patches.

    Args:
        units: outputs of each patch.
        factor: side of a patch, and by how much the map shrinks.
    """

    def __init__(self, units: int, factor: int, **kwargs: Any):
        super().__init__(units, **kwargs)
        self.factor = factor

    def build(self, input_shape):
        super().build((*input_shape[:-1], input_shape[-1] * self.factor**2))
        self.input_spec = None  # of the patches, not of what comes in

    def call(self, x):
        return super().call(tf.nn.space_to_depth(x, self.factor))

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def downsample(width: int, factor: int, name: str, dtype: Any):
    """Returns the layer that leads to a map smaller by a factor."""
    if factor > 2:
        return Patches(width, factor, name=name, dtype=dtype)
    return convolution(width, factor, name, dtype, strides=factor)


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
