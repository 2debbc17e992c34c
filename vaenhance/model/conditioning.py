"""What a level's features go through before its latent: the class, then blocks.

No names of classes and no images here: a label is a number, and one below 0 says
that the class is not told, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from vaenhance.config import ModelConfig, start_side
from vaenhance.model.blocks import ResidualBlock


@keras.saving.register_keras_serializable("vaenhance")
class ClassCondition(keras.layers.Layer):
    """h · (1 + gain[label]) + bias[label] (FiLM, Perez et al. 2018).

    Args:
        classes: how many.
        side: positions a side that have a bias of their own; with 1 all share it,
            and h may have any size.
    """

    def __init__(self, classes: int, side: int = 1, **kwargs: Any):
        super().__init__(**kwargs)
        self.classes = classes
        self.side = side

    def build(self, input_shape):
        """Creates the tables, at 0: at first every class is like none."""
        width = input_shape[-1]
        tables = {
            "gain": (self.classes, width),
            "bias": (self.classes, self.side, self.side, width),
        }
        for name, shape in tables.items():
            table = self.add_weight(
                shape=shape, initializer="zeros", dtype="float32", name=name
            )
            setattr(self, name, table)

    def call(self, h, label):
        """Returns h under a class.

        Args:
            h: (B, H, W, width).
            label: (B,) whole numbers; below 0 nothing is told.
        """
        # Zero for a label below 0.
        told = tf.one_hot(label, self.classes, dtype=tf.float32)
        gain = tf.matmul(told, tf.convert_to_tensor(self.gain))[:, None, None, :]
        bias = tf.tensordot(told, tf.convert_to_tensor(self.bias), 1)
        return h * tf.cast(1.0 + gain, h.dtype) + tf.cast(bias, h.dtype)

    def get_config(self):
        """Returns the arguments."""
        own = {"classes": self.classes, "side": self.side}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("vaenhance")
class Context(keras.layers.Layer):
    """Class condition and residual blocks; either may be missing, or both.

    Prior, posterior and decoder all see what comes out. Without blocks a prior sees
    features of the coarser level alone, the same for four neighbours.

    Args:
        width: channels of input and output.
        blocks: how many residual blocks.
        classes: how many; 0 for none.
        side: as of ``ClassCondition``.
        branch_scale: as of ``ResidualBlock``.
        kernel: as of ``ResidualBlock``.
        leak: as of ``ResidualBlock``.
    """

    def __init__(
        self,
        width: int,
        blocks: int,
        classes: int = 0,
        side: int = 1,
        branch_scale: float = 1.0,
        kernel: int = 3,
        leak: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._own = {
            "width": width,
            "blocks": blocks,
            "classes": classes,
            "side": side,
            "branch_scale": branch_scale,
            "kernel": kernel,
            "leak": leak,
        }
        policy = self.dtype_policy
        self.condition = None
        if classes:
            self.condition = ClassCondition(classes, side, name="class", dtype=policy)
        self.blocks = [
            ResidualBlock(
                width, branch_scale, kernel, leak, name=f"block{i}", dtype=policy
            )
            for i in range(blocks)
        ]

    def build(self, input_shape):
        """Creates the weights of what there is."""
        if self.condition is not None:
            self.condition.build(input_shape)
        for block in self.blocks:
            block.build(input_shape)

    def call(self, h, label):
        """Returns h with its context; see ``ClassCondition.call``."""
        if self.condition is not None:
            h = self.condition(h, label)
        for block in self.blocks:
            h = block(h)
        return h

    def get_config(self):
        """Returns the arguments."""
        return {**super().get_config(), **self._own}


def contexts(
    config: ModelConfig, branch_scale: float, kernels: Sequence[int], policy: str
) -> list[Context]:
    """Returns the context of every level of a ladder, fine to coarse."""
    levels = range(len(config.widths))
    blocks = config.context_blocks or [0 for _ in levels]
    is_told = config.class_scope == "network"
    return [
        Context(
            config.widths[i],
            blocks[i],
            len(config.classes) if is_told else 0,
            start_side(config) if i == levels[-1] else 1,
            branch_scale,
            kernels[i],
            config.leak,
            name=f"context{i}",
            dtype=policy,
        )
        for i in levels
    ]
