"""The layers of the ladder: how many of which size, and their weights.

How an image goes through them is in ``ladder``.
"""

from __future__ import annotations

import math
from typing import Any

import keras

from vaenhance.config import ModelConfig, level_steps, start_side
from vaenhance.model.blocks import (
    DENSE,
    ResidualBlock,
    Upsample,
    convolution,
    downsample,
    rectifier,
)
from vaenhance.model.conditioning import contexts
from vaenhance.model.heads import make_heads
from vaenhance.model.prior import fitted_priors


class LadderLayers(keras.Model):
    """What ``Ladder`` is made of; lists of layers are ordered fine to coarse.

    Args:
        config: the network's shape.
        policy: Keras dtype policy of the convolutions; weights stay float32.
    """

    def __init__(self, config: ModelConfig, policy: str = "float32"):
        super().__init__(name="ladder", dtype=policy)
        self.config = config
        levels = range(len(config.widths))
        branch = _branch_scale(config)
        widths, latents = config.widths, config.latent_channels
        kernels = [_kernel(config, step) for step in level_steps(config)]
        points = [min(kernel, 1) for kernel in kernels]
        factors = config.strides or (2,) * (len(widths) - 1)
        hidden = {"activation": rectifier(config.leak)}

        def blocks(name: str, level: int, count: int) -> list[ResidualBlock]:
            given = widths[level], branch, kernels[level], config.leak
            names = [f"{name}{i}" for i in range(count)]
            return [ResidualBlock(*given, name=n, dtype=policy) for n in names]

        def gaussian(name: str, level: int) -> Any:
            outputs, kernel = 2 * latents[level], points[level]
            return convolution(outputs, kernel, f"{name}{level}", policy, **_small())

        # === Bottom-up ===
        self.stem = convolution(widths[0], 3, "stem", policy)
        self.down = [
            downsample(widths[i], factor, f"down{i}", policy)
            for i, factor in enumerate(factors, start=1)
        ]
        self.up_blocks = [
            blocks(f"encoder{i}_", i, config.encoder_blocks[i]) for i in levels
        ]
        # === Top-down ===
        self.context = contexts(config, branch, kernels, policy)
        self.fitted = fitted_priors(config, policy)
        self.prior_head = [gaussian("prior", i) for i in levels]
        self.posterior_mix = [
            convolution(widths[i], kernels[i], f"mix{i}", policy, **hidden)
            for i in levels
        ]
        self.posterior_head = [gaussian("posterior", i) for i in levels]
        self.merge = [
            convolution(widths[i], points[i], f"merge{i}", policy) for i in levels
        ]
        self.down_blocks = [
            blocks(f"decoder{i}_", i, config.decoder_blocks[i]) for i in levels
        ]
        self.upsample = [
            Upsample(widths[i], factor, name=f"upsample{i}", dtype=policy)
            for i, factor in enumerate(factors)
        ]
        self.heads = make_heads(config)

    def build(self, input_shape=None):
        """Creates every weight, without running the network."""
        config = self.config
        planes = config.unshuffle**2 * config.channels + 2 * config.noise_map
        self.stem.build((None, None, None, planes))
        for i, width in enumerate(config.widths):
            size = (None, None, None, width)
            latent = (None, None, None, config.latent_channels[i])
            if i:
                self.down[i - 1].build((None, None, None, config.widths[i - 1]))
                self.upsample[i - 1].build(size)
            self.prior_head[i].build(size)
            self.posterior_mix[i].build((None, None, None, 2 * width))
            self.posterior_head[i].build(size)
            self.merge[i].build(latent)
            for block in (*self.up_blocks[i], *self.down_blocks[i]):
                block.build(size)
            self.context[i].build(size)
            if self.fitted:
                self.fitted[i].build(size)
        for head in self.heads:
            head.build((None, None, None, config.widths[0]))
        side = start_side(config)
        self.start = self.add_weight(
            shape=(1, side, side, config.widths[-1]),
            initializer="random_normal",
            dtype="float32",
            name="start",
        )
        self.built = True

    def freeze_all_but_prior(self) -> None:
        """Leaves only the fitted prior to be trained; there must be one."""
        fitted = {id(v) for prior in self.fitted for v in prior.variables}
        for variable in self.variables:
            variable.trainable = id(variable) in fitted


def _branch_scale(config: ModelConfig) -> float:
    """Returns 1/√(number of blocks): activations of one size at any depth."""
    per_level = config.encoder_blocks, config.context_blocks, config.decoder_blocks
    return 1.0 / math.sqrt(max(sum(map(sum, per_level)), 1))


def _kernel(config: ModelConfig, step: int) -> int:
    """Returns the side of a level's convolutions: one position has no neighbours."""
    return DENSE if config.image_size and step >= config.image_size else 3


def _small() -> dict[str, Any]:
    """Returns arguments for heads that start near zero: q = p, x = mid-gray."""
    return {"kernel_initializer": keras.initializers.VarianceScaling(0.01)}
