"""The discriminator of a VAE-GAN: which patches of an image look real.

Never part of a model: it lives in a training and its checkpoints.
"""

from __future__ import annotations

from typing import Any

import keras

from vaenhance.config import AdversarialConfig
from vaenhance.model.blocks import convolution

KERNEL = 4  # twice the stride: every pixel counts as often
SLOPE = 0.2  # of the leaky ReLU
GROUPS = 8  # of the normalisation, which needs no statistics of other images


class Discriminator(keras.Model):
    """A number for each patch of an image: high for a real one.

    Convolutions of stride 2, one of stride 1 and the verdict (PatchGAN: Isola et al.
    2017); normalised in groups (Wu & He 2018), so that it has no running averages.
    In float32, whatever the network's precision.

    Args:
        config: its size.
        channels: of the images.
    """

    def __init__(self, config: AdversarialConfig, channels: int):
        super().__init__(name="discriminator")
        self.channels = channels
        self.widths = [config.width * min(2**i, 8) for i in range(config.layers + 1)]
        self.steps = [
            convolution(
                width,
                KERNEL,
                f"step{i}",
                "float32",
                strides=2 if i < config.layers else 1,
                kernel_initializer="he_normal",
            )
            for i, width in enumerate(self.widths)
        ]
        self.norms = [
            keras.layers.GroupNormalization(GROUPS, name=f"norm{i}")
            for i in range(1, len(self.widths))
        ]
        self.verdict = convolution(1, KERNEL, "verdict", "float32")

    def build(self, input_shape=None):
        """Creates the weights."""
        width = self.channels
        for step in self.steps:
            step.build((None, None, None, width))
            width = step.filters
        for norm, width in zip(self.norms, self.widths[1:], strict=True):
            norm.build((None, None, None, width))
        self.verdict.build((None, None, None, self.widths[-1]))
        self.built = True

    def call(self, image: Any) -> Any:
        """Returns (B, h, w, 1) verdicts on images (B, H, W, C) in [0, 1] units."""
        h = 2.0 * image - 1.0
        for i, step in enumerate(self.steps):
            h = step(h)
            if i:  # colours and contrast themselves may tell: the first stays
                h = self.norms[i - 1](h)
            h = keras.ops.leaky_relu(h, SLOPE)
        return self.verdict(h)
