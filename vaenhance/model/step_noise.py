"""The posterior's noise in training: a function of seed, step and image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def step_noise(
    seed: int, number: Any, own: Any, shapes: Sequence[tuple[int, int, int]]
) -> list[Any]:
    """Returns standard normal noise of each level, for this device's images.

    Every device draws the noise of the whole batch and takes its part, so that the
    number of devices does not change what is learned.

    Args:
        seed: of the run.
        number: of the step, from 0; a scalar tensor.
        own: images of this device.
        shapes: (h, w, c) of each level.
    """
    context = tf.distribute.get_replica_context()
    replica, replicas = context.replica_id_in_sync_group, context.num_replicas_in_sync
    draws = []
    for level, shape in enumerate(shapes):
        place = (number * len(shapes) + level) * 1024
        key = tf.stack([tf.constant(seed, tf.int64), place])
        drawn = tf.random.stateless_normal([own * replicas, *shape], key)
        draws.append(drawn[replica * own : (replica + 1) * own])
    return draws
