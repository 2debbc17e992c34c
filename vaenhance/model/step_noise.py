"""The noise of a training step: a function of seed, step and image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import tensorflow as tf


def step_noise(
    seed: int, number: Any, own: Any, shapes: Sequence[tuple[int, int, int]]
) -> list[Any]:
    """Returns standard normal noise of each level, for this device's images.

    Args:
        seed: of the run.
        number: of the step, from 0; a scalar tensor.
        own: images of this device.
        shapes: (h, w, c) of each level.
    """
    draws = []
    for level, shape in enumerate(shapes):
        place = (number * len(shapes) + level) * 1024
        key = tf.stack([tf.constant(seed, tf.int64), place])
        draws.append(own_part(own, partial(_normal, shape, key)))
    return draws


def step_seed(seed: int, number: Any) -> Any:
    """Returns the seed of what else a step draws, (2,) int64; to the second add 0..99.

    Args:
        seed: of the run.
        number: of the step, from 0; a scalar int64 tensor.
    """
    # Between the places of the levels' noise, which are multiples of 1024.
    return tf.stack([tf.constant(seed, tf.int64), number * 1024 + 1])


def own_part(own: Any, draw: Callable[[Any], Any]) -> Any:
    """Returns this device's part of a draw.

    Every device draws for the images of the whole batch and takes its part, so that the
    number of devices does not change what is learned.

    Args:
        own: images of this device.
        draw: draws for so many images, (images, ...).
    """
    context = tf.distribute.get_replica_context()
    replica, replicas = context.replica_id_in_sync_group, context.num_replicas_in_sync
    return draw(own * replicas)[replica * own : (replica + 1) * own]


def _normal(shape: tuple[int, int, int], key: Any, count: Any) -> Any:
    return tf.random.stateless_normal([count, *shape], key)
